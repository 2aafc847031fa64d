//! Tasks that wait for each other: all programs end, and a true circle ends with an error that names it.

use crate::fixture::pool;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;
use std::time::Duration;
use trine_fixture::in_own_process;
use trine_future::{Future, Shared, Shutdown, TaskError};
use trine_threads::{Handle, ThreadPool, WhenFull, blocking};

/// With all numbers of workers together.
const ROUNDS: usize = 8_000;

/// What a task of a circle ends with: what its wait gave, or that of the one after it.
type Waited = Result<(), TaskError>;

/// A task that waits for the task whose future comes over the channel.
fn wait_for_another(other: &mpsc::Receiver<Future<Waited>>) -> Waited {
    let other = other.recv().expect("the test sends one");
    other.result()?
}

/// Has `number` tasks wait for each other in a circle, and returns what each found, in no order.
fn circle(pool: &ThreadPool, number: usize) -> Vec<String> {
    let (report, reports) = mpsc::channel();
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..number).map(|_| mpsc::channel()).unzip();
    let futures: Vec<Future<Waited>> = receivers
        .into_iter()
        .map(|other| {
            let report = report.clone();
            pool.spawn(move || {
                let waited = wait_for_another(&other);
                let text = waited
                    .as_ref()
                    .map_or_else(ToString::to_string, |()| String::new());
                report.send(text).expect("the test reads all reports");
                waited
            })
        })
        .collect();
    for (index, future) in futures.into_iter().enumerate() {
        senders[(index + 1) % number]
            .send(future)
            .expect("its task waits for it");
    }
    drop(report);
    reports.iter().collect()
}

/// The first example of a deadlock in the documentation of `concurrent.futures`.
#[test]
fn two_tasks_that_wait_for_each_other_get_an_error() {
    in_own_process(|| {
        for workers in 1..=8 {
            let pool = pool(workers);
            for _ in 0..ROUNDS / 8 {
                let found = circle(&pool, 2);
                // The one that would have closed the circle learns of it, and passes it on to the other.
                assert_eq!(found.len(), 2);
                for text in found {
                    assert!(
                        text.starts_with("a deadlock: `pool::deadlocks::circle::{{closure}}"),
                        "{text}"
                    );
                    assert_eq!(text.matches("waits for").count(), 2, "{text}");
                }
            }
        }
    });
}

/// Sends what the wait for the task itself says.
fn wait_for_itself((own, told): (mpsc::Receiver<Future<()>>, mpsc::Sender<String>)) {
    let future = own.recv().expect("the test sends it");
    let deadlock = future.result().expect_err("it would wait for ever");
    told.send(deadlock.to_string()).expect("the test listens");
}

/// Not by what the pool has wrapped it in.
#[test]
fn a_task_is_called_by_the_function_that_was_submitted() {
    in_own_process(|| {
        let limited = ThreadPool::builder().workers(1).queue_limit(1, WhenFull::Block);
        for pool in [pool(1), limited.build().unwrap()] {
            let ((give, own), (told, tells)) = (mpsc::channel(), mpsc::channel());
            give.send(pool.submit(wait_for_itself, (own, told))).unwrap();
            assert_eq!(
                tells.recv().unwrap(),
                "a deadlock: `pool::deadlocks::wait_for_itself` waits for itself. Return the future instead of waiting for it"
            );
        }
    });
}

#[test]
fn a_circle_of_three_names_them_all() {
    in_own_process(|| {
        for workers in 1..=4 {
            let pool = pool(workers);
            for _ in 0..ROUNDS / 8 {
                for text in circle(&pool, 3) {
                    assert_eq!(text.matches("waits for").count(), 3, "{text}");
                }
            }
        }
    });
}

#[test]
fn a_task_that_waits_for_itself_gets_an_error() {
    in_own_process(|| {
        let text = circle(&pool(2), 1).remove(0);
        assert!(text.contains("waits for itself."), "{text}");
    });
}

#[test]
fn a_circle_that_a_time_out_opens_is_no_deadlock() {
    in_own_process(|| {
        let pool = pool(2);
        let (give_other, other) = mpsc::channel::<Future<()>>();
        let (give_timed, timed) = mpsc::channel::<Future<()>>();
        let (tell, told) = mpsc::channel();
        give_timed
            .send(pool.spawn(move || {
                let ended = other.recv().unwrap().result_timeout(Duration::from_millis(50));
                assert!(ended.is_none());
            }))
            .unwrap();
        give_other
            .send(pool.spawn(move || tell.send(timed.recv().unwrap().result()).unwrap()))
            .unwrap();
        assert!(told.recv().unwrap().is_ok());
    });
}

