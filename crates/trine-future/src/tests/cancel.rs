//! Cancelling by a request, and by a drop.

use super::{Counter, poll};
use crate::{Drive, Future, Owner, Promise, Task, Waiting, cancelled};
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::thread;

#[test]
fn a_running_task_reads_the_request() {
    let (started, has_started) = mpsc::channel();
    let (task, future) = Task::new(
        move || {
            assert!(!cancelled());
            started.send(()).unwrap();
            while !cancelled() {
                thread::yield_now();
            }
            "stopped"
        },
        (),
    );
    let worker = thread::spawn(move || task.run());
    has_started.recv().unwrap();
    assert!(!future.cancel());
    assert!(future.request_cancel());
    assert!(future.request_cancel());
    assert!(!future.is_cancelled());
    assert_eq!(future.result().unwrap(), "stopped");
    worker.join().unwrap();
}

#[test]
fn a_request_goes_through_a_mapped_and_a_shared_future() {
    let (mut promise, future) = Promise::new();
    assert!(promise.start());
    let shared = future.map(|value: u32| value + 1).shared();
    assert!(shared.clone().request_cancel());
    assert!(promise.is_cancel_requested() && !promise.is_cancelled());
    promise.complete(1).unwrap();
    assert!(!shared.request_cancel());
    assert_eq!(shared.result().unwrap(), &2);
}

#[test]
fn a_request_cancels_what_has_not_started() {
    let (promise, future) = Promise::<u32>::new();
    assert!(future.request_cancel());
    assert!(promise.is_cancelled() && promise.is_cancel_requested());
    assert!(future.request_cancel(), "as cancelling twice");
    assert!(!Future::ready(1).request_cancel());
}

/// An owner that has waiting threads run its tasks.
struct RunsInline;

impl Owner for RunsInline {
    fn drive(&self, _: Waiting<'_>) -> Drive {
        Drive::Run
    }
}

#[test]
fn each_of_nested_tasks_has_its_own_answer() {
    assert!(!cancelled(), "outside of tasks");
    let (sender, receiver) = mpsc::channel::<Future<()>>();
    let (told, tells) = mpsc::channel();
    let ended = told.clone();
    let (task, mut future) = Task::new(
        move || {
            assert!(receiver.recv().unwrap().request_cancel());
            told.send(("outer", cancelled())).unwrap();
            let (_queued, inner) = Task::new(cancelled, RunsInline);
            told.send(("inner", inner.result().unwrap())).unwrap();
            let (panics, failed) = Task::new(|| panic!("inside"), RunsInline);
            panics.run();
            assert!(Future::<()>::result(failed).unwrap_err().is_panic());
            told.send(("outer again", cancelled())).unwrap();
        },
        (),
    );
    future.on_done(move |_| ended.send(("callback", cancelled())).unwrap());
    sender.send(future).unwrap();
    task.run();
    let answers: Vec<_> = tells.try_iter().collect();
    assert_eq!(
        answers,
        [
            ("outer", true),
            ("inner", false),
            ("outer again", true),
            ("callback", false)
        ]
    );
}

/// An owner that can stop what runs.
struct Stops;

impl Owner for Stops {
    const STOPS_RUNNING: bool = true;
}

#[test]
fn a_cancel_of_what_runs_is_a_request_as_well() {
    let (sender, receiver) = mpsc::channel::<Future<()>>();
    let (told, tells) = mpsc::channel();
    let (task, future) = Task::new(
        move || {
            assert!(receiver.recv().unwrap().cancel());
            told.send(cancelled()).unwrap();
        },
        Stops,
    );
    sender.send(future).unwrap();
    task.run();
    assert_eq!(tells.recv(), Ok(true));
}

#[test]
fn a_dropped_one_cancels_and_a_detached_one_does_not() {
    let drops = Counter::default();
    let captured = drops.on_drop();
    let (task, future) = Task::new(move || drop(captured), ());
    let future = future.cancel_on_drop();
    assert_eq!(format!("{future:?}"), "CancelOnDrop(Future<()>(Pending))");
    assert!(!future.is_done());
    drop(future);
    assert_eq!(drops.get(), 1);
    assert_eq!(format!("{task:?}"), "Task(Cancelled)");

    let (promise, future) = Promise::<u32>::new();
    drop(future.cancel_on_drop().detach());
    assert!(!promise.is_cancelled());
}

#[test]
fn a_dropped_one_asks_what_runs_to_stop() {
    let (mut promise, future) = Promise::<u32>::new();
    assert!(promise.start());
    drop(future.cancel_on_drop());
    assert!(promise.is_cancel_requested() && !promise.is_cancelled());
    promise.complete(1).unwrap();
}

#[test]
fn one_that_cancels_is_used_like_any_other() {
    let (promise, future) = Promise::new();
    let calls = Counter::default();
    let (counter, waker) = (calls.clone(), Counter::default());
    let mut future = future.cancel_on_drop();
    future.on_done(move |_| counter.add());
    assert!(poll(&mut future, &waker.waker()).is_pending());
    let mut context = Context::from_waker(Waker::noop());
    assert!(std::future::Future::poll(Pin::new(&mut future), &mut context).is_pending());
    promise.complete(1).unwrap();
    assert_eq!(calls.get(), 1);
    assert_eq!(future.result().unwrap(), 1);
}

#[test]
fn a074_a_dropped_async_block_cancels_what_it_awaits() {
    let (promise, future) = Promise::<u32>::new();
    let inner = async { future.cancel_on_drop().await };
    let mut body = Box::pin(async { inner.await.map(|value| value + 1) });
    let mut context = Context::from_waker(Waker::noop());
    assert!(std::future::Future::poll(body.as_mut(), &mut context).is_pending());
    assert!(!promise.is_cancelled());
    drop(body);
    assert!(promise.is_cancelled());
}

/// An owner that counts what it need not keep any more.
struct Keeps(Counter);

impl Owner for Keeps {
    fn withdraw(&self) {
        self.0.add();
    }
}

#[test]
fn the_owner_hears_of_what_a_future_cancels_before_it_starts() {
    let withdrawn = Counter::default();
    let promise = || Promise::<u32>::with_owner(Keeps(withdrawn.clone()));
    let (_waits, future) = promise();
    assert!(future.cancel() && future.cancel());
    assert_eq!(withdrawn.get(), 1);
    let (_waits, future) = promise();
    assert!(future.map(|number| number + 1).cancel());
    assert_eq!(withdrawn.get(), 2);
    let (_waits, future) = promise();
    assert!(future.shared().cancel());
    assert_eq!(withdrawn.get(), 3);
    let (_waits, future) = Promise::<u32>::with_parts(Keeps(withdrawn.clone()), ());
    assert!(future.into_future().cancel());
    assert_eq!(withdrawn.get(), 4);

    let (mut runs, future) = promise();
    assert!(runs.start() && !future.cancel());
    let (cancelled, _future) = promise();
    cancelled.cancel();
    assert_eq!(withdrawn.get(), 4);
}
