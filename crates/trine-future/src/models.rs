//! Models of the future: the type that ships, under every interleaving of two or three threads.
//!
//! One side acts on the promise or the task, the other on the future. Values are `Tracked`, so that a value that is
//! lost is a leak and one that is read without being published is a race.

mod awaits;
mod group;
mod lazy;
mod many;
mod parts;
mod shared;
mod store;
mod tasks;
mod time_outs;
mod waits;

use crate::{Failure, Future, Outcome, Promise, TaskError, Until, as_completed, set_failure_hook, wait};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use trine_platform::atomic::{AtomicU32, Ordering::Relaxed};
use trine_platform::model::{check, expire_deadlines};
use trine_platform::thread::{JoinHandle, spawn};
use trine_platform::{LeakCheck, Parker, UnsafeCell};

/// A value that loom watches: reading it without happening after its making fails the model, as does leaking it.
struct Tracked {
    value: UnsafeCell<u32>,
    _leak_check: LeakCheck,
}

// SAFETY: the value is never written to after it was made.
unsafe impl Sync for Tracked {}

impl Tracked {
    fn new(value: u32) -> Self {
        Self {
            value: UnsafeCell::new(value),
            _leak_check: LeakCheck::new(),
        }
    }

    fn get(&self) -> u32 {
        // SAFETY: the value is never written to after it was made.
        self.value.with(|value| unsafe { *value })
    }
}

/// A waker that wakes a parked thread, and counts.
struct Unparker {
    parker: Parker,
    wakes: AtomicU32,
}

impl Unparker {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            parker: Parker::current(),
            wakes: AtomicU32::new(0),
        })
    }
}

impl Wake for Unparker {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Relaxed);
        self.parker.unpark();
    }
}

fn poll<T>(future: &mut Future<T>, waker: &Waker) -> Poll<Result<T, TaskError>> {
    std::future::Future::poll(Pin::new(future), &mut Context::from_waker(waker))
}

fn block_on<T>(future: &mut Future<T>) -> Result<T, TaskError> {
    let waker = Waker::from(Unparker::new());
    loop {
        match poll(future, &waker) {
            Poll::Ready(result) => return result,
            Poll::Pending => Parker::current().park(),
        }
    }
}

/// What the producer does.
#[derive(Clone, Copy)]
enum Action {
    Complete,
    Fail,
    Abandon,
    Cancel,
}

impl Action {
    fn outcome(self) -> Outcome {
        match self {
            Self::Complete => Outcome::Done,
            Self::Fail | Self::Abandon => Outcome::Failed,
            Self::Cancel => Outcome::Cancelled,
        }
    }
}

/// A failed assertion in a callback is contained by what is under test: it must still fail the model.
fn abort_on_contained_panic() {
    set_failure_hook(|failure| {
        if matches!(failure, Failure::Panicked(_)) {
            eprintln!("{failure}");
            std::process::abort();
        }
    });
}

fn act(action: Action, promise: Promise<Tracked>) {
    match action {
        Action::Complete => drop(promise.complete(Tracked::new(7))),
        Action::Fail => promise.fail(TaskError::refused("the model says so")),
        Action::Abandon => drop(promise),
        Action::Cancel => promise.cancel(),
    }
}

fn check_result(action: Action, result: Result<Tracked, TaskError>) {
    check_lent(action, result.as_ref());
}

fn check_lent(action: Action, result: Result<&Tracked, &TaskError>) {
    match action {
        Action::Complete => assert_eq!(result.ok().map(Tracked::get), Some(7)),
        Action::Fail => assert!(result.is_err_and(TaskError::is_refused)),
        Action::Abandon => assert!(result.is_err_and(TaskError::is_abandoned)),
        Action::Cancel => assert!(result.is_err_and(TaskError::is_cancelled)),
    }
}

fn join<T>(thread: JoinHandle<T>) {
    thread.join().expect("no model's thread panics");
}

/// A model for each action of the producer against what the consumer does.
///
/// The consumer is spawned, because loom does not try to move a load of the main thread behind a compare-exchange of
/// another one that has loaded the word itself in between: the future would never be found done at the first look.
/// One model has it the other way round, so that the consumer begins.
macro_rules! grid {
    ($($name:ident: $consumer:expr;)*) => {$(
        mod $name {
            use super::*;

            const CONSUME: fn(Action, Future<Tracked>) = $consumer;

            fn model(name: &str, action: Action) {
                abort_on_contained_panic();
                check(name, move || {
                    let (promise, future) = Promise::new();
                    let consumer = spawn(move || CONSUME(action, future));
                    act(action, promise);
                    join(consumer);
                });
            }

            #[test]
            fn complete() {
                model(concat!("future::", stringify!($name), "::complete"), Action::Complete);
            }

            #[test]
            fn fail() {
                model(concat!("future::", stringify!($name), "::fail"), Action::Fail);
            }

            #[test]
            fn abandon() {
                model(concat!("future::", stringify!($name), "::abandon"), Action::Abandon);
            }

            #[test]
            fn cancel() {
                model(concat!("future::", stringify!($name), "::cancel"), Action::Cancel);
            }

            #[test]
            fn consumer_begins() {
                abort_on_contained_panic();
                check(concat!("future::", stringify!($name), "::consumer_begins"), || {
                    let (promise, future) = Promise::new();
                    let producer = spawn(move || act(Action::Complete, promise));
                    CONSUME(Action::Complete, future);
                    join(producer);
                });
            }
        }
    )*};
}

