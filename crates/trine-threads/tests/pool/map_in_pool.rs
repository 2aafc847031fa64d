//! `map` beside other tasks of its pool, inside of them, and when the pool ends.

use crate::fixture::pool;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;
use trine_fixture::in_own_process;
use trine_future::Shutdown;

const LONG: Duration = Duration::from_secs(3_600);

#[test]
fn a_map_can_go_to_another_thread() {
    in_own_process(|| {
        let pool = pool(2);
        let mut results = pool.map(|number| number, 0..100);
        assert_eq!(results.next().unwrap().unwrap(), 0);
        let count = thread::spawn(move || results.count());
        assert_eq!(count.join().unwrap(), 99);
    });
}

#[test]
fn a_map_on_a_pool_that_was_shut_down_is_refused() {
    in_own_process(|| {
        let pool = pool(1);
        pool.shutdown(Shutdown::CancelQueued);
        let results: Vec<_> = pool.map(|number| number, 0..5).collect();
        assert_eq!(results.len(), 5);
        assert!(
            results
                .iter()
                .all(|result| result.as_ref().unwrap_err().is_refused())
        );
        assert!(
            pool.map_slice(|number| *number, &[1, 2])
                .unwrap_err()
                .is_refused()
        );
    });
}

#[test]
fn d29_b23_a_shutdown_that_cancels_ends_a_map() {
    in_own_process(|| {
        for chunk_size in [1, 8] {
            let pool = Arc::new(pool(1));
            let (started, has_started) = mpsc::channel();
            let (release, released) = mpsc::channel::<()>();
            let released = Mutex::new(released);
            let results = pool
                .map(
                    move |number| {
                        started.send(()).expect("the test waits");
                        let _ = released.lock().unwrap().recv();
                        number
                    },
                    0..8,
                )
                .chunk_size(chunk_size)
                .look_ahead(8);
            let consumer = thread::spawn(move || results.collect::<Vec<_>>());
            has_started.recv().unwrap();
            let ender = {
                let pool = Arc::clone(&pool);
                thread::spawn(move || pool.shutdown(Shutdown::CancelQueued))
            };
            // The shutdown has begun once a task is refused.
            while !pool.spawn(|| ()).is_done() {
                thread::yield_now();
            }
            drop(release);
            ender.join().unwrap();
            let results = consumer.join().unwrap();
            assert_eq!(*results[0].as_ref().unwrap(), 0);
            assert_eq!(results.len(), 8);
            for result in &results[1..] {
                let error = result.as_ref().unwrap_err();
                assert!(error.is_cancelled() || error.is_refused(), "{error}");
            }
        }
    });
}

#[test]
fn s13_what_was_taken_runs_before_the_pool_ends() {
    in_own_process(|| {
        let pool = pool(2);
        let mut results = pool.map(|number| number, 0..20).chunk_size(1).look_ahead(10);
        assert_eq!(results.next().unwrap().unwrap(), 0);
        drop(pool);
        let results: Vec<_> = results.collect();
        assert!(results[..9].iter().all(Result::is_ok));
        assert!(
            results[9..]
                .iter()
                .all(|result| result.as_ref().unwrap_err().is_refused())
        );
        assert_eq!(results.len(), 19);
    });
}

#[test]
fn a_map_inside_of_tasks_on_every_worker_ends() {
    in_own_process(|| {
        for workers in 1..=2 {
            let pool = pool(workers);
            let handle = pool.handle();
            let outer = pool.map(
                move |base: u64| {
                    let inner = handle.clone();
                    let sums = handle.map(
                        move |number| {
                            let innermost: Vec<u64> = (0..10).collect();
                            let numbers = inner.map_slice(|more| more + number, &innermost);
                            numbers.unwrap().into_iter().sum::<u64>()
                        },
                        base..base + 20,
                    );
                    let unordered = handle.map(|number| number, 0..20u64).unordered();
                    sums.chain(unordered).map(Result::unwrap).sum::<u64>()
                },
                0..20,
            );
            let expected =
                (0..20).map(|base| (base..base + 20).map(|number| 45 + 10 * number).sum::<u64>() + 190);
            assert!(outer.map(Result::unwrap).eq(expected));
        }
    });
}

#[test]
fn a_consumer_on_the_only_worker_runs_the_elements_itself() {
    in_own_process(|| {
        let pool = pool(1);
        let handle = pool.handle();
        let is_own = pool.spawn(move || {
            let worker = thread::current().id();
            handle
                .map(|_| thread::current().id(), 0..1_000)
                .all(|thread| thread.unwrap() == worker)
        });
        assert!(is_own.result().unwrap());
    });
}

#[test]
fn a_timed_map_on_the_only_worker_gets_a_spare() {
    in_own_process(|| {
        let pool = pool(1);
        let handle = pool.handle();
        let is_other = pool.spawn(move || {
            let worker = thread::current().id();
            handle
                .map(|_| thread::current().id(), 0..10)
                .timeout(LONG)
                .all(|thread| thread.unwrap().unwrap() != worker)
        });
        assert!(is_other.result().unwrap());
    });
}

#[test]
fn an_endless_map_leaves_room_for_other_tasks() {
    in_own_process(|| {
        let pool = pool(1);
        let mut other = None;
        for (number, result) in pool.map(|number| number, 0u64..).enumerate() {
            result.unwrap();
            let other = other.get_or_insert_with(|| pool.spawn(|| ()));
            if number > 100_000 && other.is_done() {
                break;
            }
        }
    });
}

#[test]
fn p30_threads_share_a_pool_for_maps() {
    in_own_process(|| {
        let pool = pool(2);
        thread::scope(|scope| {
            for thread in 0..6u64 {
                let pool = &pool;
                scope.spawn(move || {
                    for round in 0..20 {
                        let results = pool.map(move |number| number + thread + round, 0..500);
                        assert!(results.map(Result::unwrap).eq((thread + round..).take(500)));
                        let slice: Vec<u64> = (0..100).collect();
                        let results = pool.map_slice(|number| number + thread, &slice);
                        assert!(results.unwrap().into_iter().eq((thread..).take(100)));
                    }
                });
            }
        });
    });
}
