//! A future that many can wait for.

mod core;

use crate::waiting::Patience;
use crate::{Future, Outcome, TaskError};
use core::Core;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use trine_platform::Deadline;

/// A handle of a future that many can wait for, made by [`Future::shared`].
///
/// Handles are cloned, and go to other threads and tasks; every one lends the same result, as often as it is asked.
/// The result lives as long as the last handle. Dropping all of them detaches the task, as dropping a future does.
///
/// In async code `(&shared).await` lends the result, and `shared.clone().await` gives a clone of it. The latter is a
/// [`Future<T>`](Future) of its own (by [`into_future`](IntoFuture::into_future)), so that a shared future also goes
/// into [`wait`](crate::wait) and [`as_completed`](crate::as_completed), once for each time that it is put there.
/// Cancelling that one gives up only that wait.
///
/// The function of a mapped future, which otherwise runs where the result is taken, runs once here, on the thread that
/// ends the task: it should not block.
///
/// ```
/// use trine_future::{Promise, Shared, as_completed};
///
/// let (promise, future) = Promise::new();
/// let config = future.shared();
/// promise.complete("verbose".to_owned()).unwrap();
/// assert_eq!(config.result().unwrap(), "verbose");
/// for copy in as_completed([config.clone().into_future(), config.into_future()]) {
///     assert_eq!(copy.result()?, "verbose");
/// }
/// # Ok::<(), trine_future::TaskError>(())
/// ```
pub struct Shared<T>(Arc<Core<T>>);

// As std's `Arc`: all handles lend the same value, and nothing else of theirs can be left half done.
impl<T: RefUnwindSafe> UnwindSafe for Shared<T> {}
impl<T: RefUnwindSafe> RefUnwindSafe for Shared<T> {}

