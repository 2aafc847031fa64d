//! What all pools have in common.

use crate::{Future, ShutdownReport, TaskError};
use std::time::Duration;

/// Something that runs functions: `submit` and `map`, the same on every pool.
///
/// The trait is generic over the task, so that each pool states its own bounds: a thread pool takes what is `Send`, a
/// process pool what can be serialised, an async pool functions that return futures. Code for any pool takes the
/// task as a parameter:
///
/// ```
/// use trine_future::{Executor, TaskError};
/// # use trine_future::{Future, Map};
///
/// # /// Runs a task where it is submitted.
/// # struct Here;
/// #
/// # impl<F: Fn(A) -> R, A, R: Send + 'static> Executor<F, A> for Here {
/// #     type Output = R;
/// #
/// #     fn submit(&self, function: F, argument: A) -> Future<R> {
/// #         Future::ready(function(argument))
/// #     }
/// #
/// #     fn map<I>(&self, function: F, arguments: I) -> impl Iterator<Item = Result<R, TaskError>>
/// #     where
/// #         I: IntoIterator<Item = A>,
/// #         F: Clone,
/// #     {
/// #         Map::new(arguments.into_iter(), 1, move |argument| Future::ready(function(argument)))
/// #     }
/// # }
/// #
/// fn total<E, F>(pool: &E, length: F) -> Result<usize, TaskError>
/// where
///     E: Executor<F, String, Output = usize>,
///     F: Clone,
/// {
///     pool.map(length, ["a".to_owned(), "bcd".to_owned()]).sum()
/// }
///
/// # let pool = Here;
/// assert_eq!(total(&pool, |word: String| word.len())?, 4);
/// # Ok::<(), TaskError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't run `{F}` with an argument of type `{A}`",
    note = "a ThreadPool takes `Fn(A) -> R` with `Send + 'static` values",
    note = "a ProcessPool takes functions and closures without captures, with values that are `Serialize + DeserializeOwned`",
    note = "an AsyncPool takes functions that return a future, such as an `async fn`"
)]
pub trait Executor<F, A> {
    /// What the function returns.
    type Output;

    /// Runs `function` with `argument`. Never fails and never panics: a task that is refused is a future that is
    /// already done with an error.
    fn submit(&self, function: F, argument: A) -> Future<Self::Output>;

    /// Runs `function` with each of `arguments`; the results come in the order of the arguments, lazily, with a
    /// bounded look-ahead. See [`Map`](crate::Map). A trait object doesn't have it.
    fn map<I>(&self, function: F, arguments: I) -> impl Iterator<Item = Result<Self::Output, TaskError>>
    where
        I: IntoIterator<Item = A>,
        F: Clone,
        Self: Sized;
}

/// A pool as a thing with workers that can be shut down, whatever it runs.
///
/// ```
/// use trine_future::{Pool, Shutdown};
///
/// /// Ends some pools, whatever they run. True if nothing goes on.
/// fn end(pools: &[&dyn Pool]) -> bool {
///     pools.iter().all(|pool| pool.shutdown(Shutdown::Drain).is_complete())
/// }
///
/// assert!(end(&[]));
/// ```
pub trait Pool {
    /// The number of workers: threads, processes, or threads of the runtime.
    fn workers(&self) -> usize;

    /// Ends the pool: no task is accepted any more, and this blocks until what it has is done. A second call waits
    /// as well and changes nothing. Returns what became of the tasks.
    fn shutdown(&self, shutdown: Shutdown) -> ShutdownReport;

    /// [`shutdown`](Self::shutdown) that waits no longer than `timeout`. What goes on then is in the report.
    fn shutdown_timeout(&self, shutdown: Shutdown, timeout: Duration) -> ShutdownReport;
}

/// What happens to the tasks of a pool that shuts down.
///
/// ```
/// use trine_future::Shutdown;
///
/// /// At the second Ctrl-C nobody waits for the queue.
/// fn how_to_end(interrupts: u32) -> Shutdown {
///     if interrupts > 1 { Shutdown::CancelQueued } else { Shutdown::Drain }
/// }
///
/// assert_eq!(how_to_end(1), Shutdown::Drain);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Queued tasks are run first.
    Drain,
    /// Queued tasks are cancelled; those that run are waited for.
    #[doc(alias = "cancel_futures")]
    CancelQueued,
}
