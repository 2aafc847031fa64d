//! The tasks of a pool that have not ended: how many, and who waits for the last one.

use crate::stats::{Counters, Stats};
use std::mem;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use trine_future::{Future, Outcome, Promise, Shutdown};
use trine_lock::Lock;

/// The pool takes no more tasks.
const CLOSED: usize = 1;
/// Tasks that have not started when they are polled for the first time are not started any more.
const CANCELS_QUEUED: usize = 1 << 1;
/// Tasks that the runtime drops are cancelled, because the pool has it end.
const STOPS: usize = 1 << 2;
/// The rest of the word counts the tasks.
const ONE_TASK: usize = 1 << 3;

/// Counts the tasks of a pool, and lets nobody in once it is closed.
///
/// What every task changes stands in one cache line, and nothing else that a task reads.
#[repr(C, align(128))]
pub(crate) struct OpenTasks {
    state: AtomicUsize,
    counters: Counters,
    /// To be completed when the pool is closed and no task is left.
    waiting: Lock<Vec<Promise<()>>>,
}

impl OpenTasks {
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicUsize::new(0),
            counters: Counters::default(),
            waiting: Lock::new(Vec::new()),
        }
    }

    /// Counts a task, which has to `leave`. Whether there was none before it; `None` if the pool is closed.
    pub(crate) fn enter(&self) -> Option<bool> {
        // ORDERING: Relaxed. Nothing is read because of this; the count's own order is all that `close` needs.
        self.state
            .fetch_update(Relaxed, Relaxed, |state| {
                (state & CLOSED == 0).then_some(state + ONE_TASK)
            })
            .map(|before| before < ONE_TASK)
            .ok()
    }

    /// A task that was let in has started.
    pub(crate) fn start(&self) {
        self.counters.task_started();
    }

    /// A task that was let in has ended. Whether none is left. If some are, this may be gone as soon as the task is not counted any
    /// more, and is not touched after that.
    pub(crate) fn leave(&self, has_started: bool, outcome: Outcome) -> bool {
        if !has_started {
            self.counters.task_started();
        }
        self.counters.task_ended(outcome);
        // ORDERING: Release so that what the task did happens before what follows a shutdown (the Acquire of
        // `close`, or of the last one here).
        let before = self.state.fetch_sub(ONE_TASK, AcqRel);
        let was_last = before < 2 * ONE_TASK;
        if was_last && before & CLOSED != 0 {
            self.tell_waiting();
        }
        was_last
    }

    /// Whether the pool was shut down by `Shutdown::CancelQueued`.
    pub(crate) fn cancels_queued(&self) -> bool {
        // ORDERING: Relaxed. A task that is polled at the same moment may start or not.
        self.state.load(Relaxed) & CANCELS_QUEUED != 0
    }

    /// Whether `stop` was called.
    pub(crate) fn stops(&self) -> bool {
        // ORDERING: Acquire pairs with the Release of `stop`, which precedes the end of the runtime.
        self.state.load(Acquire) & STOPS != 0
    }

    /// The pool is about to have its runtime drop all tasks.
    pub(crate) fn stop(&self) {
        // ORDERING: as in `stops`.
        self.state.fetch_or(STOPS, AcqRel);
    }

    /// Lets nobody in any more. The future is done when the last task has ended.
    pub(crate) fn close(&self, shutdown: Shutdown) -> Future<()> {
        let bits = match shutdown {
            Shutdown::Drain => CLOSED,
            Shutdown::CancelQueued => CLOSED | CANCELS_QUEUED,
        };
        // ORDERING: Relaxed, as in `enter`.
        self.state.fetch_or(bits, Relaxed);
        let (promise, last_has_ended) = Promise::new();
        self.waiting.lock().push(promise);
        // If the last task ended before the promise was in its place, its end is visible here, through the lock.
        // ORDERING: Acquire pairs with the Release of `leave`.
        if self.state.load(Acquire) < ONE_TASK {
            self.tell_waiting();
        }
        last_has_ended
    }

    pub(crate) fn stats(&self) -> Stats {
        // ORDERING: Relaxed. It is a number.
        self.counters.read(|| self.state.load(Relaxed) / ONE_TASK)
    }

    fn tell_waiting(&self) {
        let waiting = mem::take(&mut *self.waiting.lock());
        for promise in waiting {
            // It comes back if its future was cancelled, and nobody does that.
            let _ = promise.complete(());
        }
    }
}
