//! What the future of a task knows of it.

use std::sync::OnceLock;
use tokio::task::JoinHandle;
use trine_future::Owner;

/// The runtime's task, for cancelling it.
///
/// It stays here until the result is taken, and with it the memory of the runtime's task. So that is freed by the thread that has
/// made it, if that takes the result, and not by one of the runtime's, which would contend for the allocator's lock with those
/// that spawn.
#[derive(Default)]
pub(crate) struct Spawned(OnceLock<JoinHandle<()>>);

impl Spawned {
    /// The task has been spawned. Called once, before anybody has its future.
    pub(crate) fn is(&self, task: JoinHandle<()>) {
        let _ = self.0.set(task);
    }
}

impl Owner for Spawned {
    const STOPS_RUNNING: bool = true;

    fn stop(&self) {
        if let Some(task) = self.0.get() {
            task.abort();
        }
    }
}
