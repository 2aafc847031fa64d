//! What became of the tasks of a pool that was shut down.

use crate::stats::Stats;

/// What became of the tasks of a pool between the beginning of a shutdown and its return, counted as [`Stats`] are.
///
/// ```
/// use trine_async::{AsyncPool, Shutdown, ShutdownReport};
///
/// let pool = AsyncPool::new(1)?;
/// drop(pool.spawn(async { 1 }));
/// let report: ShutdownReport = pool.shutdown(Shutdown::Drain);
/// assert!(report.is_complete());
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Tasks that ended meanwhile, with a value or a failure.
    pub ran: usize,
    /// Tasks that were cancelled meanwhile, by this shutdown or by their futures.
    pub cancelled: usize,
    /// Tasks that still run.
    pub running: usize,
    /// Tasks that have not started, and may still do so.
    pub queued: usize,
}

impl ShutdownReport {
    pub(crate) fn between(before: &Stats, after: &Stats) -> Self {
        let ended = |stats: &Stats| stats.done + stats.failed;
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
