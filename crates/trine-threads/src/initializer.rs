//! What each thread of a pool does before its first task.

use std::{error, fmt};
use trine_future::{Panic, catch_panic};

type Cause = Box<dyn error::Error + Send + Sync>;

/// The function that the user gave.
pub(crate) struct Initializer(Box<dyn Fn() -> Result<(), Cause> + Send + Sync>);

impl Initializer {
    pub(crate) fn new(function: impl Fn() -> Result<(), Cause> + Send + Sync + 'static) -> Self {
        Self(Box::new(function))
    }

    /// Runs it on this thread, which is called `thread`.
    pub(crate) fn run(&self, thread: &str) -> Result<(), InitializerError> {
        // PANIC: the function is the user's code.
        let failed = match catch_panic(&self.0) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(cause)) => Why::Failed(cause),
            Err(panic) => Why::Panicked(panic),
        };
        Err(InitializerError {
            thread: thread.to_owned(),
            why: failed,
        })
    }
}

/// An initializer that failed.
#[derive(Debug)]
pub(crate) struct InitializerError {
    thread: String,
    why: Why,
}

#[derive(Debug)]
enum Why {
    Failed(Cause),
    Panicked(Panic),
}

impl fmt::Display for InitializerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thread = &self.thread;
        // With the cause, because the failure hook prints one line.
        match &self.why {
            Why::Failed(cause) => write!(formatter, "the initializer of thread `{thread}` failed: {cause}"),
            Why::Panicked(panic) => write!(
                formatter,
                "the initializer of thread `{thread}` panicked: {panic}"
            ),
        }
    }
}

impl error::Error for InitializerError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.why {
            // Its own text is in that of this error.
            Why::Failed(cause) => cause.source(),
            Why::Panicked(_) => None,
        }
    }
}
