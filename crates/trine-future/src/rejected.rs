//! What `try_submit` gives back.

use crate::TaskError;
use std::{error, fmt};

/// A function and its argument that a pool did not take: the error of the pools' `try_submit`.
///
/// ```
/// use trine_future::{Rejected, TaskError};
///
/// // What a pool says whose queue is full, and what becomes of it.
/// let error = TaskError::refused("the queue is full");
/// let rejected = Rejected::new(str::len, "a page", true, error);
/// assert!(rejected.is_full() && !rejected.is_closed());
/// assert_eq!(rejected.argument, "a page"); // for later, or for another pool
/// ```
#[non_exhaustive]
pub struct Rejected<F, A> {
    /// The function.
    pub function: F,
    /// The argument.
    pub argument: A,
    is_full: bool,
    error: TaskError,
}

impl<F, A> Rejected<F, A> {
    /// For pools: what is given back, whether that is because of a limit, and what the task's future would have said.
    pub fn new(function: F, argument: A, is_full: bool, error: TaskError) -> Self {
        Self {
            function,
            argument,
            is_full,
            error,
        }
    }

    /// A limit of the pool is reached. There may be room later.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// The pool was shut down, or is that of a process which this one was forked off: there will never be room.
    pub fn is_closed(&self) -> bool {
        !self.is_full && self.error.is_refused()
    }

    /// Why: what the task's future would have said if it had been submitted.
    /// [`is_serialization`](TaskError::is_serialization) if it is about the argument.
    pub fn error(&self) -> &TaskError {
        &self.error
    }
}

impl<F, A> fmt::Display for Rejected<F, A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the task was not accepted: {}", self.error)
    }
}

impl<F, A> fmt::Debug for Rejected<F, A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Rejected").field(&self.error).finish()
    }
}

impl<F, A> error::Error for Rejected<F, A> {}
