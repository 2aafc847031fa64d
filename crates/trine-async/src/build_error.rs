//! Why a pool could not be made.

use std::{error, fmt, io};

/// Why an [`AsyncPool`](crate::AsyncPool) could not be made.
///
/// ```
/// use trine_async::AsyncPool;
///
/// assert!(AsyncPool::with_threads(0).unwrap_err().is_no_workers());
/// // Not inside a runtime:
/// assert!(AsyncPool::current().unwrap_err().is_no_runtime());
/// ```
#[derive(Debug)]
pub struct BuildError(Kind);

#[derive(Debug)]
enum Kind {
    NoWorkers,
    NoRuntime,
    Runtime(io::Error),
}

impl BuildError {
    pub(crate) fn no_workers() -> Self {
        Self(Kind::NoWorkers)
    }

    pub(crate) fn no_runtime() -> Self {
        Self(Kind::NoRuntime)
    }

    pub(crate) fn runtime(cause: io::Error) -> Self {
        Self(Kind::Runtime(cause))
    }

    /// The pool was asked for without threads.
    pub fn is_no_workers(&self) -> bool {
        matches!(self.0, Kind::NoWorkers)
    }

    /// The pool was to use the current runtime, and there is none.
    pub fn is_no_runtime(&self) -> bool {
        matches!(self.0, Kind::NoRuntime)
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            Kind::NoWorkers => "an async pool needs at least one thread",
            Kind::NoRuntime => {
                "there is no current tokio runtime here: call this inside one, or use AsyncPool::new"
            }
            Kind::Runtime(_) => "the tokio runtime of the pool could not be started",
        })
    }
}

impl error::Error for BuildError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.0 {
            Kind::NoWorkers | Kind::NoRuntime => None,
            Kind::Runtime(cause) => Some(cause),
        }
    }
}