impl<T: Send + Sync + 'static> Shared<T> {
    pub(crate) fn new(future: Future<T>) -> Self {
        Self(Core::new(future))
    }

    /// Waits for the task to end and lends its result.
    ///
    /// Blocks the calling thread. As with [`Future::result`], a worker that waits for a task of its own pool which
    /// nobody has started runs it itself.
    ///
    /// # Errors
    ///
    /// A [`TaskError`] if the task did not return: the same one for everybody. And a
    /// [deadlock](TaskError::is_deadlock), for the one that has closed the circle: a task that waits for a task that
    /// waits for it.
    ///
    /// ```
    /// let shared = trine_future::Future::ready(5).shared();
    /// assert_eq!(shared.result().unwrap(), &5);
    /// ```
    pub fn result(&self) -> Result<&T, &TaskError> {
        if let Some(result) = self.0.lend() {
            return result;
        }
        if let Err(deadlock) = self.0.turn().wait(Patience::UnlessDeadlocked) {
            return Err(self.0.lend_deadlock(deadlock));
        }
        self.0.lend().expect("a turn comes after the result")
    }

    /// Waits at most `timeout` for the task to end, and lends its result. `None` means "not yet".
    ///
    /// Blocks the calling thread, and never runs a task on it.
    ///
    /// # Errors
    ///
    /// A [`TaskError`] if the task did not return: the same one for everybody.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let (promise, future) = trine_future::Promise::new();
    /// let shared = future.shared();
    /// assert!(shared.result_timeout(Duration::from_millis(1)).is_none());
    /// promise.complete("done").unwrap();
    /// assert_eq!(shared.result_timeout(Duration::ZERO).unwrap().unwrap(), &"done");
    /// ```
    pub fn result_timeout(&self, timeout: Duration) -> Option<Result<&T, &TaskError>> {
        if let Some(result) = self.0.lend() {
            return Some(result);
        }
        let deadline = Deadline::after(timeout);
        let _ = self.0.turn().wait(Patience::Until(&deadline));
        self.0.lend()
    }

    /// Whether the task has ended: with a value, a failure, or cancelled.
    ///
    /// ```
    /// let (promise, future) = trine_future::Promise::new();
    /// let shared = future.shared();
    /// assert!(!shared.is_done());
    /// promise.complete(7).unwrap();
    /// assert!(shared.is_done());
    /// ```
    pub fn is_done(&self) -> bool {
        self.0.outcome().is_some()
    }

    /// Whether somebody runs the task now.
    ///
    /// ```
    /// let (mut promise, future) = trine_future::Promise::<u32>::new();
    /// let shared = future.shared();
    /// promise.start();
    /// assert!(shared.is_running());
    /// ```
    pub fn is_running(&self) -> bool {
        self.0.is_running()
    }

    /// Whether the task was cancelled.
    ///
    /// ```
    /// let (_promise, future) = trine_future::Promise::<u32>::new();
    /// let shared = future.shared();
    /// shared.clone().cancel();
    /// assert!(shared.is_cancelled());
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.0.outcome() == Some(Outcome::Cancelled)
    }

    /// Cancels the task, for all handles, if that is still possible. See [`Future::cancel`].
    ///
    /// ```
    /// let (_promise, future) = trine_future::Promise::<u32>::new();
    /// let shared = future.shared();
    /// assert!(shared.clone().cancel());
    /// assert!(shared.result().unwrap_err().is_cancelled());
    /// ```
    #[doc(alias = "abort")]
    pub fn cancel(&self) -> bool {
        self.0.cancel()
    }

    /// Cancels the task, or, if it runs and can't be stopped, asks it to stop. False if it has ended. See
    /// [`Future::request_cancel`].
    ///
    /// ```
    /// let (mut promise, future) = trine_future::Promise::<u32>::new();
    /// let shared = future.shared();
    /// promise.start();
    /// assert!(shared.request_cancel());
    /// assert!(promise.is_cancel_requested());
    /// ```
    pub fn request_cancel(&self) -> bool {
        self.cancel() || self.0.request_cancel()
    }

    /// Calls `callback` with the result when the task ends: on the thread that ends it, after those who wait have
    /// been woken; at once, and here, if it has ended. Otherwise as [`Future::on_done`].
    ///
    /// ```
    /// use std::sync::mpsc;
    ///
    /// let (sender, receiver) = mpsc::channel();
    /// let (promise, future) = trine_future::Promise::new();
    /// let shared = future.shared();
    /// shared.on_done(move |result| sender.send(result.map(String::len).ok()).unwrap());
    /// promise.complete("trine".to_owned()).unwrap();
    /// assert_eq!(receiver.recv(), Ok(Some(5)));
    /// ```
    #[doc(alias("add_done_callback", "then"))]
    pub fn on_done(&self, callback: impl FnOnce(Result<&T, &TaskError>) + Send + 'static) {
        self.0.call_at_end(callback);
    }

    /// Whether two handles are of one task.
    ///
    /// ```
    /// let shared = trine_future::Future::ready(5).shared();
    /// assert!(trine_future::Shared::ptr_eq(&shared, &shared.clone()));
    /// ```
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        Arc::ptr_eq(&this.0, &other.0)
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone + Send + Sync + 'static> IntoFuture for Shared<T> {
    type Output = Result<T, TaskError>;
    type IntoFuture = Future<T>;

    /// A future that gives a clone of the result.
    fn into_future(self) -> Future<T> {
        self.0.copy()
    }
}

impl<'a, T: Send + Sync + 'static> IntoFuture for &'a Shared<T> {
    type Output = Result<&'a T, &'a TaskError>;
    type IntoFuture = Lend<'a, T>;

    /// A future that lends the result.
    fn into_future(self) -> Lend<'a, T> {
        Lend {
            shared: self,
            turn: self.0.turn(),
        }
    }
}

/// The future of `(&shared).await`, which lends the result.
///
/// ```
/// async fn length(page: &trine_future::Shared<String>) -> usize {
///     page.await.map_or(0, String::len) // `page` stays what it is
/// }
/// # drop(length(&trine_future::Future::ready(String::new()).shared()));
/// ```
#[must_use = "a future does nothing until it is awaited"]
pub struct Lend<'a, T> {
    shared: &'a Shared<T>,
    turn: Future<()>,
}

impl<'a, T: Send + Sync + 'static> std::future::Future for Lend<'a, T> {
    type Output = Result<&'a T, &'a TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.turn)
            .poll(context)
            .map(|_| self.shared.result())
    }
}

impl<T> fmt::Debug for Lend<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Lend").field(self.shared).finish()
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = std::any::type_name::<T>();
        match self.0.outcome() {
            Some(outcome) => write!(formatter, "Shared<{name}>({outcome:?})"),
            None if self.0.is_running() => write!(formatter, "Shared<{name}>(Running)"),
            None => write!(formatter, "Shared<{name}>(Pending)"),
        }
    }
}
