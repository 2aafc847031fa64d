//! The rows A on several results at once, which asyncio's `wait`, `as_completed`, `gather` and `shield` are for.

use super::refused;
use crate::{
    BlockingHook, Future, Promise, Substitute, TaskError, TaskGroup, Until, as_completed, set_blocking_hook,
    wait,
};
use std::sync::Mutex;
use std::time::{Duration, Instant};

fn promises(count: usize) -> (Vec<Promise<usize>>, Vec<Future<usize>>) {
    (0..count).map(|_| Promise::new()).unzip()
}

/// Has `function` called, once, when this thread is about to sleep.
fn before_the_next_sleep(function: impl FnOnce() + 'static) {
    let function = Mutex::new(Some(function));
    set_blocking_hook(Some(BlockingHook {
        begin: Box::new(move || {
            if let Some(function) = function.lock().unwrap().take() {
                function();
            }
            Substitute::Missing
        }),
        substitute: Box::new(|| Substitute::Missing),
        end: Box::new(|| ()),
        runs_members: Box::new(|| false),
    }));
}

#[test]
fn a050_a051_what_ends_while_the_wait_ends_is_done() {
    const TIMEOUT: Duration = Duration::from_millis(1);
    let (mut promises, mut futures) = self::promises(3);
    let _pending = promises.pop();
    let completing = promises.split_off(1);
    before_the_next_sleep(move || {
        let start = Instant::now();
        while start.elapsed() < TIMEOUT {
            std::hint::spin_loop();
        }
        for promise in completing {
            promise.complete(1).unwrap();
        }
    });
    let waited = wait(&mut futures, Until::All, TIMEOUT);
    assert_eq!((waited.done, waited.pending), (vec![1], vec![0, 2]));

    let (mut promises, mut futures) = self::promises(3);
    let _pending = promises.pop();
    before_the_next_sleep(move || {
        for promise in promises {
            promise.complete(1).unwrap();
        }
    });
    let waited = wait(&mut futures, Until::FirstCompleted, None);
    assert_eq!((waited.done, waited.pending), (vec![0, 1], vec![2]));
    set_blocking_hook(None);
}

#[test]
fn a057_a058_the_iteration_can_be_broken_off_and_resumed() {
    let (promises, futures) = promises(4);
    let mut promises: Vec<_> = promises.into_iter().map(Some).collect();
    let mut complete = |number: usize| promises[number].take().unwrap().complete(number).unwrap();
    let mut observed = as_completed((0..4).zip(futures));
    let mut seen = Vec::new();
    complete(0);
    complete(2);
    for (number, future) in observed.by_ref() {
        assert_eq!(
            future.result().unwrap(),
            number,
            "it is the one that was given with this key"
        );
        seen.push(number);
        if seen.len() == 2 {
            break;
        }
    }
    complete(3);
    complete(1);
    seen.extend(observed.map(|(number, _)| number));
    assert_eq!(seen, [0, 2, 3, 1]);
}

#[test]
fn a061_a_loop_that_ends_with_the_first_failure_leaves_the_others_alone() {
    fn sum(futures: Vec<Future<usize>>) -> Result<usize, TaskError> {
        as_completed(futures).map(Future::result).sum()
    }
    let (mut promises, futures) = promises(3);
    promises.remove(1).fail(refused());
    assert!(promises[1].start());
    assert!(sum(futures).unwrap_err().is_refused());
    for promise in promises {
        assert!(!promise.is_cancel_requested());
        promise.complete(1).unwrap();
    }
}

#[test]
fn a062_a064_failures_and_cancels_are_values_in_their_places() {
    let (promises, mut futures) = promises(4);
    let ends: [fn(Promise<usize>); 4] = [
        |promise| promise.complete(0).unwrap(),
        |promise| promise.fail(refused()),
        Promise::cancel,
        |promise| promise.complete(3).unwrap(),
    ];
    for (promise, end) in promises.into_iter().zip(ends).rev() {
        end(promise);
    }
    assert_eq!(wait(&mut futures, Until::All, None).done, [0, 1, 2, 3]);
    let results: Vec<Result<usize, TaskError>> = futures.into_iter().map(Future::result).collect();
    let [Ok(0), Err(failed), Err(cancelled), Ok(3)] = &results[..] else {
        panic!("{results:?}")
    };
    assert!(failed.is_refused() && cancelled.is_cancelled());
}

#[test]
fn a071_a_group_of_copies_shields_what_is_shared() {
    let (promise, future) = Promise::new();
    let shared = future.shared();
    let mut group = TaskGroup::new();
    group.start(|| shared.clone().into_future());
    group.start(|| shared.clone().into_future());
    drop(group);
    assert!(!promise.is_cancelled() && !shared.is_done());

    let mut group = TaskGroup::new();
    group.start(|| shared.clone().into_future());
    group.start(|| Future::failed(refused()));
    let error = group.join().unwrap_err();
    assert_eq!((error.failures.len(), error.cancelled), (1, 1));
    assert!(!promise.is_cancelled());
    promise.complete(7).unwrap();
    assert_eq!(shared.result().unwrap(), &7);
}
