//! Lazy promises: the result is made from what they give by whoever takes it.

use super::{Counter, CountsDrop, TellsAndRunsInline, poll, refused};
use crate::{Future, LazyPromise, Outcome, Owner, Promise, TaskError};
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread::{self, ThreadId};

fn double(number: u32) -> Result<u32, TaskError> {
    Ok(number * 2)
}

fn keep(value: CountsDrop) -> Result<CountsDrop, TaskError> {
    Ok(value)
}

fn not_made(_: CountsDrop) -> Result<(), TaskError> {
    unreachable!("nobody takes it")
}

/// The owner of a task that can be cancelled while it runs.
struct Stops;

impl Owner for Stops {
    const STOPS_RUNNING: bool = true;
}

#[test]
fn the_result_is_made_on_the_thread_that_takes_it() {
    fn where_it_is_made(_: ()) -> Result<ThreadId, TaskError> {
        Ok(thread::current().id())
    }
    let (promise, future) = LazyPromise::with_owner((), where_it_is_made);
    thread::spawn(move || promise.complete(())).join().unwrap();
    assert_eq!(future.result().unwrap(), thread::current().id());
}

#[test]
fn it_is_waited_for_awaited_and_called_back_like_any_other() {
    let (mut promise, mut future) = LazyPromise::with_owner((), double);
    assert_eq!(format!("{promise:?}"), "LazyPromise<u32>(Pending)");
    let wakes = Counter::default();
    let (sender, receiver) = mpsc::channel();
    future.on_done(move |outcome| sender.send(outcome).unwrap());
    assert!(poll(&mut future, &wakes.waker()).is_pending());
    assert!(promise.start() && future.is_running());
    promise.complete(4);
    assert_eq!((wakes.get(), future.is_done()), (1, true));
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [Outcome::Done]);
    let Poll::Ready(result) = poll(&mut future, Waker::noop()) else {
        panic!("it has ended")
    };
    assert_eq!(result.unwrap(), 8);
    assert!(future.result().unwrap_err().is_taken());
}

/// A value, and how often it has been dropped.
fn given() -> (Counter, CountsDrop) {
    let drops = Counter::default();
    let value = drops.on_drop();
    (drops, value)
}

#[test]
fn what_comes_after_the_future_has_gone_is_dropped() {
    let (drops, value) = given();
    let (promise, future) = LazyPromise::with_owner((), not_made);
    drop(future);
    promise.complete(value);
    assert_eq!(drops.get(), 1);
}

#[test]
fn what_was_given_is_dropped_with_the_future() {
    let (drops, value) = given();
    let (promise, future) = LazyPromise::with_owner((), not_made);
    promise.complete(value);
    assert_eq!(drops.get(), 0);
    drop(future);
    assert_eq!(drops.get(), 1);
}

#[test]
fn what_comes_after_a_cancellation_is_dropped() {
    let (drops, value) = given();
    let (promise, future) = LazyPromise::with_owner((), not_made);
    assert!(future.cancel());
    promise.complete(value);
    assert_eq!(drops.get(), 1);
    assert!(future.result().unwrap_err().is_cancelled());
}

#[test]
fn what_comes_from_a_task_that_was_cancelled_while_it_ran_is_dropped() {
    let (drops, value) = given();
    let (mut promise, future) = LazyPromise::with_owner(Stops, not_made);
    assert!(promise.start() && future.cancel());
    promise.complete(value);
    assert_eq!(drops.get(), 1);
}

#[test]
fn what_is_taken_is_dropped_once() {
    let (drops, value) = given();
    let (promise, future) = LazyPromise::with_owner((), keep);
    promise.complete(value);
    drop(future.result());
    assert_eq!(drops.get(), 1);
}

#[test]
fn without_a_value_there_is_an_error() {
    let (promise, future) = LazyPromise::with_owner((), double);
    promise.fail(refused());
    assert!(future.result().unwrap_err().is_refused());
    let (promise, future) = LazyPromise::with_owner((), double);
    drop(promise);
    assert!(future.result().unwrap_err().is_abandoned());
    let (promise, future) = LazyPromise::with_owner((), double);
    promise.cancel();
    assert!(future.result().unwrap_err().is_cancelled());
}

#[test]
fn a_function_that_fails_or_panics_gives_an_error() {
    let (promise, future): (_, Future<u32>) = LazyPromise::with_owner((), |_: ()| Err(refused()));
    promise.complete(());
    assert!(future.result().unwrap_err().is_refused());
    let (promise, future): (_, Future<u32>) = LazyPromise::with_owner((), |_: ()| panic!("not like this"));
    promise.complete(());
    assert!(future.result().unwrap_err().is_panic());
}

#[test]
fn one_that_was_put_back_can_be_cancelled() {
    let (mut promise, future) = LazyPromise::with_owner((), double);
    assert!(promise.start() && !future.cancel());
    promise.put_back();
    assert!(future.cancel());
    assert!(!promise.start());
}

#[test]
fn a_promise_is_not_run_whatever_its_owner_says() {
    let (asks, asked) = mpsc::channel();
    let (promise, future) = Promise::with_owner(TellsAndRunsInline(asks.clone()));
    let (lazy_promise, lazy_future) = LazyPromise::with_owner(TellsAndRunsInline(asks), double);
    let producer = thread::spawn(move || {
        asked.recv().unwrap();
        promise.complete(4).unwrap();
        lazy_promise.complete(4);
    });
    assert_eq!(future.result().unwrap(), 4);
    assert_eq!(lazy_future.result().unwrap(), 8);
    producer.join().unwrap();
}
