//! The thread pool against others: tasks from outside. Two workers everywhere.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use trine::threads::Handle;
use trine::{Promise, ThreadPool};
use trine_benches::{Measurement, Row, measure};

const TASKS: u64 = 1_000_000;
const WORKERS: usize = 2;
const TURNS: u64 = 10_000;
const TURNS_WITH_GAPS: u64 = 200;
/// Long enough for every worker to fall asleep.
const GAP: Duration = Duration::from_micros(500);

/// Each sample makes its pool and drops it: a pool that idles beside others is not measured.
fn main() {
    detached();
    collected();
    one_at_a_time(
        "threads.t4.hot",
        "one task at a time: submit, wait, repeat",
        TURNS,
        None,
        [0.15, 0.1, 2.0],
    );
    one_at_a_time(
        "threads.t4.gap",
        "the same with half a millisecond of sleep before each, which is not counted",
        TURNS_WITH_GAPS,
        Some(GAP),
        [1.0, 1.0, 1.0],
    );
    waiting_inside();
}

/// What safe waiting costs: a worker runs the task that it waits for, or sleeps with a spare in its place.
fn waiting_inside() {
    Row::new(
        "threads.inside.runs",
        "a worker submits a task, waits for it, and so runs it itself; repeat",
        || {
            inside(|pool| {
                for number in 0..TURNS {
                    let captured = (black_box(number), 1);
                    black_box(pool.spawn(move || work(captured)).result().expect("it runs"));
                }
                TURNS
            })
        },
    )
    .beside("a boxed closure, called", || {
        inside(|_| {
            for number in 0..TURNS {
                let captured = (black_box(number), 1);
                let task: Box<dyn FnOnce() -> u64> = black_box(Box::new(move || work(captured)));
                black_box(task());
            }
            TURNS
        })
    })
    .run();
    Row::new(
        "threads.inside.sleeps",
        "a worker waits for a promise of another thread, which keeps it after half a millisecond: the processor time counts",
        || inside(|_| wait_for_promises()),
    )
    .beside("a thread of no pool", || measure(wait_for_promises))
    .run();
}

/// Measures what a worker does.
fn inside(call: impl FnOnce(&Handle) -> u64 + Send + 'static) -> Measurement {
    let pool = trine_pool();
    let handle = pool.handle();
    pool.spawn(move || measure(|| call(&handle)))
        .result()
        .expect("it runs")
}

fn wait_for_promises() -> u64 {
    let (sender, promises) = channel::<Promise<u64>>();
    let keeps = thread::spawn(move || {
        for promise in promises {
            thread::sleep(GAP);
            promise.complete(1).expect("it is waited for");
        }
    });
    for _ in 0..TURNS_WITH_GAPS {
        let (promise, future) = Promise::new();
        sender.send(promise).expect("the other thread takes it");
        black_box(future.result().expect("it is kept"));
    }
    drop(sender);
    keeps.join().expect("it does not panic");
    TURNS_WITH_GAPS
}

/// What every task does, with two words that it has captured.
fn work(captured: (u64, u64)) -> u64 {
    captured.0 + captured.1
}

fn trine_pool() -> ThreadPool {
    ThreadPool::new(WORKERS).expect("the system gives threads")
}

fn rayon_pool() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(WORKERS)
        .build()
        .expect("the system gives threads")
}

fn tokio_pool() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .build()
        .expect("the system gives threads")
}

/// An executor of async-executor, with its threads, as the measurement's pool.
struct AsyncExecutor {
    executor: Arc<async_executor::Executor<'static>>,
    /// Dropped, they end the threads.
    stops: Vec<oneshot::Sender<()>>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl AsyncExecutor {
    fn new() -> Self {
        let executor = Arc::new(async_executor::Executor::new());
        let (stops, threads) = (0..WORKERS)
            .map(|_| {
                let executor = Arc::clone(&executor);
                let (stop, stopped) = oneshot::async_channel::<()>();
                let run = move || {
                    let _ = futures_lite::future::block_on(executor.run(stopped));
                };
                (stop, thread::spawn(run))
            })
            .unzip();
        Self {
            executor,
            stops,
            threads,
        }
    }
}

impl Drop for AsyncExecutor {
    fn drop(&mut self) {
        self.stops.clear();
        for thread in self.threads.drain(..) {
            thread.join().expect("it does not panic");
        }
    }
}

/// How many tasks this thread has run. Each thread has a counter of its own, so that counting costs the tasks nothing that
/// could hide what the pools cost.
#[repr(align(128))]
struct Counter(AtomicU64);

static COUNTERS: [Counter; 64] = [const { Counter(AtomicU64::new(0)) }; 64];

thread_local! {
    static COUNTER: &'static AtomicU64 = {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        &COUNTERS[THREADS.fetch_add(1, Relaxed) % COUNTERS.len()].0
    };
}

/// A task that nobody waits for.
fn count(captured: (u64, u64)) {
    black_box(work(captured));
    // ORDERING: Relaxed, here and below: only the number matters.
    COUNTER.with(|counter| counter.store(counter.load(Relaxed) + 1, Relaxed));
}

