//! What `try_submit` gives back.

use crate::refusal::Refusal;
use std::{error, fmt};

/// A function and its argument that a pool did not take: the error of
/// [`Submission::try_submit`](crate::Submission::try_submit).
///
/// ```
/// use trine_async::{AsyncPool, Rejected, Shutdown};
///
/// let pool = AsyncPool::new(1)?;
/// pool.shutdown(Shutdown::Drain);
/// let rejected: Rejected<_, &str> = pool.task(async |word: &str| word.len(), "trine").try_submit().unwrap_err();
/// assert!(rejected.is_closed() && !rejected.is_full());
/// assert_eq!(rejected.argument, "trine");
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
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
    /// The limit of tasks in flight is reached. There may be room later.
    pub fn is_full(&self) -> bool {
        matches!(self.refusal, Refusal::Full(_))
    }

    /// The pool was shut down, or is in another process: there will never be room.
    pub fn is_closed(&self) -> bool {
        !self.is_full()
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
