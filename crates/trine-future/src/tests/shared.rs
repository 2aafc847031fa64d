//! Futures that many wait for.

use super::{Counter, refused};
use crate::{
    Drive, Future, Outcome, Owner, Promise, Shared, Task, TaskError, Until, Waiting, as_completed, wait,
};
use std::future::Future as _;
use std::pin::{Pin, pin};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

fn poll_once<F: std::future::Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

#[test]
fn every_handle_lends_the_same_value() {
    let (promise, future) = Promise::new();
    let shared = future.shared();
    let barrier = Arc::new(Barrier::new(5));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (shared, barrier) = (shared.clone(), Arc::clone(&barrier));
            thread::spawn(move || {
                barrier.wait();
                shared.result().map(|text: &String| text.as_ptr().addr()).ok()
            })
        })
        .collect();
    barrier.wait();
    promise.complete("once".to_owned()).unwrap();
    let here = shared.result().unwrap().as_ptr().addr();
    for reader in readers {
        assert_eq!(reader.join().unwrap(), Some(here));
    }
    assert_eq!(shared.result().unwrap(), "once");
}

#[test]
fn g19_every_handle_has_the_same_error() {
    let shared = Future::<u32>::failed(refused()).shared();
    let first = std::ptr::from_ref(shared.result().unwrap_err());
    let other = shared.clone();
    assert!(std::ptr::eq(first, other.result().unwrap_err()));
    assert!(shared.into_future().result().unwrap_err().is_refused());
}

#[test]
fn a_clone_of_a_panic_keeps_the_payload_in_place() {
    let (task, future) = Task::new(|| panic!("once"), ());
    task.run();
    let shared: Shared<()> = future.shared();
    let error = shared.clone().into_future().result().unwrap_err();
    let error = error.into_panic_payload().unwrap_err();
    assert_eq!(error.panic().unwrap().message(), "once");
    drop(shared);
    assert!(error.into_panic_payload().unwrap().is::<&str>());
}

#[test]
fn f12_f13_f14_the_states_are_those_of_the_future() {
    for example in super::examples() {
        let shared = example.future.shared();
        assert_eq!(shared.is_done(), example.outcome.is_some(), "{}", example.state);
        assert_eq!(shared.is_running(), example.state == "Running");
        assert_eq!(shared.is_cancelled(), example.state == "Cancelled");
        assert_eq!(format!("{shared:?}"), format!("Shared<u32>({})", example.state));
        assert_eq!(
            shared.result_timeout(Duration::ZERO).is_some(),
            example.outcome.is_some()
        );
    }
}

#[test]
fn f17_a069_cancel_is_for_all_handles_and_wakes_who_waits() {
    let drops = Counter::default();
    let captured = drops.on_drop();
    let (task, future) = Task::new(move || drop(captured), ());
    let shared = future.shared();
    let other = shared.clone();
    let waiter = thread::spawn(move || other.result().unwrap_err().is_cancelled());
    assert!(shared.cancel());
    assert_eq!(drops.get(), 1);
    assert!(shared.is_cancelled() && shared.cancel());
    assert!(waiter.join().unwrap());
    task.run();

    let shared = Future::ready(1).shared();
    assert!(!shared.cancel());
}

#[test]
fn a122_a_timed_out_wait_can_be_repeated() {
    let (promise, future) = Promise::new();
    let shared = future.shared();
    for timeout in [Duration::ZERO, Duration::from_micros(1)] {
        assert!(shared.result_timeout(timeout).is_none());
    }
    promise.complete(5).unwrap();
    assert_eq!(shared.result_timeout(Duration::ZERO).unwrap().unwrap(), &5);
}

