//! The rows W: `wait`.

use super::{has_waiter, refused};
use crate::{
    BlockingHook, Future, Promise, Substitute, Task, Until, Waited, set_blocking_hook, wait, wait_async,
};
use std::pin::pin;
use std::sync::{Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

fn waited(done: &[usize], pending: &[usize]) -> Waited {
    Waited {
        done: done.to_vec(),
        pending: pending.to_vec(),
    }
}

const EVERY: [Until; 3] = [Until::FirstCompleted, Until::FirstFailure, Until::All];

#[test]
fn g10_a044_without_futures_it_returns_at_once() {
    for until in EVERY {
        let mut none: [Future<u32>; 0] = [];
        assert_eq!(wait(&mut none, until, None), waited(&[], &[]));
    }
}

#[test]
fn w02_the_first_completion_is_enough() {
    let (promise, future) = Promise::new();
    let (_kept, other) = Promise::new();
    let producer = thread::spawn(move || promise.complete(1).unwrap());
    let mut futures = [other, future];
    assert_eq!(
        wait(&mut futures, Until::FirstCompleted, None),
        waited(&[1], &[0])
    );
    producer.join().unwrap();
}

#[test]
fn what_is_enough_for_a_wait_is_enough_in_async_code() {
    for (until, enough) in EVERY.into_iter().zip([1, 2, 3]) {
        let (promises, mut futures): (Vec<_>, Vec<_>) = (0..3).map(|_| Promise::<u32>::new()).unzip();
        let mut waiting = pin!(wait_async(&mut futures, until));
        let mut poll = || waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let mut promises = promises.into_iter();
        for number in 0..enough {
            assert!(poll().is_pending());
            let promise = promises.next().unwrap();
            match number {
                1 => promise.fail(refused()),
                _ => promise.complete(0).unwrap(),
            }
        }
        let Poll::Ready(Waited { done, .. }) = poll() else {
            panic!("{until:?} needs no more");
        };
        assert_eq!(done.len(), enough, "{until:?}");
    }
}

#[test]
fn w02_a_cancelled_future_is_done() {
    let (_promise, future) = Promise::<u32>::new();
    let (_kept, other) = Promise::new();
    assert!(future.cancel());
    let mut futures = [future, other];
    assert_eq!(
        wait(&mut futures, Until::FirstCompleted, None),
        waited(&[0], &[1])
    );
}

#[test]
fn w03_all_that_have_ended_are_reported() {
    let (_kept, pending) = Promise::new();
    let mut futures = [Future::ready(1), pending, Future::failed(refused())];
    assert_eq!(
        wait(&mut futures, Until::FirstCompleted, None),
        waited(&[0, 2], &[1])
    );
    assert!(!has_waiter(&mut futures[1]));
    let [_, _, failed] = futures;
    assert!(failed.result().is_err());
}

#[test]
fn w04_w06_the_first_failure_ends_the_wait_and_a_success_does_not() {
    let (_kept, pending) = Promise::new();
    let (task, future) = Task::new(|| panic!("the first failure"), ());
    let mut futures = [Future::ready(1), future, pending];
    let worker = thread::spawn(move || task.run());
    assert_eq!(
        wait(&mut futures, Until::FirstFailure, None),
        waited(&[0, 1], &[2])
    );
    worker.join().unwrap();
    let [_, failed, _] = futures;
    assert!(failed.result().unwrap_err().is_panic());
}

#[test]
fn w04_an_err_that_a_task_returned_is_no_failure() {
    let (promise, future) = Promise::new();
    let mut futures = [Future::ready(Err::<u32, _>("a value")), future];
    // The wait gets as far as sleeping only if it goes on after the first.
    let promise = Mutex::new(Some(promise));
    set_blocking_hook(Some(BlockingHook {
        begin: Box::new(move || {
            promise.lock().unwrap().take().unwrap().complete(Ok(1)).unwrap();
            Substitute::Missing
        }),
        substitute: Box::new(|| Substitute::Missing),
        end: Box::new(|| ()),
        runs_members: Box::new(|| false),
    }));
    let both = wait(&mut futures, Until::FirstFailure, None);
    set_blocking_hook(None);
    assert_eq!(both, waited(&[0, 1], &[]));
}

#[test]
fn w05_callbacks_of_the_futures_run_during_the_wait() {
    let (promise, mut future) = Promise::new();
    let (failing, other) = Promise::<u32>::new();
    let (sender, receiver) = mpsc::channel();
    future.on_done(move |_| sender.send(()).unwrap());
    let producer = thread::spawn(move || {
        promise.complete(1).unwrap();
        receiver.recv().unwrap();
        failing.fail(refused());
    });
    let mut futures = [future, other];
    assert_eq!(
        wait(&mut futures, Until::FirstFailure, None),
        waited(&[0, 1], &[])
    );
    producer.join().unwrap();
    let [_, failed] = futures;
    assert!(failed.result().unwrap_err().is_refused());
}

#[test]
fn w06_g14_a_cancelled_future_has_not_failed() {
    let (promise, future) = Promise::<u32>::new();
    let (_kept, cancelled) = Promise::new();
    assert!(cancelled.cancel());
    let mut futures = [cancelled, future];
    let now = wait(&mut futures, Until::FirstFailure, Duration::ZERO);
    assert_eq!(now, waited(&[0], &[1]));
    promise.complete(1).unwrap();
    assert_eq!(
        wait(&mut futures, Until::FirstFailure, None),
        waited(&[0, 1], &[])
    );
}

#[test]
fn w07_a_failure_from_before_ends_the_wait_at_once() {
    let (_kept, pending) = Promise::new();
    let mut futures = [pending, Future::<u32>::failed(refused())];
    assert_eq!(wait(&mut futures, Until::FirstFailure, None), waited(&[1], &[0]));
    assert!(!has_waiter(&mut futures[0]));
    let [_, failed] = futures;
    assert!(failed.result().is_err());
}

#[test]
fn w08_g22_all_kinds_of_futures_and_ends_mix() {
    let (promise, future) = Promise::new();
    let (running, run) = Task::new(|| 2, ());
    let (_kept, cancelled) = Promise::new();
    assert!(cancelled.cancel());
    let (text, converted) = Promise::new();
    let mapped = converted.map(|text: String| text.len());
    let failed = Future::failed(refused());
    let mut futures = [future, run, cancelled, mapped, failed, Future::ready(6)];
    let producers = [
        thread::spawn(move || promise.complete(1).unwrap()),
        thread::spawn(move || {
            running.run();
        }),
        thread::spawn(move || text.complete("four".to_owned()).unwrap()),
    ];
    assert_eq!(
        wait(&mut futures, Until::All, None),
        waited(&[0, 1, 2, 3, 4, 5], &[])
    );
    for producer in producers {
        producer.join().unwrap();
    }
    let values: Vec<_> = futures.into_iter().map(|future| future.result().ok()).collect();
    assert_eq!(values, [Some(1), Some(2), None, Some(4), None, Some(6)]);
}

#[test]
fn w09_g08_a_time_out_is_no_error() {
    for until in EVERY {
        for timeout in [Duration::ZERO, Duration::from_micros(1)] {
            let (promise, pending) = Promise::new();
            let mut futures = [pending];
            assert_eq!(wait(&mut futures, until, timeout), waited(&[], &[0]));
            promise.complete(5).unwrap();
            assert_eq!(wait(&mut futures, until, timeout), waited(&[0], &[]));
            let [future] = futures;
            assert_eq!(future.result().unwrap(), 5);
        }
    }
}

#[test]
fn pairs_are_waited_for_as_their_futures() {
    let (_kept, pending) = Promise::new();
    let mut pairs = vec![("pending", pending), ("ready", Future::ready(1))];
    assert_eq!(wait(&mut pairs, Until::FirstCompleted, None), waited(&[1], &[0]));
    assert_eq!(pairs.remove(1).1.result().unwrap(), 1);
}

#[test]
fn a_callback_is_kept_through_a_wait() {
    let (promise, mut future) = Promise::new();
    let (sender, receiver) = mpsc::channel();
    future.on_done(move |outcome| sender.send(outcome).unwrap());
    wait([&mut future], Until::All, Duration::ZERO);
    promise.complete(5).unwrap();
    assert_eq!(receiver.try_iter().count(), 1);
}

#[test]
fn a_producer_that_ends_many_wakes_one_wait() {
    let (promises, mut futures): (Vec<_>, Vec<_>) = (0..1_000).map(|_| Promise::new()).unzip();
    let producer = thread::spawn(move || {
        for (number, promise) in promises.into_iter().enumerate() {
            promise.complete(number).unwrap();
        }
    });
    assert_eq!(wait(&mut futures, Until::All, None).done.len(), 1_000);
    producer.join().unwrap();
}
