//! What a pool has done so far.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use trine_future::{Outcome, ShutdownReport};

/// What a pool is doing, and has done, at one moment: [`AsyncPool::stats`](crate::AsyncPool::stats).
///
/// The first three fields say what there is now. The others count from the start of the pool, and never fall. Fields
/// are read one after the other while the pool goes on, so a sum of them may be off by what happened meanwhile.
///
/// ```
/// use trine_async::{AsyncPool, Stats};
///
/// let pool = AsyncPool::new(1)?;
/// let Stats { workers, running, queued, .. } = pool.stats();
/// assert_eq!((workers, running, queued), (1, 0, 0));
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
///
/// A task is counted as ended shortly after its future is done: when the runtime has let go of it. Calls of
/// [`run_blocking`](crate::AsyncPool::run_blocking) are tasks, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The threads of the runtime that run tasks.
    pub workers: usize,
    /// Tasks that have started and not ended, those that wait for something among them.
    pub running: usize,
    /// Tasks that have not started.
    pub queued: usize,
    /// Tasks that ended with a value. An `Err` that the task returned is one.
    pub done: usize,
    /// Tasks that panicked or ran longer than they were allowed to.
    pub failed: usize,
    /// Tasks that failed, and whose future was dropped with a panic in it.
    pub failed_unseen: usize,
    /// Tasks that were cancelled: by their future, by the end of the pool, or because their runtime is gone.
    pub cancelled: usize,
}

impl Stats {
    pub(crate) fn report_since(&self, before: &Self) -> ShutdownReport {
        let ended = |stats: &Self| stats.done + stats.failed;
        ShutdownReport {
            ran: ended(self) - ended(before),
            cancelled: self.cancelled - before.cancelled,
            running: self.running,
            queued: self.queued,
        }
    }
}

/// The counters of a pool.
#[derive(Default)]
pub(crate) struct Counters {
    /// Tasks that have started, or have ended without.
    started: AtomicUsize,
    done: AtomicUsize,
    failed: AtomicUsize,
    cancelled: AtomicUsize,
}

// ORDERING: for `Counters`: Release, so that whoever sees (Acquire) that a task has ended sees that it had started.
impl Counters {
    pub(crate) fn task_started(&self) {
        self.started.fetch_add(1, Relaxed);
    }

    pub(crate) fn task_ended(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Done => &self.done,
            Outcome::Failed => &self.failed,
            Outcome::Cancelled => &self.cancelled,
        };
        counter.fetch_add(1, Release);
    }

    /// `in_flight` tells how many have not ended.
    pub(crate) fn read(&self, in_flight: impl FnOnce() -> usize) -> Stats {
        let done = self.done.load(Acquire);
        let failed = self.failed.load(Acquire);
        let cancelled = self.cancelled.load(Acquire);
        // After those, so that it is not less than what has ended.
        let started = self.started.load(Acquire);
        let running = started - (done + failed + cancelled);
        Stats {
            running,
            queued: in_flight().saturating_sub(running),
            done,
            failed,
            cancelled,
            ..Stats::default()
        }
    }
}
