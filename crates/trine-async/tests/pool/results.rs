//! `submit`, `spawn` and `map`: what comes back.

use crate::probe::DropProbe;
use std::future::ready;
use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::Poll;
use tokio::sync::Notify;
use trine_async::{AsyncPool, MAP_IN_FLIGHT};
use trine_fixture::in_own_process;
use trine_future::{Executor, Future, TaskError, as_completed};

async fn double(number: u64) -> u64 {
    2 * number
}

#[test]
fn submit_and_spawn_give_the_value() {
    in_own_process(|| {
        let pool = AsyncPool::with_default_workers().unwrap();
        let base = 20;
        assert_eq!(pool.submit(double, 21).result().unwrap(), 42);
        assert_eq!(pool.spawn(async move { base + 1 }).result().unwrap(), 21);
    });
}

#[test]
fn a_task_can_own_what_is_not_sync() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let cell = std::cell::Cell::new(1);
        let future = pool.submit(async |cell: std::cell::Cell<u32>| cell.get() + 1, cell);
        assert_eq!(future.result().unwrap(), 2);
    });
}

#[test]
fn map_keeps_the_order_of_its_input() {
    in_own_process(|| {
        let pool = AsyncPool::new(2).unwrap();
        // Odd ones come back later than even ones.
        let slow_if_odd = async |number: u64| {
            for _ in 0..(number % 2) * 50 {
                tokio::task::yield_now().await;
            }
            number
        };
        let results: Result<Vec<u64>, TaskError> = pool.map(slow_if_odd, 0..500).collect();
        assert_eq!(results.unwrap(), (0..500).collect::<Vec<_>>());
    });
}

#[test]
fn map_takes_endless_input_and_looks_ahead_by_its_bound() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let taken = AtomicUsize::new(0);
        let arguments = iter::repeat_with(|| taken.fetch_add(1, Ordering::Relaxed) as u64);
        let mut results = pool.map(double, arguments);
        assert_eq!(taken.load(Ordering::Relaxed), 0);
        assert_eq!(results.next().unwrap().unwrap(), 0);
        assert_eq!(taken.load(Ordering::Relaxed), MAP_IN_FLIGHT);
        assert_eq!(results.next().unwrap().unwrap(), 2);
        assert_eq!(taken.load(Ordering::Relaxed), MAP_IN_FLIGHT + 1);
    });
}

#[test]
fn a_dropped_map_ends_the_tasks_in_flight() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let (probe, dropped) = DropProbe::new();
        let probe = Arc::new(probe);
        let first = {
            let probe = Arc::clone(&probe);
            iter::once((true, probe))
        };
        let others = iter::repeat_with(move || (false, Arc::clone(&probe)));
        let mut results = pool.map(
            async |(is_first, _probe): (bool, Arc<DropProbe>)| {
                if !is_first {
                    std::future::pending::<()>().await;
                }
            },
            first.chain(others),
        );
        results.next().unwrap().unwrap();
        drop(results);
        // The last of the clones, each in a task that would never end.
        assert_eq!(dropped.recv(), Ok("dropped"));
    });
}

#[test]
fn one_failed_task_of_a_map_fails_in_its_own_place() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let results: Vec<Result<u32, TaskError>> = pool
            .map(
                async |number: u32| {
                    assert_ne!(number, 1, "one is not allowed");
                    number
                },
                0..3,
            )
            .collect();
        assert_eq!(*results[0].as_ref().unwrap(), 0);
        assert!(results[1].as_ref().unwrap_err().is_panic());
        assert_eq!(*results[2].as_ref().unwrap(), 2);
    });
}

#[test]
fn a_panic_is_a_value_and_the_pool_goes_on() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let page = 7;
        let error = pool
            .spawn(async move {
                tokio::task::yield_now().await;
                panic!("no page {page}")
            })
            .result()
            .unwrap_err();
        let panic = error.panic().unwrap();
        assert_eq!(panic.message(), "no page 7");
        assert!(panic.location().unwrap().contains("results.rs"));
        assert_eq!(
            error
                .into_panic_payload()
                .unwrap()
                .downcast_ref::<String>()
                .unwrap(),
            "no page 7"
        );
        assert_eq!(pool.submit(double, 1).result().unwrap(), 2);
    });
}

#[test]
fn a_panic_of_the_function_that_makes_the_future_is_the_tasks() {
    in_own_process(|| {
        fn no_future(number: u32) -> std::future::Ready<u32> {
            panic!("no future for {number}")
        }
        let pool = AsyncPool::new(1).unwrap();
        let error = pool.submit(no_future, 1).result().unwrap_err();
        assert_eq!(error.panic().unwrap().message(), "no future for 1");
    });
}

