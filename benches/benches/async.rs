//! Async tasks, and futures of other pools that are awaited. Two workers everywhere.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::hint::black_box;
use tokio::runtime::Runtime;
use trine::{AsyncPool, Future, ThreadPool, as_completed};
use trine_benches::{Measurement, Row, measure};

const TASKS: u64 = 1_000_000;
const TURNS: u64 = 10_000;
const IN_FLIGHT: u64 = 10_000;
const MIXED: u64 = 100_000;
const WORKERS: usize = 2;

fn main() {
    spawn_and_await();
    await_threads_one_at_a_time();
    await_threads_in_flight();
    mixed_as_completed();
}

/// What every task does, with two words that it has captured.
fn work(captured: (u64, u64)) -> u64 {
    captured.0 + captured.1
}

fn tokio_runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .build()
        .expect("the system gives threads")
}

fn thread_pool() -> ThreadPool {
    ThreadPool::new(WORKERS).expect("the system gives threads")
}

fn rayon_pool() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(WORKERS)
        .build()
        .expect("the system gives threads")
}

/// A runtime that is not shut down within the sample.
fn on_tokio(work: impl AsyncFnOnce() -> u64) -> Measurement {
    let runtime = tokio_runtime();
    measure(|| runtime.block_on(work()))
}

fn spawn_and_await() {
    Row::new(
        "async.spawn-and-await",
        "spawning 1,000,000 async tasks on the current runtime, then awaiting each",
        || {
            on_tokio(async || {
                let pool = AsyncPool::current().expect("this is a runtime");
                let tasks: Vec<_> = (0..TASKS)
                    .map(|number| pool.spawn(async move { work(black_box((number, 1))) }))
                    .collect();
                for task in tasks {
                    let _ = black_box(task.await);
                }
                TASKS
            })
        },
    )
    .against("tokio::spawn", 1.1, || {
        on_tokio(async || {
            let tasks: Vec<_> = (0..TASKS)
                .map(|number| tokio::spawn(async move { work(black_box((number, 1))) }))
                .collect();
            for task in tasks {
                let _ = black_box(task.await);
            }
            TASKS
        })
    })
    .run();
}

fn await_threads_one_at_a_time() {
    Row::new(
        "async.await-threads.one",
        "awaiting a thread pool's task in tokio, one at a time",
        || {
            let pool = thread_pool();
            on_tokio(async || {
                for number in 0..TURNS {
                    let _ = black_box(pool.spawn(move || work(black_box((number, 1)))).await);
                }
                TURNS
            })
        },
    )
    .against("tokio::spawn_blocking", 0.8, || {
        on_tokio(async || {
            for number in 0..TURNS {
                let _ = black_box(tokio::task::spawn_blocking(move || work(black_box((number, 1)))).await);
            }
            TURNS
        })
    })
    .against("rayon + tokio oneshot", 0.8, || {
        let pool = rayon_pool();
        on_tokio(async || {
            for number in 0..TURNS {
                let (sender, receiver) = tokio::sync::oneshot::channel();
                pool.spawn(move || drop(sender.send(work(black_box((number, 1))))));
                let _ = black_box(receiver.await);
            }
            TURNS
        })
    })
    .run();
}

fn await_threads_in_flight() {
    Row::new(
        "async.await-threads.10000",
        "awaiting a thread pool's tasks in tokio, 10,000 in flight",
        || {
            let pool = thread_pool();
            on_tokio(async || {
                let tasks: Vec<_> = (0..IN_FLIGHT)
                    .map(|number| pool.spawn(move || work(black_box((number, 1)))))
                    .collect();
                for task in tasks {
                    let _ = black_box(task.await);
                }
                IN_FLIGHT
            })
        },
    )
    .against("tokio::spawn_blocking", 0.5, || {
        on_tokio(async || {
            let tasks: Vec<_> = (0..IN_FLIGHT)
                .map(|number| tokio::task::spawn_blocking(move || work(black_box((number, 1)))))
                .collect();
            for task in tasks {
                let _ = black_box(task.await);
            }
            IN_FLIGHT
        })
    })
    .against("rayon + tokio oneshot", 0.5, || {
        let pool = rayon_pool();
        on_tokio(async || {
            let tasks: Vec<_> = (0..IN_FLIGHT)
                .map(|number| {
                    let (sender, receiver) = tokio::sync::oneshot::channel();
                    pool.spawn(move || drop(sender.send(work(black_box((number, 1))))));
                    receiver
                })
                .collect();
            for task in tasks {
                let _ = black_box(task.await);
            }
            IN_FLIGHT
        })
    })
    .run();
}

/// Both wait for the same futures: threads and async tasks in turn.
fn mixed(threads: &ThreadPool, tasks: &AsyncPool) -> Vec<Future<u64>> {
    (0..MIXED)
        .map(|number| {
            if number % 2 == 0 {
                threads.spawn(move || work(black_box((number, 1))))
            } else {
                tasks.spawn(async move { work(black_box((number, 1))) })
            }
        })
        .collect()
}

fn mixed_as_completed() {
    Row::new(
        "async.mixed-as-completed",
        "100,000 futures of threads and async tasks as they end, in async code",
        || {
            let threads = thread_pool();
            on_tokio(async || {
                let tasks = AsyncPool::current().expect("this is a runtime");
                let mut stream = as_completed(mixed(&threads, &tasks)).into_stream();
                while let Some(future) = stream.next().await {
                    let _ = black_box(future.result());
                }
                MIXED
            })
        },
    )
    .against("FuturesUnordered", 1.0, || {
        let threads = thread_pool();
        on_tokio(async || {
            let tasks = AsyncPool::current().expect("this is a runtime");
            let mut stream: FuturesUnordered<_> = mixed(&threads, &tasks).into_iter().collect();
            while let Some(result) = stream.next().await {
                let _ = black_box(result);
            }
            MIXED
        })
    })
    .run();
}
