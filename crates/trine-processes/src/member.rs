//! What a future knows of the pool that its task is in.

use crate::shared::Shared;
use std::sync::{Arc, Weak};
use trine_future::{Drive, Owner, Waiting};

/// The owner of a task. With `KILLS`, the worker is killed when the task is cancelled while it runs.
pub(crate) struct Member<const KILLS: bool> {
    // The pool's queue holds the task, so the task must not hold the pool.
    shared: Weak<Shared>,
    number: u64,
}

impl<const KILLS: bool> Member<KILLS> {
    pub(crate) fn new(shared: &Arc<Shared>, number: u64) -> Self {
        Self {
            shared: Arc::downgrade(shared),
            number,
        }
    }
}

impl<const KILLS: bool> Owner for Member<KILLS> {
    const STOPS_RUNNING: bool = KILLS;

    fn drive(&self, _: Waiting<'_>) -> Drive {
        if let Some(shared) = self.shared.upgrade() {
            shared.lead(self.number);
        }
        Drive::Sleep
    }

    fn take_back(&self) -> bool {
        self.shared
            .upgrade()
            .is_some_and(|shared| shared.take_back(self.number))
    }

    fn withdraw(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.withdraw(self.number);
        }
    }

    fn stop(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.stop(self.number);
        }
    }
}
