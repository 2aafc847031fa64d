//! Why a pool takes no task.

use std::fmt;
use trine_future::TaskError;

/// Why a pool takes no task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    ShutDown,
    /// All of so many places are taken.
    Full(u32),
    /// The pool's threads are in the process that this one was forked off.
    Forked,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShutDown => formatter.write_str("the thread pool was shut down: submit before that, or to another pool"),
            Self::Full(limit) => write!(
                formatter,
                "the queue of the thread pool is full, its limit is {limit}: submit later, or build the pool with another limit"
            ),
            Self::Forked => formatter.write_str(
                "this process was forked off the one that has the threads of the pool: make a pool of its own",
            ),
        }
    }
}

impl From<Refusal> for TaskError {
    fn from(refusal: Refusal) -> Self {
        Self::refused(refusal.to_string())
    }
}
