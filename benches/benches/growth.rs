//! How time and memory of a task grow with the number of tasks and of workers.
//!
//! `TRINE_GROWTH_TASKS=10000000 cargo bench -p trine-benches --bench growth`; a tenth of that by default.

use std::env;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use trine::ThreadPool;
use trine_benches::{Grid, Quartiles, forget_peak_memory, measure, memory, peak_memory};

const WORKERS: [usize; 5] = [1, 2, 4, 8, 64];
const LEAST_TASKS: u64 = 1_000;
/// Bursts are repeated until they make a sample of this length.
const SAMPLE: Duration = Duration::from_millis(25);
const SAMPLES: usize = 5;

fn main() {
    let most = env::var("TRINE_GROWTH_TASKS")
        .map_or(1_000_000, |text| text.parse().expect("it is a number of tasks"));
    memory_of_queued(most);
    growth(
        "growth.t1",
        "bursts of detached tasks from outside, warm pools: ns a task, and times the best of its column",
        most,
        detached,
    );
    growth(
        "growth.t5",
        "maps of elements of about 20 ns, warm pools: ns an element, and times the best of its column",
        most,
        mapped,
    );
}

/// A table of `burst`, which does so many tasks on the pool.
fn growth(name: &str, title: &str, most: u64, burst: fn(&ThreadPool, u64)) {
    let columns = WORKERS.map(|workers| format!("{workers} workers"));
    let head = ["tasks".to_owned()]
        .into_iter()
        .chain(columns)
        .chain(["peak memory".to_owned()]);
    let Some(mut grid) = Grid::new(name, title, head) else {
        return;
    };
    let sizes: Vec<u64> = std::iter::successors(Some(LEAST_TASKS), |tasks| Some(tasks * 10))
        .take_while(|&tasks| tasks <= most)
        .collect();
    let mut peaks = vec![0; sizes.len()];
    let mut columns = Vec::new();
    for workers in WORKERS {
        let pool = ThreadPool::new(workers).expect("the system gives threads");
        burst(&pool, LEAST_TASKS);
        let mut column = Vec::new();
        for (&tasks, peak) in sizes.iter().zip(&mut peaks) {
            forget_peak_memory();
            let before = memory();
            column.push(nanoseconds(&pool, tasks, burst));
            *peak = peak_memory().saturating_sub(before).max(*peak);
        }
        columns.push(column);
    }
    for (line, (tasks, peak)) in sizes.iter().zip(peaks).enumerate() {
        let cells = columns
            .iter()
            .zip(WORKERS)
            .map(|(column, workers)| cell(column, line, workers));
        let peak = format!("{:.1} MiB", peak as f64 / f64::from(1 << 20));
        grid.lines.push(
            [tasks.to_string()]
                .into_iter()
                .chain(cells)
                .chain([peak])
                .collect(),
        );
    }
    grid.print();
}

fn cell(column: &[f64], line: usize, workers: usize) -> String {
    let best = column.iter().copied().fold(f64::INFINITY, f64::min);
    let at_most = if workers <= 8 { 1.5 } else { 2.0 };
    let times = column[line] / best;
    let verdict = if times > at_most { " SHORT" } else { "" };
    format!("{:.1} {times:.2}x{verdict}", column[line])
}

/// The median of some samples.
fn nanoseconds(pool: &ThreadPool, tasks: u64, burst: fn(&ThreadPool, u64)) -> f64 {
    let samples = (0..SAMPLES).map(|_| {
        let mut sample = measure(|| 0);
        while sample.wall < SAMPLE {
            sample += measure(|| {
                burst(pool, tasks);
                tasks
            });
        }
        sample.wall.as_secs_f64() * 1e9 / sample.operations as f64
    });
    Quartiles::of(samples).median
}

/// The last task to run says so when it drops this.
struct Burst(AtomicU64, Sender<()>);

impl Drop for Burst {
    fn drop(&mut self) {
        self.1.send(()).expect("the burst is waited for");
    }
}

fn detached(pool: &ThreadPool, tasks: u64) {
    let (sender, ended) = channel();
    let burst = Arc::new(Burst(AtomicU64::new(0), sender));
    for number in 0..tasks {
        let burst = Arc::clone(&burst);
        pool.spawn_detached(move || {
            burst.0.fetch_add(black_box(number), Relaxed);
        });
    }
    drop(burst);
    ended.recv().expect("the last task says so");
}

fn mapped(pool: &ThreadPool, elements: u64) {
    let sum: u64 = pool
        .map(|number| compute(black_box(number)), 0..elements)
        .map(|result| result.expect("no element fails") & 1)
        .sum();
    black_box(sum);
}

/// About 20 ns.
fn compute(seed: u64) -> u64 {
    (0..14).fold(seed, |value, step| {
        (value ^ (value >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ step
    })
}

/// What a task with its future takes in memory while it is queued. In fresh memory: this comes first.
fn memory_of_queued(most: u64) {
    let head = ["what", "bytes a task"];
    let title = format!("memory of {most} queued tasks that capture 16 bytes");
    let Some(mut grid) = Grid::new("growth.memory", &title, head.map(String::from)) else {
        return;
    };
    let pool = ThreadPool::new(1).expect("the system gives threads");
    let (release, released) = channel::<()>();
    let held = pool.spawn(move || {
        let _ = released.recv();
    });
    let before = memory();
    let futures: Vec<_> = (0..most)
        .map(|number| {
            let captured = (number, number);
            pool.spawn(move || black_box(captured).0)
        })
        .collect();
    let bytes = memory().saturating_sub(before) as f64 / most as f64;
    drop(release);
    held.result().expect("it ends with the sender");
    drop(futures);
    grid.lines
        .push(vec!["queued, and its future".into(), format!("{bytes:.0}")]);
    grid.print();
}
