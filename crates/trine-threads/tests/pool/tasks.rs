//! The thread pool from outside. Rows of the catalogue of behaviours give the names.

use crate::fixture::{DropProbe, hold, pool};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;
use trine_fixture::in_own_process;
use trine_future::{Future, Shutdown, TaskError, Until, as_completed, wait};
use trine_threads::{Handle, ThreadPool};

#[test]
fn x01_submit_returns_the_value() {
    in_own_process(|| {
        let pool = pool(2);
        assert_eq!(
            pool.submit(|(base, power)| u64::pow(base, power), (2, 8))
                .result()
                .unwrap(),
            256
        );
        assert_eq!(pool.spawn(|| "spawned").result().unwrap(), "spawned");
    });
}

#[test]
fn x03_zero_workers_are_an_error() {
    in_own_process(|| {
        assert!(ThreadPool::new(0).unwrap_err().is_no_workers());
    });
}

#[test]
fn x04_captures_are_dropped_when_the_task_has_run() {
    in_own_process(|| {
        let pool = pool(1);
        let drops = Arc::new(AtomicUsize::new(0));
        let probe = DropProbe(Arc::clone(&drops));
        // The closure has the probe, and does not drop it itself.
        let future = pool.spawn(move || _ = &probe);
        future.result().unwrap();
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn x11_a_panic_is_an_error_and_the_worker_goes_on() {
    in_own_process(|| {
        let pool = pool(1);
        let worker = pool.spawn(|| thread::current().id()).result().unwrap();
        let error = pool
            .spawn(|| -> u32 { panic!("no such page: {}", 404) })
            .result()
            .unwrap_err();
        let panic = error.panic().expect("it is a panic");
        assert_eq!(panic.message(), "no such page: 404");
        assert!(panic.location().expect("it has a location").contains(file!()));
        assert_eq!(pool.spawn(|| thread::current().id()).result().unwrap(), worker);
    });
}

#[test]
fn x13_two_workers_run_side_by_side() {
    in_own_process(|| {
        let pool = pool(2);
        let barrier = Arc::new(Barrier::new(2));
        let futures: Vec<_> = (0..2)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                pool.spawn(move || {
                    barrier.wait();
                    thread::current().id()
                })
            })
            .collect();
        let workers: HashSet<_> = futures
            .into_iter()
            .map(|future| future.result().unwrap())
            .collect();
        assert_eq!(workers.len(), 2);
    });
}

#[test]
fn m01_map_gives_results_in_the_order_of_the_arguments() {
    in_own_process(|| {
        let pool = pool(3);
        let squares: Vec<u64> = pool
            .map(|number| number * number, 0..100)
            .map(Result::unwrap)
            .collect();
        assert_eq!(
            squares,
            (0..100).map(|number| number * number).collect::<Vec<u64>>()
        );
    });
}

#[test]
fn m04_a_failed_element_does_not_end_the_map() {
    in_own_process(|| {
        let pool = pool(2);
        let results: Vec<_> = pool.map(|number| 12 / number, [3, 0, 4]).collect();
        assert_eq!(*results[0].as_ref().unwrap(), 4);
        assert!(results[1].as_ref().unwrap_err().is_panic());
        assert_eq!(*results[2].as_ref().unwrap(), 3);
    });
}

#[test]
fn m10_a_dropped_map_cancels_what_has_not_started() {
    in_own_process(|| {
        let pool = pool(2);
        let gate = Arc::new(Barrier::new(3));
        let ran = Arc::new(AtomicUsize::new(0));
        let (started, has_started) = mpsc::sync_channel(2);
        let (task_gate, task_ran) = (Arc::clone(&gate), Arc::clone(&ran));
        let map = pool.map(
            move |number| match number {
                0 => {}
                // These two hold both workers.
                1 | 2 => {
                    started.send(()).expect("the test waits");
                    task_gate.wait();
                }
                _ => drop(task_ran.fetch_add(1, Ordering::SeqCst)),
            },
            0..,
        );
        let mut map = map.chunk_size(1).look_ahead(4);
        // Takes as many as the look-ahead says: the last one is queued behind the two that hold.
        map.next().unwrap().unwrap();
        has_started.recv().unwrap();
        has_started.recv().unwrap();
        drop(map);
        gate.wait();
        pool.shutdown(Shutdown::Drain);
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn m16_map_works_on_an_endless_input() {
    in_own_process(|| {
        let pool = pool(2);
        let pulled = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&pulled);
        let endless = (0u64..).inspect(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let first: Vec<u64> = pool
            .map(|number| number + 1, endless)
            .look_ahead(4)
            .take(3)
            .map(Result::unwrap)
            .collect();
        assert_eq!(first, [1, 2, 3]);
        assert!(pulled.load(Ordering::SeqCst) <= 3 + 4);
    });
}

#[test]
fn g25_cancel_drops_the_captures_at_once() {
    in_own_process(|| {
        let pool = pool(1);
        let held = hold(&pool, 1);
        let drops = Arc::new(AtomicUsize::new(0));
        let probe = DropProbe(Arc::clone(&drops));
        let future = pool.spawn(move || drop(probe));
        assert!(future.cancel());
        assert_eq!(drops.load(Ordering::SeqCst), 1);
        assert!(future.result().unwrap_err().is_cancelled());
        drop(held);
    });
}

#[test]
fn g20_a_task_waits_for_a_task_of_its_own_pool() {
    in_own_process(|| {
        for workers in 1..=4 {
            let pool = pool(workers);
            let handle = pool.handle();
            let futures: Vec<_> = (0..20)
                .map(|number| {
                    let handle = handle.clone();
                    pool.spawn(move || handle.spawn(move || number).result().unwrap() + 1)
                })
                .collect();
            let results: Vec<_> = futures
                .into_iter()
                .map(|future| future.result().unwrap())
                .collect();
            assert_eq!(results, (1..=20).collect::<Vec<_>>());
        }
    });
}

fn fibonacci(handle: &Handle, number: u64) -> u64 {
    if number < 2 {
        return number;
    }
    let inner = handle.clone();
    let future: Future<u64> = handle.spawn(move || fibonacci(&inner, number - 1));
    let other = fibonacci(handle, number - 2);
    future.result().unwrap() + other
}

#[test]
fn nested_waits_go_deep() {
    in_own_process(|| {
        for workers in [1, 2, 4] {
            let pool = pool(workers);
            let handle = pool.handle();
            assert_eq!(pool.spawn(move || fibonacci(&handle, 15)).result().unwrap(), 610);
        }
    });
}

#[test]
fn every_worker_waits_for_a_promise_that_a_queued_task_keeps() {
    in_own_process(|| {
        // Only a spare can run the task that everybody waits for.
        for workers in 1..=3 {
            let pool = pool(workers);
            let (promises, futures): (Vec<_>, Vec<_>) = (0..workers)
                .map(|_| trine_future::Promise::<usize>::new())
                .unzip();
            let started = Arc::new(Barrier::new(workers + 1));
            let waiting: Vec<_> = futures
                .into_iter()
                .map(|future| {
                    let started = Arc::clone(&started);
                    pool.spawn(move || {
                        started.wait();
                        future.result().unwrap()
                    })
                })
                .collect();
            started.wait();
            let keeper = pool.spawn(move || {
                for (number, promise) in promises.into_iter().enumerate() {
                    promise.complete(number).unwrap();
                }
            });
            keeper.result().unwrap();
            let results: Vec<_> = waiting
                .into_iter()
                .map(|future| future.result().unwrap())
                .collect();
            assert_eq!(results, (0..workers).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_task_waits_for_many_of_its_own_pool() {
    in_own_process(|| {
        for workers in [1, 2] {
            let pool = pool(workers);
            let handle = pool.handle();
            let sum = pool.spawn(move || {
                let futures: Vec<_> = (0..50u32).map(|number| handle.spawn(move || number)).collect();
                let sum: u32 = as_completed(futures).map(|future| future.result().unwrap()).sum();
                let mut futures: Vec<_> = (0..50u32).map(|number| handle.spawn(move || number)).collect();
                assert!(wait(&mut futures, Until::All, None).pending.is_empty());
                sum
            });
            assert_eq!(sum.result().unwrap(), 1225);
        }
    });
}

#[test]
fn a_timed_wait_inside_a_task_ends() {
    in_own_process(|| {
        let pool = pool(1);
        let handle = pool.handle();
        let result = pool.spawn(move || {
            let mut future = handle.spawn(|| 3);
            // A spare runs it, because a timed wait runs nothing on its own thread.
            loop {
                if let Some(result) = future.result_timeout(Duration::from_millis(1)) {
                    return result.unwrap();
                }
            }
        });
        assert_eq!(result.result().unwrap(), 3);
    });
}

#[test]
fn s01_a_closed_pool_refuses() {
    in_own_process(|| {
        let pool = pool(1);
        pool.shutdown(Shutdown::Drain);
        let error: TaskError = pool.spawn(|| ()).result().unwrap_err();
        assert!(error.is_refused());
        assert_eq!(
            error.to_string(),
            "the task was not accepted: the thread pool was shut down: submit before that, or to another pool"
        );
    });
}

#[test]
fn s05_drain_runs_what_is_queued() {
    in_own_process(|| {
        let pool = pool(2);
        let futures: Vec<_> = (0..50).map(|number| pool.spawn(move || number)).collect();
        pool.shutdown(Shutdown::Drain);
        for (number, future) in futures.into_iter().enumerate() {
            assert!(future.is_done());
            assert_eq!(future.result().unwrap(), number);
        }
    });
}

#[test]
fn s06_cancel_queued_runs_only_what_had_started() {
    in_own_process(|| {
        let pool = Arc::new(pool(1));
        let inside = Arc::clone(&pool);
        let (go, gone) = mpsc::channel::<()>();
        let running = pool.spawn(move || {
            gone.recv().unwrap();
            inside.shutdown(Shutdown::CancelQueued);
            "ran"
        });
        let queued: Vec<_> = (0..50).map(|number| pool.spawn(move || number)).collect();
        go.send(()).unwrap();
        assert_eq!(running.result().unwrap(), "ran");
        pool.shutdown(Shutdown::Drain);
        for future in queued {
            assert!(future.is_done());
            assert!(future.result().unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn g17_shutdown_twice_is_shutdown_once() {
    in_own_process(|| {
        let pool = pool(2);
        pool.shutdown(Shutdown::Drain);
        pool.shutdown(Shutdown::CancelQueued);
        drop(pool);
    });
}

#[test]
fn b12_shutdown_inside_a_task_does_not_wait_for_itself() {
    in_own_process(|| {
        let pool = Arc::new(pool(1));
        let inside = Arc::clone(&pool);
        pool.spawn(move || inside.shutdown(Shutdown::Drain))
            .result()
            .unwrap();
        pool.shutdown(Shutdown::Drain);
    });
}

#[test]
fn k30_the_last_owner_goes_inside_a_task() {
    in_own_process(|| {
        let pool = Arc::new(pool(2));
        let inside = Arc::clone(&pool);
        let (go, gone) = mpsc::channel::<()>();
        let future = pool.spawn(move || {
            gone.recv().unwrap();
            drop(inside);
            1
        });
        drop(pool);
        go.send(()).unwrap();
        assert_eq!(future.result().unwrap(), 1);
    });
}

#[test]
fn k25_an_endless_chain_ends_with_the_pool() {
    in_own_process(|| {
        fn next(handle: Handle, last: mpsc::Sender<TaskError>) {
            let inner = handle.clone();
            let again = last.clone();
            let mut future = handle.spawn(move || next(inner, again));
            if let Some(Err(error)) = future.result_timeout(Duration::ZERO) {
                last.send(error).unwrap();
            }
        }
        let pool = pool(2);
        let (last, errors) = mpsc::channel();
        let handle = pool.handle();
        drop(pool.spawn(move || next(handle, last)));
        drop(pool);
        assert!(errors.recv().unwrap().is_refused());
    });
}

#[test]
fn submits_race_a_shutdown_and_none_is_lost() {
    in_own_process(|| {
        for _ in 0..200 {
            let pool = pool(2);
            let handle = pool.handle();
            let submitter = thread::spawn(move || {
                (0..50)
                    .map(|number| handle.spawn(move || number))
                    .collect::<Vec<_>>()
            });
            pool.shutdown(Shutdown::Drain);
            for (number, future) in submitter.join().unwrap().into_iter().enumerate() {
                match future.result() {
                    Ok(result) => assert_eq!(result, number),
                    Err(error) => assert!(error.is_refused()),
                }
            }
        }
    });
}

#[test]
fn s15_threads_are_named_for_their_pool() {
    in_own_process(|| {
        let names: HashSet<_> = [pool(1), pool(1)]
            .iter()
            .map(|pool| {
                pool.spawn(|| thread::current().name().map(str::to_owned))
                    .result()
                    .unwrap()
                    .unwrap()
            })
            .collect();
        assert_eq!(names.len(), 2);
        assert!(
            names
                .iter()
                .all(|name| name.starts_with("trine-") && name.ends_with("-0"))
        );
    });
}
