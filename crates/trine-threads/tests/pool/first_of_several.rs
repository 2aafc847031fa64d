//! A worker that waits for the first of several futures is not kept by another one of them.

use crate::fixture::pool;
use trine_fixture::in_own_process;
use trine_future::{Future, Promise, TaskError, TaskGroup, Until, as_completed, wait};

/// A task of a pool of one has two futures: that of a task of the same pool that nobody has begun, and that of what is done soon.
/// The first one ends only after the task has waited for the second one by `wait_for_one`.
fn is_done_first(wait_for_one: fn([Future<u32>; 2]) -> Vec<Future<u32>>) {
    let pool = pool(1);
    let handle = pool.handle();
    let waits = pool.spawn(move || {
        let (release, released) = Promise::<()>::new();
        let slow = handle.spawn(move || released.result().map_or(0, |()| 1));
        let (quick, soon) = Promise::new();
        let completes = handle.spawn(move || quick.fail(TaskError::cancelled()));
        let left = wait_for_one([slow, soon]);
        // Nobody hears of it if the other one was cancelled.
        let _ = release.complete(());
        completes.result().unwrap();
        for future in left {
            assert_eq!(future.result().unwrap(), 1);
        }
    });
    waits.result().unwrap();
}

#[test]
fn w02_wait_for_the_first_completed() {
    in_own_process(|| {
        is_done_first(|mut futures| {
            assert_eq!(wait(&mut futures, Until::FirstCompleted, None).done, [1]);
            let [slow, _] = futures;
            vec![slow]
        });
    });
}

#[test]
fn w04_wait_for_the_first_failure() {
    in_own_process(|| {
        is_done_first(|mut futures| {
            assert_eq!(wait(&mut futures, Until::FirstFailure, None).done, [1]);
            let [slow, _] = futures;
            vec![slow]
        });
    });
}

#[test]
fn the_next_of_as_completed() {
    in_own_process(|| {
        is_done_first(|futures| {
            let mut futures = as_completed(futures);
            assert!(futures.next().unwrap().result().is_err());
            futures.into_unfinished()
        });
    });
}

#[test]
fn the_next_of_a_group() {
    in_own_process(|| {
        is_done_first(|[slow, soon]| {
            let mut group = TaskGroup::new();
            group.start(|| soon);
            group.start(|| slow);
            assert!(group.next().unwrap().1.is_err());
            Vec::new()
        });
    });
}
