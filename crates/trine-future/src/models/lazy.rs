//! Models of lazy promises: what is given stands in the work, which a cancellation may drop.

use super::tasks::{RunsInline, Stops};
use super::*;
use crate::{LazyPromise, Owner};

fn make(given: Tracked) -> Result<Tracked, TaskError> {
    Ok(Tracked::new(given.get() + 1))
}

fn lazy(owner: impl Owner) -> (LazyPromise<Tracked>, Future<Tracked>) {
    LazyPromise::with_owner(owner, make)
}

fn check_made(result: Result<Tracked, TaskError>) {
    assert_eq!(result.expect("it was given").get(), 6);
}

fn cancel_or_take(future: Future<Tracked>) {
    if future.cancel() {
        assert!(future.result().is_err_and(|error| error.is_cancelled()));
    } else {
        check_made(future.result());
    }
}

#[test]
fn lazy_promise_races_a_wait() {
    check("future::lazy_promise_races_a_wait", || {
        let (promise, future) = lazy(());
        let producer = spawn(move || promise.complete(Tracked::new(5)));
        check_made(future.result());
        join(producer);
    });
}

#[test]
fn lazy_promise_races_a_cancel() {
    check("future::lazy_promise_races_a_cancel", || {
        let (promise, future) = lazy(());
        let producer = spawn(move || promise.complete(Tracked::new(5)));
        cancel_or_take(future);
        join(producer);
    });
}

#[test]
fn lazy_promise_that_was_started_races_a_cancel_that_stops_it() {
    check(
        "future::lazy_promise_that_was_started_races_a_cancel_that_stops_it",
        || {
            let (mut promise, future) = lazy(Stops);
            assert!(promise.start());
            let producer = spawn(move || promise.complete(Tracked::new(5)));
            cancel_or_take(future);
            join(producer);
        },
    );
}

#[test]
fn lazy_promise_that_was_put_back_races_a_cancel() {
    check("future::lazy_promise_that_was_put_back_races_a_cancel", || {
        let (mut promise, future) = lazy(());
        assert!(promise.start());
        let producer = spawn(move || {
            promise.put_back();
            promise.complete(Tracked::new(5));
        });
        cancel_or_take(future);
        join(producer);
    });
}

#[test]
fn lazy_promise_races_a_drop() {
    check("future::lazy_promise_races_a_drop", || {
        let (promise, future) = lazy(());
        let producer = spawn(move || promise.complete(Tracked::new(5)));
        drop(future);
        join(producer);
    });
}

#[test]
fn lazy_promise_that_fails_races_a_cancel() {
    check("future::lazy_promise_that_fails_races_a_cancel", || {
        let (promise, future) = lazy(());
        let producer = spawn(move || promise.fail(TaskError::refused("the model says so")));
        let cancelled = future.cancel();
        let error = future.result().map(drop).expect_err("nothing was given");
        assert!(if cancelled {
            error.is_cancelled()
        } else {
            error.is_refused()
        });
        join(producer);
    });
}

#[test]
fn lazy_promise_is_not_run_by_who_waits() {
    check("future::lazy_promise_is_not_run_by_who_waits", || {
        let (promise, future) = lazy(RunsInline);
        let producer = spawn(move || promise.complete(Tracked::new(5)));
        check_made(future.result());
        join(producer);
    });
}