#[test]
fn callbacks_are_lent_the_value_in_their_order() {
    let (promise, mut future) = Promise::new();
    let (sender, receiver) = mpsc::channel();
    let (before, first, second, late) = (sender.clone(), sender.clone(), sender.clone(), sender);
    future.on_done(move |outcome| before.send(format!("{outcome:?}")).unwrap());
    let shared = future.shared();
    let other = shared.clone();
    shared.on_done(move |result| first.send(format!("first {result:?}")).unwrap());
    other.on_done(move |result| second.send(format!("second {result:?}")).unwrap());
    promise.complete(5).unwrap();
    let calls: Vec<_> = receiver.try_iter().collect();
    assert_eq!(calls, ["Done", "first Ok(5)", "second Ok(5)"]);
    shared.on_done(move |result| late.send(format!("late {result:?}")).unwrap());
    assert_eq!(receiver.try_recv().unwrap(), "late Ok(5)");
}

#[test]
fn f03_callbacks_run_before_cancel_returns() {
    let (_promise, future) = Promise::<u32>::new();
    let shared = future.shared();
    let (sender, receiver) = mpsc::channel();
    let inside = shared.clone();
    shared.on_done(move |result| {
        let is_cancelled = result.is_err_and(TaskError::is_cancelled);
        // Its own result is there, so that this does not block.
        sender.send(is_cancelled && inside.result().is_err()).unwrap();
    });
    assert!(shared.cancel());
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [true]);
}

#[test]
fn g06_the_ones_who_wait_are_woken_before_the_callbacks_run() {
    let (promise, mut future) = Promise::new();
    let (sender, receiver) = mpsc::channel();
    let receiver = Arc::new(Mutex::new(receiver));
    let again = Arc::clone(&receiver);
    // These callbacks return only after the result was taken.
    future.on_done(move |_| receiver.lock().unwrap().recv().unwrap());
    let shared = future.shared();
    shared.on_done(move |_| again.lock().unwrap().recv().unwrap());
    let producer = thread::spawn(move || promise.complete(3).unwrap());
    assert_eq!(shared.result().unwrap(), &3);
    sender.send(()).unwrap();
    sender.send(()).unwrap();
    producer.join().unwrap();
}

/// An owner that has waiting threads run its tasks.
struct RunsInline;

impl Owner for RunsInline {
    fn drive(&self, _: Waiting<'_>) -> Drive {
        Drive::Run
    }
}

#[test]
fn a_wait_runs_what_nobody_has_started() {
    let here = thread::current().id();
    let (task, mut future) = Task::new(|| thread::current().id(), RunsInline);
    let (sender, receiver) = mpsc::channel::<Shared<_>>();
    let (told, tells) = mpsc::channel();
    // The result is there for a callback even if that runs on the thread that waits for it.
    future.on_done(move |_| {
        let shared = receiver.recv().unwrap();
        told.send(shared.result().copied().ok()).unwrap();
    });
    let shared = future.shared();
    sender.send(shared.clone()).unwrap();
    assert_eq!(shared.result().unwrap(), &here);
    assert_eq!(tells.try_recv(), Ok(Some(here)));
    task.run();

    let (task, future) = Task::new(|| thread::current().id(), RunsInline);
    let mapped = future.map(|id| id).shared();
    assert!(mapped.result_timeout(Duration::from_micros(1)).is_none());
    assert_eq!(mapped.clone().into_future().result().unwrap(), here);
    let mut copies = [mapped.clone().into_future(), mapped.into_future()];
    assert_eq!(wait(&mut copies, Until::All, None).done, [0, 1]);
    drop(task);
}

#[test]
fn the_function_of_a_mapped_future_runs_once_where_the_task_ends() {
    let calls = Counter::default();
    let counter = calls.clone();
    let (promise, future) = Promise::new();
    let mapped = future.map(move |number: u32| {
        counter.add();
        (number + 1, thread::current().id())
    });
    let shared = mapped.shared();
    let producer = thread::spawn(move || promise.complete(1).unwrap());
    let id = producer.thread().id();
    assert_eq!(shared.result().unwrap(), &(2, id));
    assert_eq!(shared.clone().result().unwrap(), &(2, id));
    assert_eq!(calls.get(), 1);
    producer.join().unwrap();
}

