//! Models of shared futures.

use super::{Tracked, Unparker, join};
use crate::{Drive, Owner, Promise, Shared, Task, TaskError, Waiting};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use trine_platform::Parker;
use trine_platform::atomic::{AtomicU32, Ordering::Relaxed};
use trine_platform::model::{check, expire_deadlines};
use trine_platform::thread::spawn;

fn value(shared: &Shared<Tracked>) -> u32 {
    shared.result().expect("it was completed").get()
}

#[test]
fn shared_wakes_two_threads() {
    check("future::shared_wakes_two_threads", || {
        let (promise, future) = Promise::new();
        let shared = future.shared();
        let other = shared.clone();
        let waiter = spawn(move || assert_eq!(value(&other), 3));
        let producer = spawn(move || drop(promise.complete(Tracked::new(3))));
        assert_eq!(value(&shared), 3);
        join(waiter);
        join(producer);
    });
}

#[test]
fn shared_result_is_lent_without_sleeping() {
    check("future::shared_result_is_lent_without_sleeping", || {
        let (promise, future) = Promise::new();
        let shared = future.shared();
        let producer = spawn(move || drop(promise.complete(Tracked::new(3))));
        if let Some(result) = shared.result_timeout(Duration::ZERO) {
            assert_eq!(result.expect("it was completed").get(), 3);
            assert!(shared.is_done());
        }
        join(producer);
        assert_eq!(value(&shared), 3);
    });
}

#[test]
fn shared_time_out_races_completion() {
    check("future::shared_time_out_races_completion", || {
        let (promise, future) = Promise::new();
        let shared = future.shared();
        let producer = spawn(move || drop(promise.complete(Tracked::new(3))));
        let clock = spawn(expire_deadlines);
        let _ = shared.result_timeout(Duration::from_millis(1));
        assert_eq!(value(&shared), 3);
        join(producer);
        join(clock);
    });
}

#[test]
fn shared_cancel_races_completion() {
    check("future::shared_cancel_races_completion", || {
        let (promise, future) = Promise::new();
        let shared = future.shared();
        let other = shared.clone();
        let producer = spawn(move || drop(promise.complete(Tracked::new(3))));
        let canceller = spawn(move || {
            let cancelled = other.cancel();
            assert_eq!(other.is_cancelled(), cancelled);
            assert!(other.is_done() || !cancelled);
        });
        match shared.result() {
            Ok(value) => assert_eq!(value.get(), 3),
            Err(error) => assert!(error.is_cancelled()),
        }
        join(producer);
        join(canceller);
    });
}

#[test]
fn shared_cancels_of_a_mapped_future_race() {
    check("future::shared_cancels_of_a_mapped_future_race", || {
        let (promise, future) = Promise::<Tracked>::new();
        let shared = future.map(|value| value).shared();
        let other = shared.clone();
        let canceller = spawn(move || assert!(other.cancel() && other.is_cancelled()));
        assert!(shared.cancel() && shared.is_cancelled());
        assert!(shared.result().is_err_and(TaskError::is_cancelled));
        join(canceller);
        drop(promise);
    });
}

/// A mapped future is taken apart when it ends: nobody may look into it by then.
#[test]
fn shared_cancel_races_the_end_of_a_mapped_future() {
    check("future::shared_cancel_races_the_end_of_a_mapped_future", || {
        let (promise, future) = Promise::new();
        let shared = future
            .map(|value: Tracked| Tracked::new(value.get() + 1))
            .shared();
        let producer = spawn(move || drop(promise.complete(Tracked::new(3))));
        if shared.cancel() {
            assert!(shared.is_cancelled());
            assert!(shared.result().is_err_and(TaskError::is_cancelled));
        } else {
            assert_eq!(value(&shared), 4);
        }
        join(producer);
    });
}

#[test]
fn shared_cancels_race() {
    check("future::shared_cancels_race", || {
        let captured = Tracked::new(4);
        let (task, future) = Task::new(move || captured, ());
        let shared = future.shared();
        let other = shared.clone();
        let canceller = spawn(move || {
            assert!(other.cancel());
            assert!(other.is_cancelled());
        });
        assert!(shared.cancel());
        assert!(shared.is_cancelled());
        assert!(shared.result().is_err_and(TaskError::is_cancelled));
        join(canceller);
        drop(task);
    });
}

