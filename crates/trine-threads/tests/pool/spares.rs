//! The bound of the spares.

use crate::fixture::threads_called;
use std::sync::mpsc;
use trine_fixture::in_own_process;
use trine_future::{Future, Promise, as_completed};
use trine_threads::{SPARES, ThreadPool};

/// So many tasks that each wait for a promise. Returns when all of them run.
fn sleepers(pool: &ThreadPool, number: usize) -> (Vec<Promise<()>>, Vec<Future<()>>) {
    let (started, has_started) = mpsc::channel();
    let sleepers = (0..number)
        .map(|_| {
            let (promise, future) = Promise::new();
            let started = started.clone();
            let task = pool.spawn(move || {
                started.send(()).unwrap();
                future.result().unwrap();
            });
            (promise, task)
        })
        .unzip();
    for _ in 0..number {
        has_started.recv().unwrap();
    }
    sleepers
}

#[test]
fn at_the_bound_a_wait_runs_its_own_tasks_and_no_other() {
    in_own_process(|| {
        let pool = ThreadPool::builder().workers(1).name("bound").build().unwrap();
        let spares = SPARES as usize;
        let (promises, tasks) = sleepers(&pool, spares);
        let handle = pool.handle();
        let (stranger, is_stranger_done) = mpsc::channel();
        // The last spare runs this one.
        let last = pool.spawn(move || {
            assert_eq!(handle.stats().spares, spares);
            let stranger = handle.spawn(move || stranger.send(()).unwrap());
            assert_eq!(handle.spawn(|| 1).result().unwrap(), 1);
            let several = (0..3).map(|number| handle.spawn(move || number));
            assert_eq!(
                as_completed(several)
                    .map(|future| future.result().unwrap())
                    .sum::<i32>(),
                3
            );
            // Nobody is there to run this one.
            assert!(is_stranger_done.try_recv().is_err());
            assert!(!stranger.is_running() && !stranger.is_done());
            for promise in promises {
                promise.complete(()).unwrap();
            }
            stranger.result().unwrap();
        });
        last.result().unwrap();
        tasks.into_iter().for_each(|task| task.result().unwrap());
    });
}

#[test]
fn beyond_the_bound_what_is_queued_waits_for_somebody_to_wake_up() {
    in_own_process(|| {
        let pool = ThreadPool::builder().workers(1).name("beyond").build().unwrap();
        let (promises, tasks) = sleepers(&pool, SPARES as usize + 1);
        let queued = pool.spawn(|| 1);
        assert_eq!(threads_called("beyond-spare"), SPARES as usize);
        assert!(!queued.is_done());
        for promise in promises {
            promise.complete(()).unwrap();
        }
        assert_eq!(queued.result().unwrap(), 1);
        tasks.into_iter().for_each(|task| task.result().unwrap());
    });
}