#[test]
fn a_panic_while_a_task_is_dropped_is_its_result() {
    in_own_process(|| {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("a destructor");
            }
        }
        let pool = AsyncPool::new(1).unwrap();
        let bomb = Bomb;
        let future = pool.spawn(std::future::poll_fn(move |_| {
            let _ = &bomb;
            Poll::Ready(1)
        }));
        assert_eq!(
            future.result().unwrap_err().panic().unwrap().message(),
            "a destructor"
        );
        assert_eq!(pool.submit(double, 1).result().unwrap(), 2);
    });
}

#[test]
fn the_destructor_of_a_value_that_nobody_gets_is_told_to_the_hook_of_the_pool() {
    in_own_process(|| {
        struct Bomb(&'static str);
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("{}", self.0);
            }
        }
        let (failures, failed) = mpsc::channel();
        let pool = AsyncPool::builder()
            .workers(1)
            .failure_hook(move |failure| failures.send(failure.to_string()).unwrap())
            .build()
            .unwrap();
        // The task itself panics when it is dropped: that is its result.
        let bomb = Bomb("the task");
        let future = pool.spawn(std::future::poll_fn(move |_| {
            let _ = &bomb;
            Poll::Ready(Bomb("its value"))
        }));
        let error = future.result().err().unwrap();
        assert_eq!(error.panic().unwrap().message(), "the task");
        assert!(failed.recv().unwrap().contains("its value"));
        // The task is cancelled while it is polled for the last time.
        let (hand_over, handed_over) = mpsc::channel::<Future<Bomb>>();
        let future = pool.spawn(async move {
            assert!(handed_over.recv().unwrap().cancel());
            Bomb("another value")
        });
        hand_over.send(future).unwrap();
        assert!(failed.recv().unwrap().contains("another value"));
        assert_eq!(pool.stats().failed, 1);
    });
}

#[test]
fn what_a_task_owned_is_gone_when_its_result_is_there() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let (probe, dropped) = DropProbe::new();
        pool.spawn(std::future::poll_fn(move |_| {
            let _ = &probe;
            Poll::Ready(())
        }))
        .result()
        .unwrap();
        assert_eq!(dropped.try_recv(), Ok("dropped"));
    });
}

#[test]
fn the_value_of_a_detached_task_is_dropped() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let (probe, dropped) = DropProbe::new();
        drop(pool.spawn(async move { probe }));
        assert_eq!(dropped.recv(), Ok("dropped"));
    });
}

#[test]
fn ten_thousand_tasks_wait_at_once_on_one_thread() {
    in_own_process(|| {
        const TASKS: usize = 10_000;
        let pool = AsyncPool::new(1).unwrap();
        let gate = Arc::new(Notify::new());
        let at_gate = Arc::new(AtomicUsize::new(0));
        let (all_there, seen) = std::sync::mpsc::channel();
        let futures: Vec<Future<usize>> = (0..TASKS)
            .map(|number| {
                let (gate, at_gate, all_there) = (Arc::clone(&gate), Arc::clone(&at_gate), all_there.clone());
                pool.spawn(async move {
                    // In the line before anybody is counted, so that no wake-up is missed.
                    let mut opened = std::pin::pin!(gate.notified());
                    opened.as_mut().enable();
                    if at_gate.fetch_add(1, Ordering::Relaxed) + 1 == TASKS {
                        all_there.send(()).unwrap();
                    }
                    opened.await;
                    number
                })
            })
            .collect();
        seen.recv().unwrap();
        assert!(futures.iter().all(Future::is_running));
        gate.notify_waiters();
        let sum: usize = as_completed(futures).map(|future| future.result().unwrap()).sum();
        assert_eq!(sum, TASKS * (TASKS - 1) / 2);
    });
}

#[test]
fn generic_code_takes_the_pool_as_an_executor() {
    in_own_process(|| {
        fn total<E, F>(pool: &E, double: F) -> u64
        where
            E: Executor<F, u64, Output = u64>,
            F: Clone,
        {
            let first = pool.submit(double.clone(), 1).result().unwrap();
            let others: u64 = pool.map(double, [2, 3]).map(Result::unwrap).sum();
            first + others
        }
        assert_eq!(total(&AsyncPool::new(1).unwrap(), double), 12);
    });
}

#[test]
fn a_large_future_takes_little_of_the_stack_that_spawns_it() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let large = async {
            let bytes = [1_u8; 128 << 10];
            ready(()).await;
            bytes.iter().map(|byte| usize::from(*byte)).sum::<usize>()
        };
        assert_eq!(pool.spawn(large).result().unwrap(), 128 << 10);
    });
}
