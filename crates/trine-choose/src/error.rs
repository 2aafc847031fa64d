//! Why there is no answer.

use std::error::Error;
use std::fmt;
use trine_future::TaskError;

/// Why a [`Chooser`](crate::Chooser) has no answer.
///
/// ```
/// use trine_choose::Chooser;
///
/// let error = Chooser::new(|number: u32| number, Vec::new()).choose().unwrap_err();
/// assert_eq!(error.to_string(), "there is nothing to measure: give at least one sample");
/// ```
#[derive(Debug)]
pub struct ChooseError(Kind);

#[derive(Debug)]
enum Kind {
    NoSamples,
    /// A pool to measure with could not be built.
    Pool(Box<dyn Error + Send + Sync>),
    /// An argument or a result can't cross to the worker that measures.
    Task(TaskError),
}

impl ChooseError {
    pub(crate) fn no_samples() -> Self {
        Self(Kind::NoSamples)
    }

    pub(crate) fn pool(cause: impl Error + Send + Sync + 'static) -> Self {
        Self(Kind::Pool(Box::new(cause)))
    }

    pub(crate) fn task(cause: TaskError) -> Self {
        Self(Kind::Task(cause))
    }
}

impl fmt::Display for ChooseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            Kind::NoSamples => "there is nothing to measure: give at least one sample",
            // The cause follows as the source.
            Kind::Pool(_) => "the pool that measures could not be built",
            Kind::Task(_) => "the task could not be run in the process that measures",
        })
    }
}

impl Error for ChooseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            Kind::NoSamples => None,
            Kind::Pool(cause) => Some(&**cause),
            Kind::Task(cause) => Some(cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_the_source() {
        let error = ChooseError::task(TaskError::refused("no room"));
        assert!(error.source().unwrap().to_string().contains("no room"));
    }
}
