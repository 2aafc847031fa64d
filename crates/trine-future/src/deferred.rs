//! Callbacks that run later than the end of their task, and elsewhere.

use crate::Outcome;
use crate::waiter::Callbacks;
use std::cell::Cell;
use std::fmt;

thread_local! {
    /// Where this thread puts callbacks instead of running them.
    static DEFERRED: Cell<Option<DeferredCallbacks>> = const { Cell::new(None) };
}

/// Calls `end`, which may end tasks, and gives their callbacks back instead of running them.
///
/// It is for an executor whose threads have something better to do than to run what may block. Threads and async tasks
/// that wait are woken as always.
///
/// ```
/// use trine_future::{Promise, defer_callbacks};
///
/// let (promise, mut future) = Promise::new();
/// future.on_done(|outcome| println!("{outcome:?}"));
/// let (completed, callbacks) = defer_callbacks(|| promise.complete(3));
/// completed.unwrap();
/// assert_eq!(future.result()?, 3);
/// callbacks.run();
/// # Ok::<(), trine_future::TaskError>(())
/// ```
pub fn defer_callbacks<R>(end: impl FnOnce() -> R) -> (R, DeferredCallbacks) {
    let begin = |deferred: &Cell<_>| deferred.replace(Some(DeferredCallbacks::default()));
    let outer = Outer(DEFERRED.try_with(begin).ok().flatten());
    let result = end();
    let callbacks = DEFERRED.try_with(Cell::take).ok().flatten().unwrap_or_default();
    drop(outer);
    (result, callbacks)
}

/// What the thread did with callbacks before. Put back also when `end` panics.
struct Outer(Option<DeferredCallbacks>);

impl Drop for Outer {
    fn drop(&mut self) {
        let _ = DEFERRED.try_with(|deferred| deferred.set(self.0.take()));
    }
}

/// The callbacks of tasks that have ended, in their order. See [`defer_callbacks`].
///
/// ```
/// use trine_future::{DeferredCallbacks, Promise, defer_callbacks};
///
/// let (promise, _future) = Promise::new();
/// let (_, callbacks): (_, DeferredCallbacks) = defer_callbacks(|| promise.complete(3));
/// assert!(callbacks.is_empty());
/// ```
#[derive(Default)]
#[must_use = "callbacks that are not run are lost"]
pub struct DeferredCallbacks(Vec<(Callbacks, Outcome)>);

impl DeferredCallbacks {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Runs them. A panic in one is reported, and the others run all the same.
    pub fn run(self) {
        for (callbacks, outcome) in self.0 {
            callbacks.call(outcome);
        }
    }
}

impl fmt::Debug for DeferredCallbacks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DeferredCallbacks")
            .finish_non_exhaustive()
    }
}

/// Runs callbacks, unless this thread puts them off.
#[cold]
pub(crate) fn call(callbacks: Callbacks, outcome: Outcome) {
    // A thread whose locals are gone puts nothing off.
    match DEFERRED.try_with(Cell::take).ok().flatten() {
        None => callbacks.call(outcome),
        Some(mut deferred) => {
            deferred.0.push((callbacks, outcome));
            DEFERRED.set(Some(deferred));
        }
    }
}
