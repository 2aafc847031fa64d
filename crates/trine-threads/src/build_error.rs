//! Why a pool could not be made.

use crate::builder::MOST_WORKERS;
use crate::initializer::InitializerError;
use std::ffi::OsString;
use std::{error, fmt, io};

/// Why a [`ThreadPool`](crate::ThreadPool) could not be made.
///
/// ```
/// use trine_threads::ThreadPool;
///
/// let error = ThreadPool::new(0).unwrap_err();
/// assert!(error.is_no_workers() && !error.is_environment());
/// assert!(ThreadPool::new(usize::MAX).unwrap_err().is_too_many_workers());
///
/// let failing = ThreadPool::builder().workers(1).initializer(|| Err("no device".into()));
/// assert!(failing.build().unwrap_err().is_initializer());
/// ```
#[derive(Debug)]
pub struct BuildError(Kind);

#[derive(Debug)]
enum Kind {
    NoWorkers,
    TooManyWorkers(usize),
    NoRoom,
    Name(String),
    Environment(OsString),
    Initializer(InitializerError),
    Thread(io::Error),
    ForkHandler(io::Error),
}

impl BuildError {
    pub(crate) fn no_workers() -> Self {
        Self(Kind::NoWorkers)
    }

    pub(crate) fn too_many_workers(workers: usize) -> Self {
        Self(Kind::TooManyWorkers(workers))
    }

    pub(crate) fn no_room() -> Self {
        Self(Kind::NoRoom)
    }

    pub(crate) fn name(name: String) -> Self {
        Self(Kind::Name(name))
    }

    pub(crate) fn environment(value: OsString) -> Self {
        Self(Kind::Environment(value))
    }

    pub(crate) fn initializer(error: InitializerError) -> Self {
        Self(Kind::Initializer(error))
    }

    pub(crate) fn thread(cause: io::Error) -> Self {
        Self(Kind::Thread(cause))
    }

    pub(crate) fn fork_handler(cause: io::Error) -> Self {
        Self(Kind::ForkHandler(cause))
    }

    /// The pool was asked for without workers.
    pub fn is_no_workers(&self) -> bool {
        matches!(self.0, Kind::NoWorkers)
    }

    /// The pool was asked for more workers than it can count. The text says how many that are.
    pub fn is_too_many_workers(&self) -> bool {
        matches!(self.0, Kind::TooManyWorkers(_))
    }

    /// The environment variable [`WORKERS_VARIABLE`](crate::WORKERS_VARIABLE) is not a number of workers.
    pub fn is_environment(&self) -> bool {
        matches!(self.0, Kind::Environment(_))
    }

    /// The initializer failed or panicked on one of the threads. The text says which, and how.
    pub fn is_initializer(&self) -> bool {
        matches!(self.0, Kind::Initializer(_))
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::NoWorkers => formatter.write_str("a thread pool needs at least one worker"),
            Kind::TooManyWorkers(workers) => write!(
                formatter,
                "a thread pool has at most {MOST_WORKERS} workers, and was asked for {workers}"
            ),
            Kind::NoRoom => {
                formatter.write_str("a queue limit of 0 lets no task in: it needs to be at least 1")
            }
            Kind::Name(name) => write!(
                formatter,
                "{name:?} can't be the name of threads: it contains a zero byte"
            ),
            Kind::Environment(value) => write!(
                formatter,
                "the environment variable {} is {value:?}: set it to the number of workers that a pool gets when the \
                 program does not say, 1 or more, or unset it",
                crate::WORKERS_VARIABLE
            ),
            Kind::Initializer(error) => error.fmt(formatter),
            Kind::Thread(_) => formatter.write_str("a thread of the pool could not be started"),
            Kind::ForkHandler(_) => {
                formatter.write_str("the system can't tell the pool when the process forks")
            }
        }
    }
}

impl error::Error for BuildError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.0 {
            Kind::NoWorkers
            | Kind::TooManyWorkers(_)
            | Kind::NoRoom
            | Kind::Name(_)
            | Kind::Environment(_) => None,
            Kind::Initializer(error) => error.source(),
            Kind::Thread(cause) | Kind::ForkHandler(cause) => Some(cause),
        }
    }
}
