//! Why a pool takes no task.

use std::fmt;
use trine_future::TaskError;

/// Why a task is not taken.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal {
    Full,
    ShutDown,
    /// This process was forked off the one that has the pool.
    Forked,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => formatter.write_str("the queue of the process pool is full: submit later, or build the pool with another limit"),
            Self::ShutDown => formatter.write_str("the process pool was shut down: submit before that, or to another pool"),
            Self::Forked => formatter.write_str(
                "this process was forked off the one that has the pool: it has none of the pool's workers, build a new one",
            ),
        }
    }
}

impl From<Refusal> for TaskError {
    fn from(refusal: Refusal) -> Self {
        Self::refused(refusal.to_string())
    }
}