/// An owner that has waiting threads run its tasks.
struct RunsInline;

impl Owner for RunsInline {
    fn drive(&self, _: Waiting<'_>) -> Drive {
        Drive::Run
    }
}

#[test]
fn shared_waiters_race_to_run_the_task() {
    check("future::shared_waiters_race_to_run_the_task", || {
        let captured = Tracked::new(4);
        let (task, future) = Task::new(move || captured, RunsInline);
        let shared = future.shared();
        let other = shared.clone();
        let waiter = spawn(move || assert_eq!(value(&other), 4));
        assert_eq!(value(&shared), 4);
        join(waiter);
        task.run();
    });
}

#[test]
fn shared_waiter_races_the_worker() {
    check("future::shared_waiter_races_the_worker", || {
        let captured = Tracked::new(4);
        let (task, future) = Task::new(move || captured, RunsInline);
        let shared = future.shared();
        let worker = spawn(move || task.run());
        assert_eq!(value(&shared), 4);
        join(worker);
    });
}

#[test]
fn shared_callback_races_completion() {
    check("future::shared_callback_races_completion", || {
        let (promise, future) = Promise::new();
        let shared = future.shared();
        let producer = spawn(move || drop(promise.complete(Tracked::new(3))));
        let sum = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&sum);
        shared.on_done(move |result| {
            counter.fetch_add(result.map_or(100, Tracked::get), Relaxed);
        });
        join(producer);
        assert_eq!(sum.load(Relaxed), 3);
    });
}

/// A value that is cloned by reading it, which loom watches.
struct Cloned(Tracked);

impl Clone for Cloned {
    fn clone(&self) -> Self {
        Self(Tracked::new(self.0.get()))
    }
}

#[test]
fn shared_copy_is_taken_and_another_given_up_during_completion() {
    check(
        "future::shared_copy_is_taken_and_another_given_up_during_completion",
        || {
            let (promise, future) = Promise::new();
            let shared = future.shared();
            let producer = spawn(move || drop(promise.complete(Cloned(Tracked::new(3)))));
            let (taken, cancelled) = (shared.clone().into_future(), shared.clone().into_future());
            drop(shared.into_future());
            let is_cancelled = cancelled.cancel();
            assert_eq!(cancelled.result().is_err(), is_cancelled);
            assert_eq!(taken.result().expect("it was completed").0.get(), 3);
            join(producer);
        },
    );
}

#[test]
fn shared_handles_go_during_completion() {
    check("future::shared_handles_go_during_completion", || {
        let (promise, future) = Promise::new();
        let shared = future.shared();
        let producer = spawn(move || drop(promise.complete(Tracked::new(3))));
        let _ = shared.clone().result_timeout(Duration::ZERO);
        drop(shared);
        join(producer);
    });
}

#[test]
fn shared_future_made_during_completion() {
    check("future::shared_future_made_during_completion", || {
        let (promise, future) = Promise::new();
        let producer = spawn(move || drop(promise.complete(Tracked::new(3))));
        let shared = future.shared();
        assert_eq!(value(&shared), 3);
        join(producer);
    });
}

fn block_on<T>(mut future: impl Future<Output = T> + Unpin) -> T {
    let waker = Waker::from(Unparker::new());
    loop {
        match Pin::new(&mut future).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => Parker::current().park(),
        }
    }
}

#[test]
fn shared_is_awaited_and_given_up_during_completion() {
    check("future::shared_is_awaited_and_given_up_during_completion", || {
        let (promise, future) = Promise::new();
        let shared = future.shared();
        let producer = spawn(move || drop(promise.complete(Tracked::new(3))));
        let mut given_up = (&shared).into_future();
        let _ = Pin::new(&mut given_up).poll(&mut Context::from_waker(Waker::noop()));
        drop(given_up);
        assert_eq!(
            block_on((&shared).into_future()).expect("it was completed").get(),
            3
        );
        join(producer);
    });
}
