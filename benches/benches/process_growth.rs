//! How the time of a process task grows with the number of workers, of tasks and of bytes, and what a queued one takes in memory.
//!
//! `TRINE_GROWTH_TASKS=10000000 cargo bench -p trine-benches --bench process_growth`; a tenth of that by default.

use serde::{Deserialize, Serialize};
use std::env;
use std::hint::black_box;
use std::process::{self, Command};
use std::thread;
use std::time::Duration;
use trine::ProcessPool;
use trine::processes::SharedBytes;
use trine_benches::{
    Grid, Line, Measurement, Place, Plot, Quartiles, SAMPLE, have_all_meet, is_wanted, measure,
    measure_prepared, meet, memory,
};

const WORKERS: [usize; 4] = [1, 2, 4, 16];
const LEAST_TASKS: u64 = 100;
/// From one place on the axis to the next.
const STEP_OF_BYTES: u64 = 4;
const MOST_BYTES: u64 = 256 << 20;
const SAMPLES: usize = 5;
/// What costs more than this many times what fewer or smaller ones do is a cliff.
const CLIFF: f64 = 1.5;

fn main() {
    let most = env::var("TRINE_GROWTH_TASKS")
        .map_or(1_000_000, |text| text.parse().expect("it is a number of tasks"));
    let parts: [(&str, &dyn Fn()); 4] = [
        ("growth.processes.memory.16", &|| memory_of_queued(most, 16)),
        ("growth.processes.memory.4096", &|| {
            memory_of_queued(most / 10, 4096)
        }),
        ("growth.processes.tasks", &|| tasks(most)),
        ("growth.processes.bytes", &bytes),
    ];
    let only = env::args().nth(1);
    if let Some((_, part)) = parts.iter().find(|(name, _)| only.as_deref() == Some(name)) {
        return part();
    }
    // A process for each, so that none is measured in memory that another one has left.
    for (name, _) in parts {
        if !is_wanted(name, env::args().skip(1)) {
            continue;
        }
        let program = env::current_exe().expect("the program is there");
        let status = Command::new(program).arg(name).status().expect("it starts again");
        assert!(status.success(), "{name}: {status}");
    }
}

fn tiny((number, nonce): (u64, u64)) -> (u64, u32) {
    (number ^ nonce, process::id())
}

/// A pool, all of whose workers are there.
fn pool(workers: usize) -> ProcessPool {
    let pool = ProcessPool::new(workers).expect("a pool");
    have_all_meet(workers, |invitation| {
        let future = pool.submit(meet, invitation);
        || future.result().expect("it meets")
    });
    pool
}

fn tasks(most: u64) {
    let numbers = std::iter::successors(Some(LEAST_TASKS), |tasks| Some(tasks * 10));
    let places: Vec<Place> = numbers
        .take_while(|&tasks| tasks <= most)
        .map(Place::count)
        .collect();
    let Some(mut plot) = Plot::new(
        "growth.processes.tasks",
        "so many tiny tasks are submitted, then collected; in brackets, how far one rises above what it costs among fewer",
        ["tasks", "µs a task"],
        places,
    ) else {
        return;
    };
    for workers in WORKERS {
        let pool = pool(workers);
        let burst = |place: &Place| {
            median(|| {
                measure(|| {
                    collect(&pool, place.number);
                    place.number
                })
            })
        };
        let values: Vec<f64> = plot.places.iter().map(burst).collect();
        let name = format!(
            "{workers} workers{}",
            verdict(rise(values.iter().copied()), CLIFF)
        );
        plot.lines.push(Line { name, values });
    }
    plot.print();
}

/// Submits them one by one, and then takes all results.
fn collect(pool: &ProcessPool, tasks: u64) {
    let futures: Vec<_> = (0..tasks)
        .map(|number| pool.submit(tiny, black_box((number, 7))))
        .collect();
    for (number, future) in (0..tasks).zip(futures) {
        let (answer, worker) = future.result().expect("a value");
        assert_eq!(answer, number ^ 7);
        assert_ne!(worker, process::id());
    }
}

#[derive(Serialize, Deserialize)]
struct Picture {
    width: u32,
    bytes: Vec<u8>,
}

