//! The rows A on one future: awaited, cancelled, dropped by the task that awaits it.

use super::{Counter, poll, refused};
use crate::{Future, Outcome, Promise, Task, TaskError};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A runtime of the smallest kind.
fn block_on<T>(future: impl std::future::Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

fn poll_pinned<F: std::future::Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

#[test]
fn a001_what_another_thread_computes_is_awaited_without_a_runtime() {
    let (task, future) = Task::new(|| thread::current().id(), ());
    let worker = thread::spawn(move || task.run());
    assert_eq!(block_on(future).unwrap(), worker.thread().id());
    worker.join().unwrap();
}

#[test]
fn a005_an_await_that_is_dropped_leaves_the_result() {
    let (promise, mut future) = Promise::new();
    {
        let mut waiting = pin!(async { (&mut future).await });
        assert!(poll_pinned(waiting.as_mut(), Waker::noop()).is_pending());
        promise.complete(42).unwrap();
    }
    assert_eq!(future.result().unwrap(), 42);

    let (promise, future) = Promise::new();
    let shared = future.shared();
    {
        let mut waiting = pin!(async { shared.clone().await });
        assert!(poll_pinned(waiting.as_mut(), Waker::noop()).is_pending());
        promise.complete(42).unwrap();
    }
    assert_eq!(shared.result().unwrap(), &42);
}

#[test]
fn a006_however_a_future_is_passed_on_its_end_is_the_same() {
    let passed_on: [fn(Future<u32>) -> Future<u32>; 4] = [
        |future| future,
        |future| future.map(|value| value),
        |future| future.try_map(Ok).map(|value| value),
        |future| future.shared().into_future(),
    ];
    for pass_on in passed_on {
        let (promise, future) = Promise::new();
        let future = pass_on(future);
        promise.complete(7).unwrap();
        assert_eq!(block_on(future).unwrap(), 7);

        let (promise, future) = Promise::new();
        let future = pass_on(future);
        promise.fail(TaskError::refused("the one reason"));
        let error = block_on(future).unwrap_err();
        assert!(error.is_refused() && error.to_string().ends_with("the one reason"));

        let (promise, future) = Promise::new();
        let future = pass_on(future);
        promise.cancel();
        assert!(future.is_cancelled());
        assert!(block_on(future).unwrap_err().is_cancelled());
    }
}

#[test]
fn a007_k47_a_value_that_comes_too_late_is_dropped_once_and_wakes_nobody() {
    let (drops, wakes) = (Counter::default(), Counter::default());
    let (promise, mut future) = Promise::new();
    assert!(poll(&mut future, &wakes.waker()).is_pending());
    assert!(future.cancel());
    assert_eq!(wakes.get(), 1);
    promise.finish(Ok(drops.on_drop()));
    assert_eq!((drops.get(), wakes.get()), (1, 1));
    let Poll::Ready(Err(error)) = poll(&mut future, Waker::noop()) else {
        panic!("it was cancelled")
    };
    assert!(error.is_cancelled());

    let (promise, mut future) = Promise::new();
    assert!(poll(&mut future, &wakes.waker()).is_pending());
    drop(future);
    promise.finish(Ok(drops.on_drop()));
    assert_eq!((drops.get(), wakes.get()), (2, 1));
}

#[test]
fn a026_a027_a_fresh_one_goes_on_and_a_cancelled_one_has_ended() {
    let (promise, mut future) = Promise::new();
    assert!(!future.is_done() && !future.is_cancelled());
    assert!(poll(&mut future, Waker::noop()).is_pending());
    assert!(future.cancel());
    assert!(future.is_done() && future.is_cancelled());
    // As in concurrent.futures: true says that it is cancelled, not that this call has done it.
    assert!(future.cancel());
    assert_eq!(promise.complete(1), Err(1));
    assert!(block_on(future).unwrap_err().is_cancelled());
}

#[test]
fn a028_a029_there_is_no_result_before_the_end_and_no_cancel_after_it() {
    for fails in [false, true] {
        let (promise, mut future) = Promise::new();
        assert!(future.result_timeout(Duration::ZERO).is_none());
        if fails {
            promise.fail(refused());
        } else {
            promise.complete(5).unwrap();
        }
        assert!(!future.cancel() && !future.is_cancelled());
        match block_on(&mut future) {
            Ok(value) => assert!(!fails && value == 5),
            Err(error) => assert!(fails && error.is_refused()),
        }
        assert!(future.is_done() && !future.cancel());
    }
}

#[test]
fn a032_a_callback_may_print_its_own_future() {
    let cell: Arc<OnceLock<Future<u32>>> = Arc::default();
    let (promise, mut future) = Promise::new();
    let inside = Arc::clone(&cell);
    let (sender, receiver) = mpsc::channel();
    future.on_done(move |_| sender.send(format!("{:?}", inside.get().unwrap())).unwrap());
    assert!(cell.set(future).is_ok());
    promise.complete(3).unwrap();
    assert_eq!(receiver.try_recv().as_deref(), Ok("Future<u32>(Done)"));
}

#[test]
fn a040_callbacks_may_add_others_and_drop_the_future_while_the_rest_waits_to_run() {
    let kept: Arc<Mutex<Option<Future<u32>>>> = Arc::default();
    let (promise, mut future) = Promise::new();
    let (sender, receiver) = mpsc::channel();
    let (inside, told) = (Arc::clone(&kept), sender.clone());
    future.on_done(move |_| {
        let mut future = inside.lock().unwrap().take().unwrap();
        let nested = told.clone();
        future.on_done(move |_| nested.send("nested").unwrap());
        drop(future);
        told.send("first").unwrap();
    });
    let last = sender.clone();
    future.on_done(move |_| last.send("last").unwrap());
    *kept.lock().unwrap() = Some(future);
    promise.complete(3).unwrap();
    assert_eq!(
        receiver.try_iter().collect::<Vec<_>>(),
        ["nested", "first", "last"]
    );

    let (promise, future) = Promise::<u32>::new();
    let shared = future.shared();
    let (inside, told) = (shared.clone(), sender.clone());
    shared.on_done(move |_| {
        let (deeper, nested) = (inside.clone(), told.clone());
        inside.on_done(move |_| {
            let deepest = nested.clone();
            deeper.on_done(move |_| deepest.send("deepest").unwrap());
            nested.send("nested").unwrap();
        });
        told.send("first").unwrap();
    });
    shared.on_done(move |_| sender.send("last").unwrap());
    drop(shared);
    promise.complete(3).unwrap();
    assert_eq!(
        receiver.try_iter().collect::<Vec<_>>(),
        ["deepest", "nested", "first", "last"]
    );
}

#[test]
fn a073_cancelling_what_is_awaited_wakes_the_task_once() {
    let wakes = Counter::default();
    let (_promise, future) = Promise::<u32>::new();
    let shared = future.shared();
    let mut waiting = Box::pin(async { shared.clone().await });
    assert!(poll_pinned(waiting.as_mut(), &wakes.waker()).is_pending());
    assert!(shared.cancel() && shared.cancel());
    assert_eq!(wakes.get(), 1);
    assert!(block_on(waiting).unwrap_err().is_cancelled());

    let (_promise, future) = Promise::<u32>::new();
    let shared = future.shared();
    let mut waiting = Box::pin(async { shared.clone().await });
    assert!(poll_pinned(waiting.as_mut(), &wakes.waker()).is_pending());
    drop(waiting);
    assert!(shared.cancel());
    assert_eq!(wakes.get(), 1, "nobody awaits it any more");
}

#[test]
fn a117_what_was_waited_for_in_vain_never_starts() {
    let runs = Counter::default();
    let counter = runs.clone();
    let (task, future) = Task::new(move || counter.add(), ());
    let mut future = future.cancel_on_drop();
    let (sender, receiver) = mpsc::channel();
    future.on_done(move |outcome| sender.send(outcome).unwrap());
    assert!(future.result_timeout(Duration::ZERO).is_none());
    drop(future);
    assert_eq!(receiver.try_recv(), Ok(Outcome::Cancelled));
    task.run();
    assert_eq!(runs.get(), 0);
}
