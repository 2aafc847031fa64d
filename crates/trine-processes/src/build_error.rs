//! Why a pool can't be built.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::io;
use trine_future::TaskError;
use trine_platform::MOST_WORKERS;

/// Why a [`ProcessPool`](crate::ProcessPool) can't be built.
///
/// ```
/// let error = trine_processes::ProcessPool::new(0).unwrap_err();
/// assert!(error.is_no_workers());
/// assert_eq!(error.to_string(), "a pool needs at least one worker");
/// assert!(trine_processes::ProcessPool::new(usize::MAX).unwrap_err().is_too_many_workers());
/// ```
///
/// Its kinds, for a program that goes on without the pool:
///
/// ```
/// use trine_processes::{BuildError, ProcessPool};
///
/// fn pool() -> Result<Option<ProcessPool>, BuildError> {
///     match ProcessPool::with_default_workers() {
///         Ok(pool) => Ok(Some(pool)),
///         // This system has no worker processes, or this is one: then without them.
///         Err(error) if error.is_unsupported() || error.is_nested() => Ok(None),
///         // Somebody has written something that can't be: `TRINE_WORKERS`, a limit, an initializer's argument.
///         Err(error) if error.is_environment() || error.is_zero() || error.is_initializer() => Err(error),
///         Err(error) => Err(error),
///     }
/// }
/// # assert!(pool().unwrap().is_some());
/// ```
pub struct BuildError(Kind);

/// The kinds of a [`BuildError`].
#[derive(Debug)]
pub(crate) enum Kind {
    NoWorkers,
    TooManyWorkers(usize),
    Nested,
    /// What is missing, in words.
    Unsupported(&'static str),
    /// Some other number than that of the workers.
    Zero,
    /// The value of the variable that says how many workers.
    Environment(OsString),
    Initializer(TaskError),
    /// The system has refused a thread or a descriptor.
    System(io::Error),
}

impl BuildError {
    pub(crate) fn new(kind: Kind) -> Self {
        Self(kind)
    }

    /// The number of workers was 0.
    pub fn is_no_workers(&self) -> bool {
        matches!(self.0, Kind::NoWorkers)
    }

    /// The number of workers was more than 65,535.
    pub fn is_too_many_workers(&self) -> bool {
        matches!(self.0, Kind::TooManyWorkers(_))
    }

    /// This process is itself a worker of a process pool, below which there may be no more.
    pub fn is_nested(&self) -> bool {
        matches!(self.0, Kind::Nested)
    }

    /// There are no worker processes on this system, or not in a program that runs with raised rights, or that lives in a library
    /// which can't be loaded into workers, or where the environment variable `TRINE_PROCESSES` is `off`.
    pub fn is_unsupported(&self) -> bool {
        matches!(self.0, Kind::Unsupported(_))
    }

    /// A number that has to be at least 1 was 0: a limit, or the tasks of a worker.
    pub fn is_zero(&self) -> bool {
        matches!(self.0, Kind::Zero)
    }

    /// The environment variable `TRINE_WORKERS` is not a number of workers.
    pub fn is_environment(&self) -> bool {
        matches!(self.0, Kind::Environment(_))
    }

    /// The argument of the initializer can't be serialised.
    pub fn is_initializer(&self) -> bool {
        matches!(self.0, Kind::Initializer(_))
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::NoWorkers => formatter.write_str("a pool needs at least one worker"),
            Kind::TooManyWorkers(workers) => write!(
                formatter,
                "a process pool has at most {MOST_WORKERS} workers, and was asked for {workers}"
            ),
            Kind::Nested => formatter.write_str(
                "this process is a worker of a process pool, and may have no workers of its own. Build the pool in the parent, \
                 and let the task return what is to be done next, or set `nested_levels` in the parent's builder",
            ),
            Kind::Unsupported(what) => formatter.write_str(what),
            Kind::Zero => formatter.write_str("a limit, or the number of tasks of a worker, has to be at least 1"),
            Kind::Environment(value) => write!(
                formatter,
                "the environment variable TRINE_WORKERS has to be a number from 1 on, and is {value:?}"
            ),
            // The cause follows as the source.
            Kind::Initializer(_) => formatter.write_str("the initializer can't be sent to the workers"),
            Kind::System(_) => {
                formatter.write_str("the system has refused a thread or a descriptor that the pool needs")
            }
        }
    }
}

impl fmt::Debug for BuildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            Kind::System(error) => Some(error),
            Kind::Initializer(error) => Some(error),
            _ => None,
        }
    }
}
