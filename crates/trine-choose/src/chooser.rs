//! The question.

use crate::costs::Costs;
use crate::{Choice, ChooseError, probe};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// How long a sample may take, if nobody says.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A task and samples of its arguments, for which a model is to be found.
///
/// The task is a function that captures nothing, as for a process pool: it is measured in one. The samples should be like
/// the arguments that the program has, also in how often something is wrong with one.
///
/// ```
/// use std::time::Duration;
/// use trine_choose::{Chooser, Model};
///
/// /// It waits, and could await.
/// fn ask(milliseconds: u64) {
///     std::thread::sleep(Duration::from_millis(milliseconds));
/// }
///
/// let choice = Chooser::new(ask, vec![50, 100]).awaitable().timeout(Duration::from_secs(60)).choose()?;
/// assert_eq!(choice.model(), Model::Async);
/// # Ok::<(), trine_choose::ChooseError>(())
/// ```
#[must_use = "a chooser answers by `choose`"]
pub struct Chooser<F, A, R> {
    function: F,
    samples: Vec<A>,
    timeout: Duration,
    is_awaitable: bool,
    result: PhantomData<fn() -> R>,
}

impl<F, A, R> Chooser<F, A, R>
where
    F: Fn(A) -> R + Copy + Send + Sync + 'static,
    A: Serialize + DeserializeOwned + Clone + Send + 'static,
    R: Serialize + DeserializeOwned + Send + 'static,
{
    /// Asks for `function`, which will be called with arguments like `samples`.
    pub fn new(function: F, samples: Vec<A>) -> Self {
        Self {
            function,
            samples,
            timeout: TIMEOUT,
            is_awaitable: false,
            result: PhantomData,
        }
    }

    /// The task can be written as an `async fn`, too, that awaits what it waits for. Otherwise async tasks are no
    /// possibility.
    pub fn awaitable(mut self) -> Self {
        self.is_awaitable = true;
        self
    }

    /// How long a sample may take. One that takes longer counts as one that hangs. By default 10 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Measures, and answers. Blocks meanwhile, and keeps all processors busy for some tenths of a second.
    ///
    /// # Errors
    ///
    /// Without samples; where there are no worker processes; if a sample can't be sent to one.
    pub fn choose(self) -> Result<Choice, ChooseError> {
        if self.samples.is_empty() {
            return Err(ChooseError::no_samples());
        }
        let measured = probe::measure(self.function, &self.samples, self.timeout)?;
        Ok(Choice::new(
            &measured,
            &Costs::measure(&self.samples, measured.argument_bytes)?,
            self.is_awaitable,
        ))
    }
}

impl<F, A, R> fmt::Debug for Chooser<F, A, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Chooser")
            .field("samples", &self.samples.len())
            .field("timeout", &self.timeout)
            .field("is_awaitable", &self.is_awaitable)
            .finish_non_exhaustive()
    }
}
