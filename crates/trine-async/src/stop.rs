//! Ends a running task at the point where it awaits.

use std::task::Waker;
use trine_future::Owner;
use trine_lock::Lock;

/// Has a task that waits polled again when it is cancelled, to find that it was.
///
/// A task leaves its waker before it looks for the last time whether it was cancelled, and whoever cancels takes the waker
/// after that. Both do it under the lock. So either the task sees it, or it is woken.
#[derive(Default)]
pub(crate) struct Stop(Lock<Option<Waker>>);

impl Stop {
    pub(crate) fn watch(&self, waker: &Waker) {
        let is_known = |before: &Waker| before.will_wake(waker);
        if !self.0.lock().as_ref().is_some_and(is_known) {
            // Not under the lock: a waker is the user's code.
            let waker = waker.clone();
            let before = self.0.lock().replace(waker);
            drop(before);
        }
    }
}

impl Owner for Stop {
    const STOPS_RUNNING: bool = true;

    fn stop(&self) {
        let waker = self.0.lock().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
