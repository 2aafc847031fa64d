//! The thread beside a pool that sees what no attendant can see while it waits for a reply or sleeps: that a worker
//! has ended, what workers write to their standard error, and that the time of a task is over.

use crate::shared::Shared;
use crate::system::{self, Bell, Process};
use std::sync::Arc;
use std::time::Instant;

/// What a watcher waits for.
pub(crate) struct Watched {
    /// The processes, with the indexes of their workers.
    pub(crate) processes: Vec<(usize, Arc<Process>)>,
    /// When the first task is to be stopped.
    pub(crate) deadline: Option<Instant>,
    /// Says that something of this has changed.
    pub(crate) bell: Arc<Bell>,
}

/// Watches until all attendants have left.
pub(crate) fn watch(shared: &Shared) {
    while let Some(watched) = shared.watched() {
        for worker in system::watch(&watched) {
            shared.exited(worker);
        }
        shared.stop_expired();
    }
}
