//! Models of waits for several futures.

use super::{Tracked, Unparker, join};
use crate::{Promise, TaskError, Until, as_completed, wait};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use trine_platform::Parker;
use trine_platform::model::{check, expire_deadlines};
use trine_platform::thread::spawn;

#[test]
fn wait_sees_two_completions() {
    check("future::wait_sees_two_completions", || {
        let (first, future) = Promise::new();
        let (second, other) = Promise::new();
        let one = spawn(move || drop(first.complete(Tracked::new(1))));
        let two = spawn(move || drop(second.complete(Tracked::new(2))));
        let mut futures = [future, other];
        assert_eq!(wait(&mut futures, Until::All, None).done, [0, 1]);
        join(one);
        join(two);
    });
}

#[test]
fn wait_for_the_first_leaves_the_other_usable() {
    check("future::wait_for_the_first_leaves_the_other_usable", || {
        let (first, future) = Promise::new();
        let (second, other) = Promise::new();
        let one = spawn(move || drop(first.complete(Tracked::new(1))));
        let two = spawn(move || drop(second.complete(Tracked::new(2))));
        let mut futures = [future, other];
        assert!(!wait(&mut futures, Until::FirstCompleted, None).done.is_empty());
        let [future, other] = futures;
        assert_eq!(future.result().expect("it was completed").get(), 1);
        assert_eq!(other.result().expect("it was completed").get(), 2);
        join(one);
        join(two);
    });
}

/// What a wait is told of has ended for whoever looks.
#[test]
fn wait_sees_a_failure() {
    check("future::wait_sees_a_failure", || {
        let (first, future) = Promise::<Tracked>::new();
        let (_second, other) = Promise::<Tracked>::new();
        let one = spawn(move || first.fail(TaskError::cancelled()));
        let mut futures = [future, other];
        assert_eq!(wait(&mut futures, Until::FirstFailure, None).done, [0]);
        join(one);
    });
}

#[test]
fn what_ends_before_the_deadline_is_yielded() {
    check("future::what_ends_before_the_deadline_is_yielded", || {
        let (promise, future) = Promise::new();
        let mut futures = as_completed([future]).timeout(Duration::from_secs(60));
        let producer = spawn(move || {
            drop(promise.complete(Tracked::new(1)));
            expire_deadlines();
        });
        let future = futures.next().expect("one was given").expect("it ends in time");
        assert_eq!(future.result().expect("it was completed").get(), 1);
        join(producer);
    });
}

/// The task that polls a stream is woken for each of the futures, whenever they end.
#[test]
fn stream_sees_two_completions() {
    check("future::stream_sees_two_completions", || {
        let (first, future) = Promise::new();
        let (second, other) = Promise::new();
        let one = spawn(move || drop(first.complete(Tracked::new(1))));
        let two = spawn(move || drop(second.complete(Tracked::new(2))));
        let mut stream = as_completed([future, other]).into_stream();
        let waker = Waker::from(Unparker::new());
        let mut sum = 0;
        while let Some(future) = block_on(stream.next(), &waker) {
            sum += future.result().expect("it was completed").get();
        }
        assert_eq!(sum, 3);
        join(one);
        join(two);
    });
}

/// Sleeps as long as nobody wakes: a lost wake is a deadlock, which the model finds.
fn block_on<F: std::future::Future>(future: F, waker: &Waker) -> F::Output {
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => Parker::current().park(),
        }
    }
}
