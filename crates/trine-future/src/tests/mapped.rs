//! Futures made by `map` and `try_map`.

use super::{Counter, poll, refused};
use crate::{Future, Outcome, Promise, Task, TaskError};
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

#[test]
fn the_function_runs_on_the_thread_that_takes_the_result() {
    let (promise, future) = Promise::new();
    let mapped = future.map(|value: u32| (value, thread::current().id()));
    thread::spawn(move || promise.complete(3).unwrap())
        .join()
        .unwrap();
    assert_eq!(mapped.result().unwrap(), (3, thread::current().id()));
}

#[test]
fn a_dropped_one_does_not_run_its_function() {
    let drops = Counter::default();
    let (captured, value) = (drops.on_drop(), drops.on_drop());
    let (promise, future) = Promise::new();
    let mapped = future.map(move |_| {
        drop(captured);
        unreachable!("nobody takes it")
    });
    drop::<Future<()>>(mapped);
    assert_eq!(drops.get(), 0);
    assert!(promise.complete(value).is_ok());
    assert_eq!(drops.get(), 2);
}

#[test]
fn the_state_is_that_of_the_other_future() {
    let (mut promise, future) = Promise::new();
    let mapped = future.map(|value: u32| value + 1).map(|value| value + 1);
    assert_eq!(format!("{mapped:?}"), "Future<u32>(Pending)");
    promise.start();
    assert!(mapped.is_running() && !mapped.is_done() && !mapped.cancel());
    promise.complete(1).unwrap();
    assert!(mapped.is_done() && !mapped.is_running() && !mapped.is_cancelled());
    assert_eq!(mapped.result().unwrap(), 3);
}

#[test]
fn cancel_goes_through() {
    let drops = Counter::default();
    let captured = drops.on_drop();
    let (task, future) = Task::new(move || drop(captured), ());
    let mut mapped = future.map(|()| 1).map(|value| value + 1);
    let (sender, receiver) = mpsc::channel();
    mapped.on_done(move |outcome| sender.send(outcome).unwrap());
    assert!(mapped.cancel());
    assert!(mapped.is_cancelled() && mapped.is_done());
    assert_eq!(drops.get(), 1);
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [Outcome::Cancelled]);
    assert!(mapped.cancel());
    task.run();
    assert!(mapped.result().unwrap_err().is_cancelled());
}

#[test]
fn it_is_looked_at_awaited_and_called_back_like_any_other() {
    let (promise, future) = Promise::new();
    let mut mapped = future.map(|value: u32| value + 1);
    let wakes = Counter::default();
    let (sender, receiver) = mpsc::channel();
    mapped.on_done(move |outcome| sender.send(outcome).unwrap());
    assert!(mapped.result_timeout(Duration::from_micros(1)).is_none());
    assert!(poll(&mut mapped, &wakes.waker()).is_pending());
    promise.complete(2).unwrap();
    assert_eq!(wakes.get(), 1);
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [Outcome::Done]);
    let Poll::Ready(result) = poll(&mut mapped, Waker::noop()) else {
        panic!("it has ended")
    };
    assert_eq!(result.unwrap(), 3);
    assert!(
        mapped
            .result_timeout(Duration::ZERO)
            .unwrap()
            .unwrap_err()
            .is_taken()
    );
}

#[test]
fn callbacks_from_before_the_map_run_as_well() {
    let (promise, mut future) = Promise::new();
    let calls = Counter::default();
    let (before, after) = (calls.clone(), calls.clone());
    future.on_done(move |_| before.add());
    let mut mapped = future.map(|value: u32| value);
    mapped.on_done(move |_| after.add());
    promise.complete(2).unwrap();
    assert_eq!(calls.get(), 2);
}

#[test]
fn errors_go_through_and_the_function_is_not_called() {
    let mapped = Future::<u32>::failed(refused()).map(|_| unreachable!("there is no value"));
    assert!(mapped.is_done());
    assert!(Future::<()>::result(mapped).unwrap_err().is_refused());
    let (promise, future) = Promise::<u32>::new();
    drop(promise);
    assert!(future.map(|value| value).result().unwrap_err().is_abandoned());
}

#[test]
fn a_function_that_fails_or_panics_gives_an_error() {
    let failed = Future::ready(1).try_map(|_| Err::<u32, TaskError>(refused()));
    assert!(failed.result().unwrap_err().is_refused());
    let panicked = Future::ready(1).map(|_| -> u32 { panic!("in the function") });
    let error = panicked.map(|value| value + 1).result().unwrap_err();
    assert_eq!(error.panic().unwrap().message(), "in the function");
}

#[test]
fn a_future_whose_result_was_taken_stays_taken() {
    let mut future = Future::ready(1);
    assert!(future.result_timeout(Duration::ZERO).is_some());
    assert!(future.map(|value| value + 1).result().unwrap_err().is_taken());
}

#[test]
fn a_thousand_maps_are_no_problem() {
    let chain = |future: Future<u32>| (0..1_000).fold(future, |future, _| future.map(|value| value + 1));
    let (promise, future) = Promise::new();
    let mapped = chain(future);
    promise.complete(0).unwrap();
    assert_eq!(mapped.result().unwrap(), 1_000);

    let (promise, future) = Promise::new();
    drop(chain(future));
    promise.complete(0).unwrap();

    let (_promise, future) = Promise::new();
    assert!(chain(future).cancel());
}
