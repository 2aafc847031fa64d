//! Why a pool takes no task.

use std::fmt;
use trine_future::TaskError;

/// Why a pool takes no task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    ShutDown,
    /// So many tasks are in flight, as many as may be.
    Full(usize),
    /// The pool's threads are in the process that this one was forked off.
    Forked,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShutDown => formatter.write_str("the async pool was shut down: submit before that, or to another pool"),
            Self::Full(limit) => write!(
                formatter,
                "the async pool is full, at most {limit} tasks may be in flight: submit later, or build the pool with another \
                 limit"
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
