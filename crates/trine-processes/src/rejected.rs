//! Tasks that the pool does not take.

use std::{error, fmt};
use trine_future::TaskError;

/// Why a task is not taken.
#[derive(Debug)]
pub(crate) enum Refusal {
    Full,
    ShutDown,
    /// This process was forked off the one that has the pool.
    Forked,
    /// The argument can't be serialised, or the linker has left the task out.
    Unsendable(TaskError),
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => formatter.write_str("the queue of the process pool is full: submit later, or build the pool with another limit"),
            Self::ShutDown => formatter.write_str("the process pool was shut down: submit before that, or to another pool"),
            Self::Forked => formatter.write_str(
                "this process was forked off the one that has the pool: it has none of the pool's workers, build a new one",
            ),
            Self::Unsendable(error) => error.fmt(formatter),
        }
    }
}

impl From<Refusal> for TaskError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Full | Refusal::ShutDown | Refusal::Forked => Self::refused(refusal.to_string()),
            Refusal::Unsendable(error) => error,
        }
    }
}

/// A function and its argument that a pool did not take: the error of
/// [`Submission::try_submit`](crate::Submission::try_submit).
///
/// ```
/// use trine_processes::{ProcessPool, Shutdown};
///
/// let pool = ProcessPool::new(1)?;
/// pool.shutdown(Shutdown::Drain);
/// let rejected = pool.task(|page: String| page.len(), "a page".to_owned()).try_submit().unwrap_err();
/// assert!(rejected.is_closed() && !rejected.is_full() && rejected.serialization().is_none());
/// assert_eq!(rejected.argument, "a page"); // for another pool
/// # Ok::<(), trine_processes::BuildError>(())
/// ```
#[non_exhaustive]
pub struct Rejected<F, A> {
    /// The function.
    pub function: F,
    /// The argument.
    pub argument: A,
    pub(crate) refusal: Refusal,
}

impl<F, A> Rejected<F, A> {
    /// The queue is full. There may be room later.
    pub fn is_full(&self) -> bool {
        matches!(self.refusal, Refusal::Full)
    }

    /// The pool was shut down, or is that of a process which this one was forked off: there will never be room.
    pub fn is_closed(&self) -> bool {
        matches!(self.refusal, Refusal::ShutDown | Refusal::Forked)
    }

    /// Why the argument can't be sent to a worker, if that is the reason.
    pub fn serialization(&self) -> Option<&TaskError> {
        match &self.refusal {
            Refusal::Unsendable(error) => Some(error),
            Refusal::Full | Refusal::ShutDown | Refusal::Forked => None,
        }
    }
}

impl<F, A> fmt::Display for Rejected<F, A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the task was not accepted: {}", self.refusal)
    }
}

impl<F, A> fmt::Debug for Rejected<F, A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Rejected").field(&self.refusal).finish()
    }
}

impl<F, A> error::Error for Rejected<F, A> {}
