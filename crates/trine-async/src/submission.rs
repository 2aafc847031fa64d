//! How a task comes into the pool, with its options.

use crate::entry::Entry;
use crate::refusal::Refusal;
use crate::shared::Shared;
use crate::task::{self, Infallible};
use std::any::type_name;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use trine_future::{Future, Rejected, TaskError};

/// A function, such as an `async fn`, and its argument that are about to be submitted, with the options of this task:
/// [`AsyncPool::task`](crate::AsyncPool::task).
///
/// ```
/// use std::time::Duration;
/// use trine_async::AsyncPool;
///
/// let pool = AsyncPool::new(1)?;
/// let page = pool.task(async |page: u32| page + 1, 6).timeout(Duration::from_secs(60)).submit();
/// assert_eq!(page.result()?, 7);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[must_use = "a task is submitted by `submit`, `try_submit` or `submit_async`"]
pub struct Submission<'pool, F, A> {
    shared: &'pool Arc<Shared>,
    function: F,
    argument: A,
    timeout: Option<Duration>,
}

impl<'pool, F, A> Submission<'pool, F, A> {
    pub(crate) fn new(shared: &'pool Arc<Shared>, function: F, argument: A) -> Self {
        Self {
            shared,
            function,
            argument,
            timeout: None,
        }
    }

    /// How long the task may run, from its start on; the time until then does not count. By default for ever.
    ///
    /// If it runs longer, it is dropped at the point where it awaits. Then its future fails with
    /// [`TaskError::is_timed_out`]. A task that never awaits can't be stopped. If the task ends at the same moment, its
    /// value counts, so with `Duration::ZERO` it runs to the first point where it has to wait.
    ///
    /// The runtime has to have timers. A pool's own runtime has; on [another one](crate::AsyncPool::current) that was
    /// built without, the task fails with the panic in which tokio says so.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # let pool = trine_async::AsyncPool::new(1)?;
    /// let endless = pool.task(async |_: ()| std::future::pending::<u32>().await, ());
    /// let error = endless.timeout(Duration::from_millis(1)).submit().result().unwrap_err();
    /// assert!(error.is_timed_out());
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias("wait_for", "deadline"))]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Submits the task. Never fails: a task that is refused is a future that is already done, with
    /// [`TaskError::is_refused`]. It blocks only if the pool has a limit, is full, and was made so: see
    /// [`WhenFull`](crate::WhenFull).
    pub fn submit<T, R>(self) -> Future<R>
    where
        F: FnOnce(A) -> T + Send + 'static,
        A: Send + 'static,
        T: std::future::Future<Output = R> + Send + 'static,
        R: Send + 'static,
    {
        let entered = self.shared.enter_or_block(self.shared.span(&self.function));
        start(self.shared, entered, self.function, self.argument, self.timeout)
    }

    /// Submits the task if there is room. Never blocks.
    ///
    /// ```
    /// use trine_async::{AsyncPool, WhenFull};
    ///
    /// let pool = AsyncPool::builder().workers(1).in_flight_limit(1, WhenFull::Block).build()?;
    /// let mut pages = vec![1, 2, 3];
    /// while let Some(page) = pages.pop() {
    ///     if let Err(rejected) = pool.task(async |page: u32| page, page).try_submit() {
    ///         pages.push(rejected.argument); // and does something else meanwhile
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Function and argument, if as many tasks are in flight as may be, or the pool was shut down.
    pub fn try_submit<T, R>(self) -> Result<Future<R>, Rejected<F, A>>
    where
        F: FnOnce(A) -> T + Send + 'static,
        A: Send + 'static,
        T: std::future::Future<Output = R> + Send + 'static,
        R: Send + 'static,
    {
        match self.shared.try_enter(self.shared.span(&self.function)) {
            Ok(entry) => Ok(start(
                self.shared,
                Ok(entry),
                self.function,
                self.argument,
                self.timeout,
            )),
            Err(refusal) => {
                let is_full = matches!(refusal, Refusal::Full(_));
                Err(Rejected::new(
                    self.function,
                    self.argument,
                    is_full,
                    refusal.into(),
                ))
            }
        }
    }

    /// Submits the task once there is room, for which async code awaits. The output is the task's future, so there are two
    /// things to await: room, and the result.
    ///
    /// It waits for room whatever the pool does in [`submit`](Self::submit) when it is full, and it gives up its place in
    /// the line when it is dropped. Without a limit there is always room.
    ///
    /// ```
    /// use trine_async::{AsyncPool, WhenFull};
    ///
    /// #[tokio::main(flavor = "current_thread")]
    /// async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    ///     let pool = AsyncPool::builder().in_flight_limit(2, WhenFull::Refuse).build_on_current()?;
    ///     let mut pages = Vec::new();
    ///     for page in 0..10 {
    ///         // At most two are fetched at a time.
    ///         pages.push(pool.task(async |page: u32| page * page, page).submit_async().await);
    ///     }
    ///     assert_eq!(pages.remove(3).await?, 9);
    ///     Ok(())
    /// }
    /// ```
    #[allow(clippy::async_yields_async, reason = "room and result are awaited apart")]
    pub fn submit_async<T, R>(self) -> impl std::future::Future<Output = Future<R>> + Send + use<F, A, T, R>
    where
        F: FnOnce(A) -> T + Send + 'static,
        A: Send + 'static,
        T: std::future::Future<Output = R> + Send + 'static,
        R: Send + 'static,
    {
        let Self {
            shared,
            function,
            argument,
            timeout,
        } = self;
        let shared = Arc::clone(shared);
        let span = shared.span(&function);
        async move {
            let entered = Arc::clone(&shared).enter_async(span).await;
            start(&shared, entered, function, argument, timeout)
        }
    }
}

impl<F, A> fmt::Debug for Submission<'_, F, A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Submission")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

fn start<F, A, T, R>(
    shared: &Shared,
    entered: Result<Entry, Refusal>,
    function: F,
    argument: A,
    timeout: Option<Duration>,
) -> Future<R>
where
    F: FnOnce(A) -> T + Send + 'static,
    A: Send + 'static,
    T: std::future::Future<Output = R> + Send + 'static,
    R: Send + 'static,
{
    let entry = match entered {
        Ok(entry) => entry,
        Err(refusal) => return shared.refuse(refusal, (function, argument)),
    };
    match timeout {
        None => task::spawn::<F, _, _>(
            shared,
            entry,
            Infallible::new(async move { function(argument).await }),
        ),
        Some(timeout) => task::spawn::<F, _, _>(shared, entry, async move {
            let task = async move { function(argument).await };
            // The time begins here, when the task is polled for the first time.
            tokio::time::timeout(timeout, task)
                .await
                .map_err(|_elapsed| TaskError::timed_out(type_name::<F>(), timeout))
        }),
    }
}
