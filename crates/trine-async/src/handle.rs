//! Submitting without owning the pool.

use crate::blocking::{Blocking, run_blocking};
use crate::map::map;
use crate::shared::Shared;
use crate::stats::Stats;
use crate::submission::Submission;
use crate::task::{self, Infallible};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use trine_future::{Executor, Future, Map, TaskError, TaskSpan};

/// A cheap clone for submitting to an [`AsyncPool`](crate::AsyncPool), for example from inside its tasks.
///
/// It does not keep the pool open: when the pool is shut down or dropped, tasks are refused.
///
/// ```
/// use trine_async::AsyncPool;
///
/// let pool = AsyncPool::new(1)?;
/// let handle = pool.handle();
/// let outer = pool.spawn(async move { handle.spawn(async { 1 }).await.map(|one| one + 1) });
/// assert_eq!(outer.result()??, 2);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
}

// The user's code runs while nothing is locked: its panics leave no change of the state half done.
impl UnwindSafe for Handle {}
impl RefUnwindSafe for Handle {}

impl Handle {
    /// Runs `future` as a task. See [`AsyncPool::spawn`](crate::AsyncPool::spawn).
    pub fn spawn<F>(&self, future: F) -> Future<F::Output>
    where
        F: std::future::Future<Output: Send + 'static> + Send + 'static,
    {
        self.start::<F, _>(self.shared.span(&future), future)
    }

    /// Runs `function` with `argument` as a task. See [`AsyncPool::submit`](crate::AsyncPool::submit).
    ///
    /// ```
    /// # let pool = trine_async::AsyncPool::new(1)?;
    /// let handle = pool.handle();
    /// assert_eq!(handle.submit(async |word: &str| word.len(), "trine").result()?, 5);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn submit<F, A, T, R>(&self, function: F, argument: A) -> Future<R>
    where
        F: FnOnce(A) -> T + Send + 'static,
        A: Send + 'static,
        T: std::future::Future<Output = R> + Send + 'static,
        R: Send + 'static,
    {
        // Called in the task, so that its panic is the task's.
        self.start::<F, _>(
            self.shared.span(&function),
            async move { function(argument).await },
        )
    }

    /// Runs `future` as a task that is called after `N`.
    fn start<N, F>(&self, span: TaskSpan, future: F) -> Future<F::Output>
    where
        N: 'static,
        F: std::future::Future<Output: Send + 'static> + Send + 'static,
    {
        match self.shared.enter_or_block(span) {
            Ok(entry) => task::spawn::<N, _, _>(&self.shared, entry, Infallible::new(future)),
            Err(refusal) => self.shared.refuse(refusal, future),
        }
    }

    /// A function and its argument, to be submitted with options. See [`AsyncPool::task`](crate::AsyncPool::task).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # let pool = trine_async::AsyncPool::new(1)?;
    /// let handle = pool.handle();
    /// let length = handle.task(async |word: &str| word.len(), "trine").timeout(Duration::from_secs(60)).submit();
    /// assert_eq!(length.result()?, 5);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn task<F, A>(&self, function: F, argument: A) -> Submission<'_, F, A> {
        Submission::new(&self.shared, function, argument)
    }

    /// Runs `function` with each of `arguments`. See [`AsyncPool::map`](crate::AsyncPool::map).
    ///
    /// ```
    /// # let pool = trine_async::AsyncPool::new(1)?;
    /// let handle = pool.handle();
    /// let lengths: Result<Vec<usize>, _> = handle.map(async |word: &str| word.len(), ["a", "bc"]).collect();
    /// assert_eq!(lengths?, [1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn map<F, I, T, R>(
        &self,
        function: F,
        arguments: I,
    ) -> Map<I::IntoIter, impl FnMut(I::Item) -> Future<R> + use<F, I, T, R>, R>
    where
        F: Fn(I::Item) -> T + Send + Sync + 'static,
        I: IntoIterator,
        I::Item: Send + 'static,
        T: std::future::Future<Output = R> + Send + 'static,
        R: Send + 'static,
    {
        let pool = self.clone();
        let function = Arc::new(function);
        map(&self.shared, arguments, move |argument| {
            let span = pool.shared.span(&*function);
            let function = Arc::clone(&function);
            pool.start::<F, _>(span, async move { function(argument).await })
        })
    }

    /// Runs a closure that blocks. See [`AsyncPool::run_blocking`](crate::AsyncPool::run_blocking).
    ///
    /// ```
    /// # let pool = trine_async::AsyncPool::new(1)?;
    /// let handle = pool.handle();
    /// assert_eq!(handle.run_blocking(|| 6 * 7).result()?, 42);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn run_blocking<R: Send + 'static>(&self, closure: impl FnOnce() -> R + Send + 'static) -> Future<R> {
        run_blocking(&self.shared, self.shared.span(&closure), closure)
    }

    /// The pool as one of plain functions. See [`AsyncPool::blocking`](crate::AsyncPool::blocking).
    ///
    /// ```
    /// use trine_async::Executor;
    ///
    /// # let pool = trine_async::AsyncPool::new(1)?;
    /// let handle = pool.handle();
    /// assert_eq!(handle.blocking().submit(str::len, "trine").result()?, 5);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn blocking(&self) -> Blocking {
        Blocking::new(self.clone())
    }

    /// What the pool is doing. See [`AsyncPool::stats`](crate::AsyncPool::stats).
    ///
    /// ```
    /// # let pool = trine_async::AsyncPool::new(1)?;
    /// let handle = pool.handle();
    /// assert_eq!(handle.stats().workers, 1);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }
}

impl<F, A, T, R> Executor<F, A> for Handle
where
    F: Fn(A) -> T + Send + 'static,
    A: Send + 'static,
    T: std::future::Future<Output = R> + Send + 'static,
    R: Send + 'static,
{
    type Output = R;

    fn submit(&self, function: F, argument: A) -> Future<R> {
        self.submit(function, argument)
    }

    fn map<I>(&self, function: F, arguments: I) -> impl Iterator<Item = Result<R, TaskError>>
    where
        I: IntoIterator<Item = A>,
        F: Clone,
    {
        map(&self.shared, arguments, move |argument| {
            self.submit(function.clone(), argument)
        })
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Handle").finish_non_exhaustive()
    }
}
