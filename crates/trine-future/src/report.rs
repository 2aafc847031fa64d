//! What became of the tasks of a pool that was shut down.

/// What became of the tasks of a pool between the beginning of a shutdown and its return, as the pool's statistics count
/// them: what the pools' `shutdown` and `shutdown_timeout` return.
///
/// ```
/// use trine_future::ShutdownReport;
///
/// fn tell(report: ShutdownReport) {
///     if !report.is_complete() {
///         eprintln!("{} tasks still run, {} wait", report.running, report.queued);
///     }
/// }
/// # tell(ShutdownReport::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownReport {
    /// Tasks that ended meanwhile, in any way but one that never ran.
    pub ran: usize,
    /// Tasks that were queued and will not run, because of this shutdown or because they had been cancelled before.
    pub cancelled: usize,
    /// Tasks that still run.
    pub running: usize,
    /// Tasks that are still queued.
    pub queued: usize,
}

impl ShutdownReport {
    /// Nothing goes on any more.
    ///
    /// ```
    /// assert!(trine_future::ShutdownReport::default().is_complete());
    /// ```
    pub fn is_complete(&self) -> bool {
        self.running == 0 && self.queued == 0
    }
}
