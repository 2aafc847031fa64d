//! How tasks of a group have failed.

use crate::TaskError;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;

/// How one task of a group failed.
///
/// ```
/// use trine_future::{Future, GroupFailure, TaskGroup};
///
/// let mut group = TaskGroup::fallible();
/// group.start_fallible(|| Future::ready("many".parse::<u32>()));
/// match group.next() {
///     Some((0, Err(GroupFailure::Returned(error)))) => println!("no number: {error}"),
///     other => panic!("the task returned an error, not {other:?}"),
/// }
/// ```
#[derive(Debug)]
pub enum GroupFailure<E> {
    /// It did not return.
    Task(TaskError),
    /// It returned an `Err`.
    Returned(E),
}

impl<E: fmt::Display> fmt::Display for GroupFailure<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(error) => error.fmt(formatter),
            Self::Returned(error) => error.fmt(formatter),
        }
    }
}

impl<E: Error + 'static> Error for GroupFailure<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Task(error) => error.source(),
            Self::Returned(error) => error.source(),
        }
    }
}

/// Why a group has no values: all failures of its tasks, in the order of submission.
///
/// ```
/// use trine_future::{Future, GroupError, TaskError, TaskGroup};
///
/// let mut group = TaskGroup::new();
/// group.start(|| Future::ready(1));
/// group.start(|| Future::failed(TaskError::refused("the pool was shut down")));
/// let GroupError { failures, cancelled, total } = group.join().unwrap_err();
/// assert_eq!((failures[0].0, cancelled, total), (1, 0, 2));
/// ```
#[derive(Debug)]
pub struct GroupError<E = Infallible> {
    /// Each failed task's place in the order of submission, from 0, and how it failed.
    pub failures: Vec<(usize, GroupFailure<E>)>,
    /// How many tasks were cancelled: by the first failure, or by their own futures' owners.
    pub cancelled: usize,
    /// How many tasks the group had.
    pub total: usize,
}

impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (failed, cancelled, total) = (self.failures.len(), self.cancelled, self.total);
        write!(
            formatter,
            "{failed} of {total} tasks failed, {cancelled} were cancelled"
        )?;
        match self.failures.first() {
            Some((index, failure)) => write!(formatter, "; first, task {index}: {failure}"),
            None => Ok(()),
        }
    }
}

impl<E: Error + 'static> Error for GroupError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failures
            .first()
            .map(|(_, failure)| failure as &(dyn Error + 'static))
    }
}