fn bytes() {
    let places = std::iter::successors(Some(8), |bytes| Some(bytes * STEP_OF_BYTES));
    let mut places: Vec<Place> = places
        .take_while(|&bytes| bytes < MOST_BYTES / 2)
        .map(Place::bytes)
        .collect();
    places.push(Place::bytes(MOST_BYTES));
    let Some(mut plot) = Plot::new(
        "growth.processes.bytes",
        "a call with so many bytes, 2 workers, one at a time; in brackets, how far a byte rises above what it costs among fewer",
        ["bytes", "µs a call"],
        places,
    ) else {
        return;
    };
    let pool = pool(2);
    let zeros = |size: u64| vec![7; size as usize];
    let places = plot.places.clone();
    let mut line = |name: &str, cliff: f64, call: &dyn Fn(u64) -> Measurement| {
        let numbers = places.iter().map(|place| place.number);
        let values: Vec<f64> = numbers.map(|size| median(|| call(size))).collect();
        let a_byte = values.iter().zip(&places);
        let rise = rise(a_byte.map(|(value, place)| value / place.number as f64));
        let name = format!("{name}{}", verdict(rise, cliff));
        plot.lines.push(Line { name, values });
        rise
    };
    // Where the caches end, and where the system makes memory anew each time, a byte costs every program more.
    let new_memory = line("new memory, here", f64::INFINITY, &|size| {
        measure_prepared(|_| (), |()| drop(black_box(zeros(size))))
    });
    let same_memory = line("the same memory, here", f64::INFINITY, &|size| {
        let mut memory = zeros(size);
        measure_prepared(|_| (), |()| black_box(&mut memory).fill(7))
    });
    line("Vec<u8> out", new_memory, &|size| {
        measure_prepared(
            |_| zeros(size),
            |bytes| {
                let length = pool.submit(|bytes: Vec<u8>| bytes.len() as u64, black_box(bytes));
                assert_eq!(length.result().expect("a value"), size);
            },
        )
    });
    line("Vec<u8> back", new_memory, &|size| {
        measure_prepared(
            |_| size,
            |size| {
                let bytes = pool.submit(|size: u64| vec![7_u8; size as usize], black_box(size));
                assert_eq!(bytes.result().expect("a value").len() as u64, size);
            },
        )
    });
    line("in a struct out", new_memory, &|size| {
        let picture = |_| Picture {
            width: 1,
            bytes: zeros(size),
        };
        measure_prepared(picture, |picture| {
            let length = pool.submit(|picture: Picture| picture.bytes.len() as u64, black_box(picture));
            assert_eq!(length.result().expect("a value"), size);
        })
    });
    line("SharedBytes out", same_memory, &|size| {
        let mut shared = SharedBytes::for_overwrite(size as usize);
        measure_prepared(
            |_| (),
            |()| {
                shared.make_mut().fill(7);
                let length = pool.submit(|bytes: SharedBytes| bytes.len() as u64, shared.clone());
                assert_eq!(length.result().expect("a value"), size);
            },
        )
    });
    line("SharedBytes back", same_memory, &|size| {
        let fill = |size: u64| {
            let mut bytes = SharedBytes::for_overwrite(size as usize);
            bytes.make_mut().fill(7);
            bytes
        };
        measure_prepared(
            |_| size,
            |size| {
                let bytes = pool.submit(fill, black_box(size));
                assert_eq!(bytes.result().expect("a value").len() as u64, size);
            },
        )
    });
    plot.print();
}

/// Microseconds an operation. A sample lasts some milliseconds, and the first one warms up.
fn median(sample: impl Fn() -> Measurement) -> f64 {
    let samples = (0..=SAMPLES).map(|_| {
        let mut sum = sample();
        while sum.wall < SAMPLE {
            sum += sample();
        }
        sum.wall.as_secs_f64() * 1e6 / sum.operations as f64
    });
    Quartiles::of(samples.skip(1)).median
}

/// How far a cost lies above the least one of fewer or smaller things, at most: where that is far, there is a cliff.
fn rise(costs: impl Iterator<Item = f64>) -> f64 {
    let (mut least, mut rise) = (f64::INFINITY, 1.0_f64);
    for cost in costs {
        least = least.min(cost);
        rise = rise.max(cost / least);
    }
    rise
}

/// What is said of a line that rises so far, where one that rises as far as `cliff` is none.
fn verdict(rise: f64, cliff: f64) -> String {
    let is_short = if rise > cliff.max(CLIFF) { " SHORT" } else { "" };
    format!(" ({rise:.1}x{is_short})")
}

/// What a task with its future takes here while it is queued. In fresh memory.
fn memory_of_queued(tasks: u64, length: usize) {
    let name = format!("growth.processes.memory.{length}");
    let title = format!("memory of {tasks} queued tasks with arguments of {length} bytes, in the parent");
    let head = ["what", "bytes a task"];
    let Some(mut grid) = Grid::new(&name, &title, head.map(String::from)) else {
        return;
    };
    let pool = ProcessPool::new(1).expect("a pool");
    let held = pool.submit(|_: ()| thread::sleep(Duration::MAX), ());
    let before = memory();
    let futures: Vec<_> = (0..tasks)
        .map(|_| pool.submit(|bytes: Vec<u8>| bytes.len(), black_box(vec![7; length])))
        .collect();
    let bytes = memory().saturating_sub(before) as f64 / tasks as f64;
    pool.kill();
    // Taken, so that nobody is told of failures that nobody has seen.
    let killed = futures.into_iter().map(|future| future.result().map(drop));
    assert!(killed.chain([held.result()]).all(|result| result.is_err()));
    grid.lines
        .push(vec!["queued, and its future".into(), format!("{bytes:.0}")]);
    grid.print();
}
