//! What the future of a task knows of it.

use tokio::task::JoinHandle;
use trine_future::Owner;
use trine_lock::Lock;

/// The runtime's task, for cancelling it.
///
/// It stays here until the result is taken, and with it the memory of the runtime's task. So that is freed by the thread that has
/// made it, if that takes the result, and not by one of the runtime's, which would contend for the allocator's lock with those
/// that spawn.
#[derive(Default)]
pub(crate) struct Spawned(Lock<Option<JoinHandle<()>>>);

impl Spawned {
    /// The task has been spawned. Called once, before anybody has its future.
    pub(crate) fn is(&self, task: JoinHandle<()>) {
        *self.0.lock() = Some(task);
    }
}

impl Owner for Spawned {
    const STOPS_RUNNING: bool = true;

    fn stop(&self) {
        let task = self.0.lock().take();
        if let Some(task) = task {
            task.abort();
        }
    }
}