#[test]
fn a068_a_task_borrows_and_copies_the_result() {
    let (promise, future) = Promise::new();
    let shared = future.shared();
    let (one, two) = (Counter::default(), Counter::default());
    let mut lent = (&shared).into_future();
    let mut copied = shared.clone().into_future();
    assert!(poll_once(&mut lent, &one.waker()).is_pending());
    assert!(poll_once(&mut copied, &two.waker()).is_pending());
    promise.complete("text".to_owned()).unwrap();
    assert_eq!((one.get(), two.get()), (1, 1));
    let mut body = pin!(async { ((&shared).await.unwrap().as_str(), shared.clone().await.unwrap()) });
    let Poll::Ready((text, copy)) = body.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("it has ended")
    };
    assert_eq!((text, copy.as_str()), ("text", "text"));
    for _ in 0..2 {
        let Poll::Ready(result) = poll_once(&mut lent, Waker::noop()) else {
            panic!("it has ended")
        };
        assert_eq!(result.unwrap(), "text");
    }
    assert_eq!(format!("{lent:?}"), "Lend(Shared<alloc::string::String>(Done))");
    let Poll::Ready(result) = poll_once(&mut copied, Waker::noop()) else {
        panic!("it has ended")
    };
    assert_eq!(result.unwrap(), "text");
}

#[test]
fn w01_c03_a043_the_same_one_several_times_is_several_futures() {
    let (promise, future) = Promise::new();
    let shared = future.shared();
    assert!(Shared::ptr_eq(&shared, &shared.clone()));
    assert!(!Shared::ptr_eq(&shared, &Future::ready(1).shared()));
    // Each place in a wait is a future of its own, as each is a value of its own: nothing is taken away unasked.
    let mut copies = [shared.clone().into_future(), shared.clone().into_future()];
    let producer = thread::spawn(move || promise.complete(1).unwrap());
    assert_eq!(wait(&mut copies, Until::All, None).done, [0, 1]);
    producer.join().unwrap();
    let futures = as_completed([(); 3].map(|()| shared.clone().into_future()));
    assert_eq!(futures.map(|future| future.result().unwrap()).sum::<i32>(), 3);
}

#[test]
fn a070_cancelling_a_copy_gives_up_that_wait_only() {
    let (promise, future) = Promise::new();
    let shared = future.shared();
    let copy = shared.clone().into_future();
    assert!(copy.cancel());
    assert!(!shared.is_done());
    promise.complete(1).unwrap();
    assert_eq!(shared.result().unwrap(), &1);
    assert!(copy.result().unwrap_err().is_cancelled());
}

#[test]
fn a_callback_of_a_dropped_copy_still_runs() {
    let (promise, future) = Promise::new();
    let shared = future.shared();
    let (sender, receiver) = mpsc::channel();
    let mut copy = shared.clone().into_future();
    copy.on_done(move |outcome| sender.send(outcome).unwrap());
    drop(copy);
    // Enough waits to have those cleared away that were given up.
    for _ in 0..100 {
        assert!(shared.result_timeout(Duration::ZERO).is_none());
    }
    assert!(receiver.try_recv().is_err());
    promise.complete(1).unwrap();
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [Outcome::Done]);
}

#[test]
fn k43_the_value_goes_with_the_last_handle() {
    let drops = Counter::default();
    let (promise, future) = Promise::new();
    let shared = future.shared();
    let inside = shared.clone();
    shared.on_done(move |_| drop(inside));
    assert!(shared.result_timeout(Duration::ZERO).is_none());
    assert!(promise.complete(drops.on_drop()).is_ok());
    let other = shared.clone();
    drop(shared);
    assert_eq!(drops.get(), 0);
    drop(other);
    assert_eq!(drops.get(), 1);

    let (promise, future) = Promise::new();
    drop(future.shared());
    assert!(promise.complete(drops.on_drop()).is_ok());
    assert_eq!(drops.get(), 2, "nobody is left to see it");
}

#[test]
fn it_goes_between_threads_if_the_value_can_be_shared() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Shared<String>>();
    is_send_and_sync::<crate::Lend<'_, String>>();
}
