//! Why a pool could not be made.

use std::ffi::OsString;
use std::{error, fmt, io};
use trine_platform::{MOST_WORKERS, WORKERS_VARIABLE};

/// Why an [`AsyncPool`](crate::AsyncPool) could not be made.
///
/// ```
/// use trine_async::AsyncPool;
///
/// assert!(AsyncPool::new(0).unwrap_err().is_no_workers());
/// assert!(AsyncPool::new(usize::MAX).unwrap_err().is_too_many_workers());
/// // Not inside a runtime:
/// assert!(AsyncPool::current().unwrap_err().is_no_runtime());
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
    NoRuntime,
    ThreadsOfAnother,
    Runtime(io::Error),
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

    pub(crate) fn threads_of_another() -> Self {
        Self(Kind::ThreadsOfAnother)
    }

    pub(crate) fn fork_handler(cause: io::Error) -> Self {
        Self(Kind::ForkHandler(cause))
    }

    pub(crate) fn no_runtime() -> Self {
        Self(Kind::NoRuntime)
    }

    pub(crate) fn runtime(cause: io::Error) -> Self {
        Self(Kind::Runtime(cause))
    }

    /// The pool was asked for without workers.
    pub fn is_no_workers(&self) -> bool {
        matches!(self.0, Kind::NoWorkers)
    }

    /// The number of workers was more than 65,535.
    pub fn is_too_many_workers(&self) -> bool {
        matches!(self.0, Kind::TooManyWorkers(_))
    }

    /// The environment variable [`TRINE_WORKERS`](WORKERS_VARIABLE) is not a number of workers.
    ///
    /// ```
    /// use trine_async::AsyncPool;
    ///
    /// match AsyncPool::with_default_workers() {
    ///     Ok(pool) => println!("{} workers", pool.workers()),
    ///     Err(error) if error.is_environment() => eprintln!("{error}"), // says which value it has
    ///     Err(error) => panic!("{error}"),
    /// }
    /// ```
    pub fn is_environment(&self) -> bool {
        matches!(self.0, Kind::Environment(_))
    }

    /// The pool was to use the current runtime, and there is none.
    pub fn is_no_runtime(&self) -> bool {
        matches!(self.0, Kind::NoRuntime)
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::NoWorkers => formatter.write_str("an async pool needs at least one worker"),
            Kind::TooManyWorkers(workers) => write!(
                formatter,
                "an async pool has at most {MOST_WORKERS} workers, and was asked for {workers}"
            ),
            Kind::NoRoom => {
                formatter.write_str("a limit of 0 tasks in flight lets no task in: it needs to be at least 1")
            }
            Kind::Name(name) => write!(
                formatter,
                "{name:?} can't be the name of threads: it contains a zero byte"
            ),
            Kind::Environment(value) => write!(
                formatter,
                "the environment variable {WORKERS_VARIABLE} is {value:?}: set it to the number of workers that a pool \
                 gets when the program does not say, 1 or more, or unset it"
            ),
            Kind::NoRuntime => formatter.write_str(
                "there is no current tokio runtime here: call this inside one, or use AsyncPool::new",
            ),
            Kind::ThreadsOfAnother => formatter.write_str(
                "a pool on the current runtime has the threads of that: their number and name are set where it is built",
            ),
            Kind::Runtime(_) => formatter.write_str("the tokio runtime of the pool could not be started"),
            Kind::ForkHandler(_) => {
                formatter.write_str("the system can't tell the pool when the process forks")
            }
        }
    }
}

impl error::Error for BuildError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.0 {
            Kind::Runtime(cause) | Kind::ForkHandler(cause) => Some(cause),
            _ => None,
        }
    }
}
