//! Cancelling a task that runs.

use crate::shared::Shared;
use std::sync::{Arc, Weak};
use trine_future::Owner;

/// The owner of a task whose worker is killed when the task is cancelled while it runs.
pub(crate) struct KillOnCancel {
    // The pool's queue holds the task, so the task must not hold the pool.
    shared: Weak<Shared>,
    number: u64,
}

impl KillOnCancel {
    pub(crate) fn new(shared: &Arc<Shared>, number: u64) -> Self {
        Self {
            shared: Arc::downgrade(shared),
            number,
        }
    }
}

impl Owner for KillOnCancel {
    const STOPS_RUNNING: bool = true;

    fn stop(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.stop(self.number);
        }
    }
}
