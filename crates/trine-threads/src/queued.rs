//! What lies in the queues of a pool.

use trine_future::{Detached, Outcome, Task, TaskError};

/// A task that waits to be run.
pub(crate) enum Queued {
    /// One with a future.
    Task(Task),
    /// One that nobody waits for.
    Detached(Detached),
}

impl Queued {
    /// Runs it on this thread. `None` if the one who waits for it has run it, or does so now.
    pub(crate) fn run(self) -> Option<Outcome> {
        match self {
            Self::Task(task) => task.run(),
            Self::Detached(task) => Some(task.run()),
        }
    }

    /// Whether nobody has to run it.
    pub(crate) fn is_stale(&self) -> bool {
        matches!(self, Self::Task(task) if task.is_stale())
    }

    /// Drops it without running it. Returns what became of it, as `run` does.
    pub(crate) fn cancel(self) -> Option<Outcome> {
        match self {
            Self::Task(task) => task.cancel(),
            Self::Detached(task) => {
                drop(task);
                Some(Outcome::Cancelled)
            }
        }
    }

    /// Fails it without running it.
    pub(crate) fn fail(self, error: TaskError) {
        match self {
            Self::Task(task) => task.fail(error),
            Self::Detached(task) => task.fail(error),
        }
    }
}
