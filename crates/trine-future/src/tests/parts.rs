//! What a promise's producer keeps with it.

use super::{Counter, CountsDrop};
use crate::Promise;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Panics when it is dropped.
struct Awkward;

impl Drop for Awkward {
    fn drop(&mut self) {
        panic!("expected");
    }
}

#[test]
fn what_is_kept_is_dropped_before_the_promise_is_used() {
    let drops = Counter::default();
    let (promise, future) = Promise::with_parts((), drops.on_drop());
    let future = future.into_future();
    assert!(future.cancel());
    assert_eq!(
        drops.get(),
        0,
        "it is the producer's, whatever the future's holder does"
    );
    let promise = promise.into_promise();
    assert_eq!(drops.get(), 1);
    assert_eq!(promise.complete(4), Err(4));
    drop(future);
    assert_eq!(drops.get(), 1);
}

#[test]
fn what_is_kept_is_dropped_with_the_promise() {
    let drops = Counter::default();
    let (promise, future) = Promise::<u32>::with_parts((), (drops.on_drop(), drops.on_drop()));
    drop(promise);
    assert_eq!(drops.get(), 2);
    assert!(future.into_future().result().unwrap_err().is_abandoned());
}

#[test]
fn what_is_kept_stays_in_its_place() {
    let (mut promise, _future) = Promise::<u32>::with_parts((), [7; 3]);
    let before = promise.kept().as_ptr();
    let mut moved = Box::new(promise);
    assert_eq!(moved.kept().as_ptr(), before);
    moved.kept()[1] = 8;
    assert_eq!(*moved.kept(), [7, 8, 7]);
}

#[test]
fn a_destructor_that_panics_ends_the_task() {
    let (promise, future) = Promise::<u32>::with_parts((), Awkward);
    assert!(catch_unwind(AssertUnwindSafe(|| promise.into_promise())).is_err());
    assert!(future.into_future().result().unwrap_err().is_abandoned());
    let (promise, future) = Promise::<u32>::with_parts((), (Awkward, None::<CountsDrop>));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(promise))).is_err());
    assert!(future.into_future().result().unwrap_err().is_abandoned());
}