use grid;

grid! {
    result: |action, future| check_result(action, future.result());

    result_timeout: |action, mut future| {
        // A model's deadline passes when the model says so, which this one does not.
        let result = future.result_timeout(Duration::from_secs(60));
        check_result(action, result.expect("it is ended before that"));
    };

    shared_result: |action, future| {
        let shared = future.shared();
        check_lent(action, shared.result());
    };

    shared_then_dropped: |_, future| drop(future.shared());

    waited: |action, mut future| {
        assert_eq!(wait([&mut future], Until::All, None).done, [0]);
        check_result(action, future.result());
    };

    awaited: |action, mut future| check_result(action, block_on(&mut future));

    polled_then_dropped: |_, mut future| {
        let unparker = Unparker::new();
        drop(poll(&mut future, &Waker::from(Arc::clone(&unparker))));
        drop(future);
    };

    dropped: |_, future| drop(future);

    cancelled: |action, future| {
        let cancelled = future.cancel();
        let result = future.result();
        if cancelled {
            assert!(result.is_err_and(|error| error.is_cancelled()));
        } else {
            check_result(action, result);
        }
    };

    with_callback: |action, mut future| {
        let calls = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&calls);
        let parker = Parker::current();
        future.on_done(move |outcome| {
            assert_eq!(outcome, action.outcome());
            counter.fetch_add(1, Relaxed);
            parker.unpark();
        });
        drop(future);
        while calls.load(Relaxed) == 0 {
            Parker::current().park();
        }
        assert_eq!(calls.load(Relaxed), 1);
    };

    mapped: |action, future| {
        let mapped = future.map(|value: Tracked| Tracked::new(value.get()));
        check_result(action, mapped.result());
    };

    mapped_then_dropped: |_, future| drop(future.map(|value: Tracked| value));

    observed: |action, future| {
        let (promise, other) = Promise::new();
        drop(promise.complete(Tracked::new(1)));
        let mut futures = as_completed([(0, future), (1, other)]);
        let mut seen = [false; 2];
        for (number, future) in &mut futures {
            seen[number] = true;
            if number == 0 {
                check_result(action, future.result());
            }
        }
        assert_eq!(seen, [true; 2]);
    };

    observed_then_dropped: |_, future| {
        let mut futures = as_completed([future]);
        assert_eq!(futures.len(), 1);
        futures.next();
    };
}

#[test]
fn completion_is_seen_without_sleeping() {
    // No futex orders anything here: a result that is published Relaxed is a race.
    check("future::completion_is_seen_without_sleeping", || {
        let (promise, mut future) = Promise::<Tracked>::new();
        let consumer = spawn(move || {
            if future.is_done() {
                let result = future.result_timeout(Duration::ZERO).expect("it is done");
                assert_eq!(result.expect("it was completed").get(), 3);
            }
        });
        drop(promise.complete(Tracked::new(3)));
        join(consumer);
    });
}

#[test]
fn callback_added_to_a_polled_future() {
    check("future::callback_added_to_a_polled_future", || {
        let (promise, mut future) = Promise::new();
        let producer = spawn(move || drop(promise.complete(Tracked::new(3))));
        let unparker = Unparker::new();
        let calls = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&calls);
        let polled = poll(&mut future, &Waker::from(Arc::clone(&unparker)));
        future.on_done(move |_| {
            counter.fetch_add(1, Relaxed);
        });
        if polled.is_pending() {
            while unparker.wakes.load(Relaxed) == 0 {
                Parker::current().park();
            }
        }
        join(producer);
        assert_eq!(calls.load(Relaxed), 1);
    });
}

/// A callback that sleeps until whoever waits has the result: that would be for ever if it ran on that thread.
fn callback_that_needs_the_consumer(name: &str, consume: fn(Future<Tracked>)) {
    check(name, move || {
        let (promise, mut future) = Promise::new();
        let (consumed, gate) = Promise::new();
        future.on_done(move |_| drop(gate.result()));
        let producer = spawn(move || drop(promise.complete(Tracked::new(3))));
        consume(future);
        let _ = consumed.complete(());
        join(producer);
    });
}

#[test]
fn callback_runs_where_the_task_ends() {
    callback_that_needs_the_consumer("future::callback_runs_where_the_task_ends", |future| {
        assert_eq!(future.result().expect("it was completed").get(), 3);
    });
}

#[test]
fn callback_runs_where_the_task_ends_though_wakers_change() {
    callback_that_needs_the_consumer(
        "future::callback_runs_where_the_task_ends_though_wakers_change",
        |mut future| {
            for _ in 0..2 {
                if poll(&mut future, &Waker::from(Unparker::new())).is_ready() {
                    return;
                }
            }
        },
    );
}

#[test]
fn rogue_wake_is_harmless() {
    check("future::rogue_wake_is_harmless", || {
        let (promise, future) = Promise::new();
        let producer = spawn(move || drop(promise.complete(Tracked::new(3))));
        let parker = Parker::current();
        let rogue = spawn(move || parker.unpark());
        assert_eq!(future.result().expect("it was completed").get(), 3);
        join(producer);
        join(rogue);
    });
}