fn counted() -> u64 {
    COUNTERS.iter().map(|counter| counter.0.load(Relaxed)).sum()
}

/// Submits tasks that nobody waits for, and waits until all have run.
fn submit_all(mut submit: impl FnMut((u64, u64))) -> Measurement {
    let end = counted() + TASKS;
    measure(|| {
        (0..TASKS).for_each(|number| submit(black_box((number, 1))));
        while counted() < end {
            thread::sleep(Duration::from_micros(20));
        }
        TASKS
    })
}

fn detached() {
    Row::new(
        "threads.t1",
        "a million tasks from outside, which nobody waits for one by one",
        || {
            let pool = trine_pool();
            submit_all(|captured| pool.spawn_detached(move || count(captured)))
        },
    )
    .against("rayon spawn", 0.25, || {
        let pool = rayon_pool();
        submit_all(|captured| pool.spawn(move || count(captured)))
    })
    .against("tokio spawn", 0.1, || {
        let runtime = tokio_pool();
        submit_all(|captured| drop(runtime.spawn(async move { count(captured) })))
    })
    .against("rusty_pool", 0.35, || {
        let pool = rusty_pool::ThreadPool::new(WORKERS, WORKERS, Duration::from_secs(60));
        let measurement = submit_all(|captured| pool.execute(move || count(captured)));
        pool.shutdown_join();
        measurement
    })
    .run();
}

/// Submits tasks, and takes the result of each.
fn collect_all<F>(mut submit: impl FnMut((u64, u64)) -> F, mut take: impl FnMut(F) -> u64) -> Measurement {
    measure(|| {
        let futures: Vec<F> = (0..TASKS).map(|number| submit(black_box((number, 1)))).collect();
        for future in futures {
            black_box(take(future));
        }
        TASKS
    })
}

fn collected() {
    Row::new(
        "threads.t1b",
        "a million tasks from outside, their results collected",
        || {
            let pool = trine_pool();
            collect_all(
                |captured| pool.spawn(move || work(captured)),
                |future| future.result().expect("it does not panic"),
            )
        },
    )
    .against("rayon + oneshot", 0.25, || {
        let pool = rayon_pool();
        collect_all(
            |captured| {
                let (sender, receiver) = oneshot::channel();
                pool.spawn(move || drop(sender.send(work(captured))));
                receiver
            },
            |receiver| receiver.recv().expect("it does not panic"),
        )
    })
    .against("tokio JoinHandle", 0.2, || {
        let runtime = tokio_pool();
        collect_all(
            |captured| runtime.spawn(async move { work(captured) }),
            |handle| futures_lite::future::block_on(handle).expect("it does not panic"),
        )
    })
    .against("async-executor", 0.3, || {
        let pool = AsyncExecutor::new();
        collect_all(
            |captured| pool.executor.spawn(async move { work(captured) }),
            futures_lite::future::block_on,
        )
    })
    .run();
}

/// Submits one task after the other, and waits for each. What `gap` takes is not counted.
fn in_turn(turns: u64, gap: Option<Duration>, mut turn: impl FnMut((u64, u64)) -> u64) -> Measurement {
    let mut sum: Option<Measurement> = None;
    let mut part = |turns: u64| {
        let part = measure(|| {
            for number in 0..turns {
                black_box(turn(black_box((number, 1))));
            }
            turns
        });
        match &mut sum {
            Some(sum) => *sum += part,
            None => sum = Some(part),
        }
    };
    match gap {
        None => part(turns),
        Some(gap) => {
            for _ in 0..turns {
                thread::sleep(gap);
                part(1);
            }
        }
    }
    sum.expect("there is a turn")
}

fn one_at_a_time(name: &str, title: &str, turns: u64, gap: Option<Duration>, at_most: [f64; 3]) {
    Row::new(name, title, || {
        let pool = trine_pool();
        in_turn(turns, gap, |captured| {
            let future = pool.spawn(move || work(captured));
            future.result().expect("it does not panic")
        })
    })
    .against("rayon + oneshot", at_most[0], || {
        let pool = rayon_pool();
        in_turn(turns, gap, |captured| {
            let (sender, receiver) = oneshot::channel();
            pool.spawn(move || drop(sender.send(work(captured))));
            receiver.recv().expect("it does not panic")
        })
    })
    .against("tokio JoinHandle", at_most[1], || {
        let runtime = tokio_pool();
        in_turn(turns, gap, |captured| {
            let handle = runtime.spawn(async move { work(captured) });
            futures_lite::future::block_on(handle).expect("it does not panic")
        })
    })
    .against("crossbeam-channel pair", at_most[2], || {
        let (arguments, work_off) = crossbeam_channel::bounded::<(u64, u64)>(1);
        let (give_back, results) = crossbeam_channel::bounded(1);
        let worker = thread::spawn(move || {
            for captured in work_off {
                let _ = give_back.send(work(captured));
            }
        });
        let measurement = in_turn(turns, gap, |captured| {
            arguments.send(captured).expect("the worker lives");
            results.recv().expect("the worker lives")
        });
        drop(arguments);
        worker.join().expect("it does not panic");
        measurement
    })
    .run();
}
