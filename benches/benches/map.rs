//! `map` of the thread pool against rayon and against half of the time that one thread takes, the ideal of two workers.

use rayon::prelude::*;
use std::hint::black_box;
use std::ops::Range;
use trine::ThreadPool;
use trine_benches::{Measurement, Row, measure};

const WORKERS: usize = 2;
const SHORT_ELEMENTS: u64 = 1_000_000;
const SKEWED_ELEMENTS: u64 = 1_000;
const HEAVY_ELEMENTS: u64 = 10;
const LONG_ELEMENTS: u64 = 40;

const IDEAL: &str = "one thread, halved (the ideal)";
const RAYON: &str = "rayon par_iter";
const BRIDGE: &str = "rayon par_bridge";

fn main() {
    short();
    short_slice();
    skewed();
    long();
}

/// Some computing, in four chains that don't wait for each other: about 0.8 ns a step.
fn compute(seed: u64, steps: u64) -> u64 {
    let mut chains = [1, 3, 5, 7].map(|odd| seed.wrapping_mul(odd));
    for step in 0..steps {
        chains = chains.map(|chain| (chain ^ (chain >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ step);
    }
    chains.into_iter().fold(0, u64::wrapping_add)
}

/// About 20 ns with two threads that do nothing else.
fn short_element(number: u64) -> u64 {
    compute(black_box(number), 20)
}

/// The first ten take a thousand times as long as the others.
fn skewed_element(number: u64) -> u64 {
    let weight = if number < HEAVY_ELEMENTS { 1_000 } else { 1 };
    compute(black_box(number), 2_500 * weight)
}

/// About a millisecond.
fn long_element(number: u64) -> u64 {
    compute(black_box(number), 600_000)
}

fn short() {
    Row::new(
        "map.t5a",
        "a map of 1,000,000 elements of about 20 ns, collected in order",
        || with_trine(SHORT_ELEMENTS, short_element),
    )
    .against(RAYON, 1.0, || {
        with_rayon(SHORT_ELEMENTS, |elements| {
            elements.into_par_iter().map(short_element).collect()
        })
    })
    .beside(BRIDGE, || {
        with_rayon(SHORT_ELEMENTS, |elements| {
            elements.par_bridge().map(short_element).collect()
        })
    })
    .beside(IDEAL, || halved(SHORT_ELEMENTS, short_element))
    .run();
}

fn short_slice() {
    let numbers: Vec<u64> = (0..SHORT_ELEMENTS).collect();
    Row::new(
        "map.slice",
        "1,000,000 elements of about 20 ns in a borrowed slice, collected in order",
        || {
            let pool = ThreadPool::new(WORKERS).expect("the system gives threads");
            measure(|| {
                let values = pool.map_slice(|number| short_element(*number), &numbers);
                black_box(values).expect("no item fails").len() as u64
            })
        },
    )
    .against(RAYON, 1.0, || {
        with_rayon(SHORT_ELEMENTS, |_| {
            numbers.par_iter().map(|number| short_element(*number)).collect()
        })
    })
    .beside(IDEAL, || halved(SHORT_ELEMENTS, short_element))
    .run();
}

fn skewed() {
    Row::new(
        "map.t5b",
        "a map of 1,000 elements, the first ten a thousand times as long as the others",
        || with_trine(SKEWED_ELEMENTS, skewed_element),
    )
    .against(RAYON, 0.6, || {
        with_rayon(SKEWED_ELEMENTS, |elements| {
            elements.into_par_iter().map(skewed_element).collect()
        })
    })
    .beside(BRIDGE, || {
        with_rayon(SKEWED_ELEMENTS, |elements| {
            elements.par_bridge().map(skewed_element).collect()
        })
    })
    .against(IDEAL, 1.05, || halved(SKEWED_ELEMENTS, skewed_element))
    .run();
}

fn long() {
    Row::new("map.long", "a map of 40 elements of about a millisecond", || {
        with_trine(LONG_ELEMENTS, long_element)
    })
    .against("Trine with one worker", 1.0 / 1.9, || {
        with_workers(1, LONG_ELEMENTS, long_element)
    })
    .beside(RAYON, || {
        with_rayon(LONG_ELEMENTS, |elements| {
            elements.into_par_iter().map(long_element).collect()
        })
    })
    .beside(IDEAL, || halved(LONG_ELEMENTS, long_element))
    .run();
}

fn with_trine(elements: u64, function: impl Fn(u64) -> u64 + Send + Sync + 'static) -> Measurement {
    with_workers(WORKERS, elements, function)
}

/// Each sample makes its pool and drops it: a pool that idles beside others is not measured.
fn with_workers(
    workers: usize,
    elements: u64,
    function: impl Fn(u64) -> u64 + Send + Sync + 'static,
) -> Measurement {
    let pool = ThreadPool::new(workers).expect("the system gives threads");
    measure(|| {
        let results = pool.map(function, 0..elements);
        let values: Vec<u64> = results.map(|result| result.expect("no element fails")).collect();
        black_box(values).len() as u64
    })
}

fn with_rayon(elements: u64, map: impl Fn(Range<u64>) -> Vec<u64> + Send + Sync) -> Measurement {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(WORKERS)
        .build()
        .expect("the system gives threads");
    measure(|| pool.install(|| black_box(map(0..elements)).len() as u64))
}

/// What one thread does, in half of its time.
fn halved(elements: u64, function: impl Fn(u64) -> u64) -> Measurement {
    let mut measurement = measure(|| {
        let values: Vec<u64> = (0..elements).map(function).collect();
        black_box(values).len() as u64
    });
    measurement.wall /= WORKERS as u32;
    measurement
}
