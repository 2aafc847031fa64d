//! What became of the tasks of a pool that was shut down.

use crate::statistics::Stats;

/// What became of the tasks of a pool between the beginning of a shutdown and its return, counted as [`Stats`] are.
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
