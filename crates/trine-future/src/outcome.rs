//! How a task ended.

use crate::snapshot::Phase;

/// How a task ended, without its value.
///
/// ```
/// use trine_future::{Future, Outcome};
///
/// let mut future = Future::ready("a page");
/// future.on_done(|outcome| match outcome {
///     Outcome::Done => println!("it has a value"),
///     Outcome::Failed | Outcome::Cancelled => println!("it has none"),
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// With a value. An `Err` that the task returned is one.
    Done,
    /// With a [`TaskError`](crate::TaskError): it panicked, lost its worker, or was refused.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl Outcome {
    pub(crate) fn of(phase: Phase) -> Self {
        debug_assert!(phase >= Phase::Done, "a task that goes on has no outcome");
        match phase {
            Phase::Done => Self::Done,
            Phase::Failed => Self::Failed,
            _ => Self::Cancelled,
        }
    }

    pub(crate) fn phase(self) -> Phase {
        match self {
            Self::Done => Phase::Done,
            Self::Failed => Phase::Failed,
            Self::Cancelled => Phase::Cancelled,
        }
    }
}
