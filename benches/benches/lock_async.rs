//! The lock against other mutexes that are awaited.

use std::hint::black_box;
use trine_benches::{Measurement, Poller, Row, Running, measure, two_threads};

const OPERATIONS: u64 = 1_000_000;
const AT_MOST: f64 = 0.9;

fn main() {
    uncontended();
    contended();
}

/// Repeats `add`, which awaits the lock once, on one thread.
fn repeat(add: impl AsyncFn()) -> Measurement {
    measure(|| {
        Poller::new().block_on(async {
            for _ in 0..OPERATIONS {
                add().await;
            }
        });
        OPERATIONS
    })
}

fn uncontended() {
    let trine = trine::Lock::new(0_u64);
    let async_lock = async_lock::Mutex::new(0_u64);
    let tokio = tokio::sync::Mutex::new(0_u64);
    let futures = futures_util::lock::Mutex::new(0_u64);
    Row::new(
        "lock-async.uncontended",
        "lock_async().await and unlock, one thread",
        || repeat(async || add_one(&mut *black_box(&trine).lock_async().await)),
    )
    .against("async-lock", AT_MOST, || {
        repeat(async || add_one(&mut *black_box(&async_lock).lock().await))
    })
    .against("tokio", AT_MOST, || {
        repeat(async || add_one(&mut *black_box(&tokio).lock().await))
    })
    .against("futures", AT_MOST, || {
        repeat(async || add_one(&mut *black_box(&futures).lock().await))
    })
    .run();
}

/// Repeats `add`, which awaits the lock once, on two threads.
fn compete(add: impl AsyncFn() + Sync) -> Measurement {
    two_threads(|running: &Running| {
        Poller::new().block_on(async {
            let mut count = 0;
            while running.is_on() {
                add().await;
                count += 1;
            }
            count
        })
    })
}

fn contended() {
    let trine = trine::Lock::new(0_u64);
    let async_lock = async_lock::Mutex::new(0_u64);
    let tokio = tokio::sync::Mutex::new(0_u64);
    let futures = futures_util::lock::Mutex::new(0_u64);
    Row::new(
        "lock-async.contended",
        "lock_async().await and unlock, two threads compete",
        || compete(async || add_one(&mut *black_box(&trine).lock_async().await)),
    )
    .against("async-lock", AT_MOST, || {
        compete(async || add_one(&mut *black_box(&async_lock).lock().await))
    })
    .against("tokio", AT_MOST, || {
        compete(async || add_one(&mut *black_box(&tokio).lock().await))
    })
    .against("futures", AT_MOST, || {
        compete(async || add_one(&mut *black_box(&futures).lock().await))
    })
    .run();
}

fn add_one(value: &mut u64) {
    *value = black_box(*value + 1);
}