/// Tasks that wait for each other, some by handles of shared futures and some by copies of these.
#[test]
fn a_circle_through_shared_futures_gets_an_error() {
    in_own_process(|| {
        for workers in 1..=4 {
            let pool = pool(workers);
            for round in 0..ROUNDS / 4 {
                let (report, reports) = mpsc::channel();
                let (senders, receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| mpsc::channel()).unzip();
                let futures: Vec<Shared<bool>> = receivers
                    .into_iter()
                    .enumerate()
                    .map(|(index, other)| {
                        let report = report.clone();
                        let task = move || {
                            let other: Shared<bool> = other.recv().expect("the test sends one");
                            let waited = if (round + index).is_multiple_of(2) {
                                other.result().copied().map_err(ToString::to_string)
                            } else {
                                other.into_future().result().map_err(|error| error.to_string())
                            };
                            report.send(waited.clone()).expect("the test reads all reports");
                            waited.is_err()
                        };
                        pool.spawn(task).shared()
                    })
                    .collect();
                for (index, future) in futures.iter().enumerate() {
                    senders[(index + 1) % 3]
                        .send(future.clone())
                        .expect("its task waits for it");
                }
                drop(report);
                let found: Vec<_> = reports.iter().collect();
                let deadlocks: Vec<_> = found.iter().filter_map(|waited| waited.as_ref().err()).collect();
                // One learns of it and ends, so the others get values.
                assert_eq!((found.len(), deadlocks.len()), (3, 1), "{found:?}");
                assert_eq!(deadlocks[0].matches("waits for").count(), 3, "{found:?}");
            }
        }
    });
}

/// A task that waits in a join of another pool for a half that waits for the task: the half runs, so the task can't be told
/// that its wait is over. It is the half that learns of the circle.
#[test]
fn a_circle_through_a_join_from_outside_runs_nothing_twice() {
    in_own_process(|| {
        circles_through_another_pool(|other, half| {
            let _ = other.join(half, || ());
        });
    });
}

/// The same, with a task of a scope that was spawned on a thread that is not the pool's.
#[test]
fn a_circle_through_a_scope_from_outside_runs_nothing_twice() {
    in_own_process(|| {
        circles_through_another_pool(|other, task| {
            other.scope(|scope| {
                thread::scope(|threads| {
                    threads.spawn(|| scope.spawn(|_| task()));
                });
            });
        });
    });
}

/// Has a task of one pool wait in `call`, on another pool, for what waits for that task.
fn circles_through_another_pool(call: fn(&Handle, Box<dyn FnOnce() + Send>)) {
    for _ in 0..ROUNDS / 10 {
        let (one, other) = (pool(1), pool(2));
        let (sender, receiver) = mpsc::channel();
        let (report, reports) = mpsc::channel();
        let handle = other.handle();
        let outer = one.spawn(move || {
            let waits_for_outer = Box::new(move || {
                let waited = wait_for_another(&receiver);
                report.send(waited).expect("the test reads all reports");
            });
            call(&handle, waits_for_outer);
            Ok(())
        });
        sender.send(outer).expect("the task waits for it");
        let found: Vec<Waited> = reports.iter().collect();
        let [Err(deadlock)] = &found[..] else {
            panic!("one run, and one circle: {found:?}");
        };
        assert!(deadlock.is_deadlock());
    }
}

/// The second example of a deadlock in the documentation of `concurrent.futures`: the only worker waits for a task that
/// is behind it in the queue. It is no circle, so it ends with a value.
#[test]
fn the_only_worker_waits_for_a_task_in_the_queue() {
    in_own_process(|| {
        let pool = pool(1);
        for _ in 0..ROUNDS {
            let handle = pool.handle();
            let outer = pool.spawn(move || handle.spawn(|| 5_u32.pow(2)).result());
            assert_eq!(outer.result().unwrap().unwrap(), 25);
        }
    });
}

/// Each of two closures waits for what the other one sends first, which is no circle of tasks.
#[test]
fn two_closures_that_exchange_values_end() {
    in_own_process(|| {
        for workers in 1..=8 {
            let pool = pool(workers);
            for _ in 0..ROUNDS / 8 {
                let (promise, future) = trine_future::Promise::new();
                let (other_promise, other_future) = trine_future::Promise::new();
                let one = pool.spawn(move || {
                    promise.complete(1).unwrap();
                    other_future.result()
                });
                let other = pool.spawn(move || {
                    other_promise.complete(2).unwrap();
                    future.result()
                });
                assert_eq!(one.result().unwrap().unwrap(), 2);
                assert_eq!(other.result().unwrap().unwrap(), 1);
            }
        }
    });
}

