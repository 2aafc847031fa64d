//! The lock against other mutexes that are awaited.

use std::future::poll_fn;
use std::hint::black_box;
use std::task::Poll;
use trine_benches::{Measurement, Poller, Row, Running, measure, two_threads};

const OPERATIONS: u64 = 1_000_000;
const AT_MOST: f64 = 0.9;

fn main() {
    uncontended();
    contended();
    one_thread();
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

/// Polls two tasks in turn on one thread, which keep the lock that `add` takes while they are suspended.
fn take_turns(add: impl AsyncFn()) -> Measurement {
    const OPERATIONS: u64 = 100_000;
    let repeat = async || {
        for _ in 0..OPERATIONS / 2 {
            add().await;
        }
    };
    measure(|| {
        let poller = Poller::new();
        let mut tasks = [Box::pin(repeat()), Box::pin(repeat())].map(Some);
        while tasks.iter().any(Option::is_some) {
            for place in &mut tasks {
                if let Some(task) = place
                    && poller.poll(task.as_mut()).is_ready()
                {
                    *place = None;
                }
            }
        }
        OPERATIONS
    })
}

/// Suspends the task once.
async fn suspend() {
    let mut is_resumed = false;
    poll_fn(|_| match std::mem::replace(&mut is_resumed, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

fn one_thread() {
    let trine = trine::Lock::new(0_u64);
    let async_lock = async_lock::Mutex::new(0_u64);
    let tokio = tokio::sync::Mutex::new(0_u64);
    let futures = futures_util::lock::Mutex::new(0_u64);
    Row::new(
        "lock-async.one-thread",
        "lock_async().await, suspend, unlock, two tasks on one thread",
        || {
            take_turns(async || {
                let mut value = black_box(&trine).lock_async().await;
                suspend().await;
                add_one(&mut value);
            })
        },
    )
    .beside("async-lock", || {
        take_turns(async || {
            let mut value = black_box(&async_lock).lock().await;
            suspend().await;
            add_one(&mut value);
        })
    })
    .beside("tokio", || {
        take_turns(async || {
            let mut value = black_box(&tokio).lock().await;
            suspend().await;
            add_one(&mut value);
        })
    })
    .beside("futures", || {
        take_turns(async || {
            let mut value = black_box(&futures).lock().await;
            suspend().await;
            add_one(&mut value);
        })
    })
    .run();
}

fn add_one(value: &mut u64) {
    *value = black_box(*value + 1);
}
