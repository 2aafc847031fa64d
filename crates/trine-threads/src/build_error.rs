//! Why a pool could not be made.

use std::{error, fmt, io};

/// Why a [`ThreadPool`](crate::ThreadPool) could not be made.
#[derive(Debug)]
pub struct BuildError(Kind);

#[derive(Debug)]
enum Kind {
    NoWorkers,
    Thread(io::Error),
}

impl BuildError {
    pub(crate) fn no_workers() -> Self {
        Self(Kind::NoWorkers)
    }

    pub(crate) fn thread(cause: io::Error) -> Self {
        Self(Kind::Thread(cause))
    }

    /// The pool was asked for without workers.
    pub fn is_no_workers(&self) -> bool {
        matches!(self.0, Kind::NoWorkers)
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::NoWorkers => formatter.write_str("a thread pool needs at least one worker"),
            Kind::Thread(_) => formatter.write_str("a thread of the pool could not be started"),
        }
    }
}

impl error::Error for BuildError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.0 {
            Kind::NoWorkers => None,
            Kind::Thread(cause) => Some(cause),
        }
    }
}
