//! What a process costs after its work is done: with a pool that has nothing to do, and without one.
//!
//! `TRINE_IDLE_SECONDS=10 cargo bench -p trine-benches --bench idle`; a second by default.

use std::time::{Duration, Instant};
use std::{env, fs, thread};
use trine::ThreadPool;
use trine_benches::{Grid, processor_time};

const WORKERS: usize = 2;
const TASKS: u64 = 100_000;

fn main() {
    let seconds =
        env::var("TRINE_IDLE_SECONDS").map_or(1, |text| text.parse().expect("it is a number of seconds"));
    let idle = Duration::from_secs(seconds);
    let title = format!("{seconds} s without work, after {TASKS} tasks");
    let head = ["what", "processor time", "context switches"];
    let Some(mut grid) = Grid::new("idle", &title, head.map(String::from)) else {
        return;
    };
    grid.lines.push(line("no pool", idle));
    let pool = ThreadPool::new(WORKERS).expect("the system gives threads");
    let futures: Vec<_> = (0..TASKS).map(|number| pool.spawn(move || number)).collect();
    let sum: u64 = futures
        .into_iter()
        .map(|future| future.result().expect("it runs"))
        .sum();
    assert_eq!(sum, TASKS * (TASKS - 1) / 2);
    grid.lines.push(line("after tasks", idle));
    pool.join(|| (), || ());
    grid.lines.push(line("after a join", idle));
    // The thread pool of another kind, at the same work.
    drop(pool);
    let rayon = rayon::ThreadPoolBuilder::new()
        .num_threads(WORKERS)
        .build()
        .expect("the system gives threads");
    rayon.install(|| rayon::join(|| (), || ()));
    grid.lines.push(line("rayon, after a join", idle));
    drop(rayon);
    grid.print();
}

/// Sleeps, and says what the process did meanwhile.
fn line(what: &str, idle: Duration) -> Vec<String> {
    let (start, time, switches) = (Instant::now(), processor_time(), context_switches());
    thread::sleep(idle.saturating_sub(start.elapsed()));
    let (time, switches) = (processor_time() - time, context_switches() - switches);
    vec![
        what.into(),
        format!("{} µs", time.as_micros()),
        switches.to_string(),
    ]
}

/// Those of all threads, chosen by them or not.
fn context_switches() -> u64 {
    let threads = fs::read_dir("/proc/self/task").expect("Linux shows the threads");
    threads
        .map(|thread| {
            let status = thread.expect("Linux shows the threads").path().join("status");
            // A thread may have ended meanwhile.
            let status = fs::read_to_string(status).unwrap_or_default();
            status
                .lines()
                .filter(|line| line.contains("voluntary_ctxt_switches"))
                .filter_map(|line| line.split_whitespace().last()?.parse::<u64>().ok())
                .sum::<u64>()
        })
        .sum()
}