/// 28, by one of the parallel calls.
fn sum_in_parallel(handle: &Handle, call: usize) -> u32 {
    let numbers = 0..8;
    match call % 5 {
        0 => {
            let parts: Vec<_> = numbers.map(|part| handle.spawn(move || part)).collect();
            parts.into_iter().map(|part| part.result().unwrap()).sum()
        }
        1 => {
            let (lower, upper) = handle.join(|| (0..4).sum::<u32>(), || (4..8).sum::<u32>());
            lower + upper
        }
        2 => {
            let sum = AtomicU32::new(0);
            handle.scope(|scope| {
                for number in numbers {
                    let sum = &sum;
                    scope.spawn(move |_| _ = sum.fetch_add(number, Ordering::Relaxed));
                }
            });
            sum.into_inner()
        }
        3 => handle.map(|number| number, numbers).map(Result::unwrap).sum(),
        _ => {
            let numbers: Vec<u32> = numbers.collect();
            handle.map_slice(|number| *number, &numbers).unwrap().iter().sum()
        }
    }
}

/// A lock that is held across a parallel call: the worker that holds it must not be given another task that wants it.
#[test]
fn a_lock_can_be_held_across_a_parallel_call() {
    in_own_process(|| {
        for workers in 1..=8 {
            let pool = pool(workers);
            let sum = Arc::new(Mutex::new(0));
            let tasks: Vec<_> = (0..ROUNDS / 8)
                .map(|round| {
                    let (handle, sum) = (pool.handle(), Arc::clone(&sum));
                    pool.spawn(move || *sum.lock().unwrap() += sum_in_parallel(&handle, round))
                })
                .collect();
            for task in tasks {
                task.result().unwrap();
            }
            assert_eq!(*sum.lock().unwrap() as usize, 28 * (ROUNDS / 8));
        }
    });
}

/// A value that is made once, by a parallel computation, and that all tasks want.
#[test]
fn a_once_lock_can_be_initialised_in_parallel() {
    in_own_process(|| {
        for workers in 1..=8 {
            let pool = pool(workers);
            for round in 0..ROUNDS / 8 {
                let cell = Arc::new(OnceLock::new());
                let tasks: Vec<_> = (0..2 * workers)
                    .map(|_| {
                        let (handle, cell) = (pool.handle(), Arc::clone(&cell));
                        pool.spawn(move || *cell.get_or_init(|| sum_in_parallel(&handle, round)))
                    })
                    .collect();
                for task in tasks {
                    assert_eq!(task.result().unwrap(), 28);
                }
            }
        }
    });
}

/// The only worker blocks on something that Trine knows nothing of, and that a task behind it in the queue provides.
#[test]
fn a_blocking_call_gives_up_its_place() {
    in_own_process(|| {
        let pool = pool(1);
        for _ in 0..ROUNDS / 10 {
            let (sender, receiver) = mpsc::channel();
            let waits = pool.spawn(move || blocking(|| receiver.recv().unwrap()));
            let provides = pool.spawn(move || sender.send(5).unwrap());
            assert_eq!(waits.result().unwrap(), 5);
            provides.result().unwrap();
        }
        assert_eq!(blocking(|| 1), 1, "outside of a pool it is a call");
    });
}

/// The only worker ends another pool, whose task waits for what is behind the worker's own task in the queue.
#[test]
fn a_worker_ends_another_pool_that_waits_for_its_own() {
    type End = fn(ThreadPool);
    let ends: [End; 3] = [
        drop,
        |pool| {
            pool.shutdown(Shutdown::Drain);
        },
        |pool| {
            pool.shutdown_timeout(Shutdown::Drain, Duration::from_secs(1_000));
        },
    ];
    in_own_process(move || {
        for end in ends {
            let (own, other) = (pool(1), pool(1));
            let handle = own.handle();
            let (started, has_started) = mpsc::channel();
            let waits = own.spawn(move || {
                let (sender, receiver) = mpsc::channel();
                drop(other.spawn(move || {
                    started.send(()).expect("the test waits");
                    receiver.recv().expect("the queued task sends")
                }));
                drop(handle.spawn(move || sender.send(()).expect("the other pool's task waits")));
                end(other);
            });
            has_started.recv().unwrap();
            waits.result().unwrap();
        }
    });
}
