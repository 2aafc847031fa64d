//! What became of the tasks of a pool that was shut down.

use crate::statistics::Stats;

/// What became of the tasks of a pool between the beginning of a shutdown and its return, counted as [`Stats`] are.
///
/// ```
/// use std::time::Duration;
/// use trine_threads::ThreadPool;
/// # use trine_future::Shutdown;
///
/// let pool = ThreadPool::new(1)?;
/// pool.spawn(|| 1).result()?;
/// let report = pool.shutdown_timeout(Shutdown::Drain, Duration::from_secs(60));
/// if !report.is_complete() {
///     eprintln!("{} tasks still run", report.running);
/// }
/// # assert!(report.is_complete());
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Tasks that ended meanwhile, with a value or a panic.
    pub ran: usize,
    /// Tasks that were queued and will not run, because of this shutdown or because they had been cancelled before.
    pub cancelled: usize,
    /// Tasks that still run.
    pub running: usize,
    /// Tasks that are still queued. They will be run when what runs makes way.
    pub queued: usize,
}

impl ShutdownReport {
    pub(crate) fn between(before: &Stats, after: &Stats) -> Self {
        let ended = |stats: &Stats| stats.done + stats.failed + stats.inlined;
        Self {
            ran: ended(after) - ended(before),
            cancelled: after.cancelled - before.cancelled,
            running: after.running,
            queued: after.queued,
        }
    }

    /// Nothing goes on any more.
    pub fn is_complete(&self) -> bool {
        self.running == 0 && self.queued == 0
    }
}
