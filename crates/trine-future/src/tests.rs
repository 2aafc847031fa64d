//! Tests of one thread, or of a few that barriers and channels keep in step; the interleavings are for `models.rs`.
//!
//! Names begin with the rows of the catalogue of behaviours that they cover. What the failure hook is told is tested
//! in `tests/failures`, in a process of its own.

mod as_completed;
mod awaits;
mod cancel;
mod contract;
mod costs;
mod detached;
mod future;
mod gather;
mod group;
mod known_bugs;
mod lazy;
mod map;
mod mapped;
mod parts;
mod properties;
mod shapes;
mod shared;
mod stress;
mod substitute;
mod task;
mod thread_end;
mod wait;
mod waits;
mod wakers;

use crate::snapshot::Part;
use crate::{Drive, Future, Outcome, Owner, Promise, TaskError, Waiting};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};

fn refused() -> TaskError {
    TaskError::refused("closed")
}

fn poll<T>(future: &mut Future<T>, waker: &Waker) -> Poll<Result<T, TaskError>> {
    std::future::Future::poll(Pin::new(future), &mut Context::from_waker(waker))
}

/// Whether somebody is told when the task ends. Nobody is once it has.
fn has_waiter<T>(future: &mut Future<T>) -> bool {
    if future.is_done() {
        return false;
    }
    future.state().load().is_given(Part::Waiter)
}

/// Counts what happens: calls, wakes, drops.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicUsize>);

impl Counter {
    fn add(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    fn get(&self) -> usize {
        self.0.load(Relaxed)
    }

    fn waker(&self) -> Waker {
        Waker::from(Arc::new(CountsWakes(self.clone())))
    }

    fn on_drop(&self) -> CountsDrop {
        CountsDrop(self.clone())
    }
}

struct CountsWakes(Counter);

impl Wake for CountsWakes {
    fn wake(self: Arc<Self>) {
        self.0.add();
    }
}

/// A value that counts its drop.
struct CountsDrop(Counter);

impl Drop for CountsDrop {
    fn drop(&mut self) {
        self.0.add();
    }
}

/// An owner that says so when it is asked, and wants the task to be run where the wait is.
struct TellsAndRunsInline(mpsc::Sender<()>);

impl Owner for TellsAndRunsInline {
    fn drive(&self, _: Waiting<'_>) -> Drive {
        let _ = self.0.send(());
        Drive::Run
    }
}

/// A future in one of its states, with what keeps it there.
struct Example {
    state: &'static str,
    outcome: Option<Outcome>,
    future: Future<u32>,
    _promise: Option<Promise<u32>>,
}

/// A future in each of the states.
fn examples() -> [Example; 6] {
    let (pending_promise, pending) = Promise::new();
    let (mut running_promise, running) = Promise::new();
    assert!(running_promise.start());
    let (cancelled_promise, cancelled) = Promise::new();
    assert!(cancelled.cancel());
    let (mut told_promise, told) = Promise::new();
    assert!(told.cancel());
    assert!(!told_promise.start());
    let example = |state, outcome, future, promise| Example {
        state,
        outcome,
        future,
        _promise: promise,
    };
    [
        example("Pending", None, pending, Some(pending_promise)),
        example("Running", None, running, Some(running_promise)),
        example("Done", Some(Outcome::Done), Future::ready(42), None),
        example("Failed", Some(Outcome::Failed), Future::failed(refused()), None),
        example(
            "Cancelled",
            Some(Outcome::Cancelled),
            cancelled,
            Some(cancelled_promise),
        ),
        example("Cancelled", Some(Outcome::Cancelled), told, Some(told_promise)),
    ]
}
