//! The pool as its owner sees it.

use crate::blocking::Blocking;
use crate::shared::Shared;
use crate::{AsyncPoolBuilder, BuildError, Handle, Stats, Submission};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use trine_future::{Executor, Future, Map, Pool, Shutdown, ShutdownReport, TaskError};
use trine_lock::Lock;

/// A pool of async tasks on a tokio runtime.
///
/// Dropping a pool that has its own runtime is [`shutdown(Shutdown::Drain)`](Self::shutdown): it runs the tasks to
/// their end and joins the threads. While unwinding from a panic it is `Shutdown::CancelQueued`. Inside a runtime, where
/// blocking is not allowed, it does not wait: the tasks go on, and the threads end after the last one. Dropping a pool on
/// [the current runtime](Self::current) never waits either.
///
/// A future whose task has ended keeps a little of the runtime until its result is taken or it is dropped, as a `JoinHandle` of
/// tokio does: the memory of the task, and, should the runtime be gone, what that had open.
///
/// ```
/// use trine_async::AsyncPool;
///
/// let pool = AsyncPool::with_default_workers()?;
/// let future = pool.spawn(async { 6 * 7 });
/// assert_eq!(future.result()?, 42);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[doc(alias("Runtime", "TaskGroup", "asyncio"))]
pub struct AsyncPool {
    handle: Handle,
    /// The pool's own runtime, until it is shut down.
    pub(crate) own_runtime: Lock<Option<Runtime>>,
}

// As its handle: the runtime is there or taken.
impl UnwindSafe for AsyncPool {}
impl RefUnwindSafe for AsyncPool {}

impl AsyncPool {
    /// Starts a pool with a runtime of its own, of `workers` threads. One is enough for tasks that mostly wait, however
    /// many.
    ///
    /// # Errors
    ///
    /// If `workers` is 0, or the system refuses what the runtime needs.
    ///
    /// # Panics
    ///
    /// Tokio panics if the system refuses a thread.
    ///
    /// ```
    /// use trine_async::AsyncPool;
    ///
    /// assert!(AsyncPool::new(0).unwrap_err().is_no_workers());
    /// assert_eq!(AsyncPool::new(1)?.workers(), 1);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn new(workers: usize) -> Result<Self, BuildError> {
        Self::builder().workers(workers).build()
    }

    /// Starts a pool with a runtime of its own, with a thread for each CPU that this process may use, by its affinity
    /// and its cgroup's quota, or as many as the environment variable `TRINE_WORKERS` says.
    ///
    /// # Errors
    ///
    /// If the system refuses what the runtime needs, or the variable is not a number from 1 on.
    ///
    /// # Panics
    ///
    /// Tokio panics if the system refuses a thread.
    pub fn with_default_workers() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// A pool on the tokio runtime that this is called in. It starts no threads, and leaves the runtime as it is when
    /// it is dropped.
    ///
    /// If the runtime is dropped before a task has ended, the task's future fails.
    ///
    /// # Errors
    ///
    /// Outside of a runtime.
    ///
    /// ```
    /// use trine_async::AsyncPool;
    ///
    /// #[tokio::main(flavor = "current_thread")]
    /// async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    ///     let pool = AsyncPool::current()?;
    ///     assert_eq!(pool.spawn(async { 1 + 1 }).await?, 2);
    ///     Ok(())
    /// }
    /// ```
    pub fn current() -> Result<Self, BuildError> {
        Self::builder().build_on_current()
    }

    /// The settings of a pool to be made: workers, a name, a limit of tasks in flight, a failure hook.
    ///
    /// ```
    /// use trine_async::AsyncPool;
    ///
    /// let pool = AsyncPool::builder().workers(2).build()?;
    /// assert_eq!(pool.workers(), 2);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn builder() -> AsyncPoolBuilder {
        AsyncPoolBuilder::new()
    }

    pub(crate) fn over(shared: Shared, own_runtime: Option<Runtime>) -> Self {
        Self {
            handle: Handle {
                shared: Arc::new(shared),
            },
            own_runtime: Lock::new(own_runtime),
        }
    }

    /// Runs `future` as a task.
    ///
    /// Never fails: after a shutdown the returned future is done with [`TaskError::is_refused`]. Never blocks either, unless
    /// the pool was made with a [limit](AsyncPoolBuilder::in_flight_limit).
    ///
    /// A panic of the task is its result. [`cancel`](Future::cancel) ends the task also when it has started, at the next
    /// point where it awaits: there it is dropped. If the runtime is gone before the task has ended, the result is
    /// [`TaskError::is_abandoned`], or [`TaskError::is_refused`] if it had not begun.
    ///
    /// ```
    /// # let pool = trine_async::AsyncPool::new(1)?;
    /// let name = "trine".to_owned();
    /// assert_eq!(pool.spawn(async move { name.len() }).result()?, 5);
    ///
    /// let endless = pool.spawn(std::future::pending::<()>());
    /// assert!(endless.cancel());
    /// assert!(endless.result().unwrap_err().is_cancelled());
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias("create_task", "gather"))]
    pub fn spawn<F>(&self, future: F) -> Future<F::Output>
    where
        F: std::future::Future<Output: Send + 'static> + Send + 'static,
    {
        self.handle.spawn(future)
    }

    /// Runs `function`, such as an `async fn`, with `argument` as a task. See [`spawn`](Self::spawn).
    ///
    /// ```
    /// # let pool = trine_async::AsyncPool::new(1)?;
    /// async fn length(text: &str) -> usize {
    ///     text.len()
    /// }
    /// assert_eq!(pool.submit(length, "trine").result()?, 5);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn submit<F, A, T, R>(&self, function: F, argument: A) -> Future<R>
    where
        F: FnOnce(A) -> T + Send + 'static,
        A: Send + 'static,
        T: std::future::Future<Output = R> + Send + 'static,
        R: Send + 'static,
    {
        self.handle.submit(function, argument)
    }

    /// A function and its argument, to be submitted with options, or only if there is room. See [`Submission`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # let pool = trine_async::AsyncPool::new(1)?;
    /// let endless = |_: ()| std::future::pending::<u32>();
    /// let future = pool.task(endless, ()).timeout(Duration::from_millis(1)).submit();
    /// assert!(future.result().unwrap_err().is_timed_out());
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn task<F, A>(&self, function: F, argument: A) -> Submission<'_, F, A> {
        self.handle.task(function, argument)
    }

    /// Runs `function` with each of `arguments`; an iterator over the results, in the order of the arguments.
    ///
    /// It is lazy, with at most [`MAP_IN_FLIGHT`](crate::MAP_IN_FLIGHT) tasks at a time, so `arguments` may be endless. The
    /// iterator's methods set another [number](Map::look_ahead) or the [order of completion](Map::unordered). `next` blocks:
    /// in async code make it a [stream](Map::into_stream). See [`Map`].
    ///
    /// In a pool with a [limit](AsyncPoolBuilder::in_flight_limit) it has no more tasks in flight than that, whatever the
    /// look-ahead. So it does not fill the pool by itself. If others do, its next task is treated as the limit says: under
    /// [`Refuse`](crate::WhenFull::Refuse) its element is an error.
    ///
    /// ```
    /// # let pool = trine_async::AsyncPool::new(1)?;
    /// let squares: Result<Vec<u64>, _> = pool.map(async |number| number * number, 1..=3).collect();
    /// assert_eq!(squares?, [1, 4, 9]);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias("buffered", "buffer_unordered", "imap"))]
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
        self.handle.map(function, arguments)
    }

    /// Runs a closure that blocks, on one of the threads that the runtime keeps for that: at most 512 unless it was built
    /// otherwise.
    ///
    /// It is a task of this pool like the others, but that it can't be stopped once it runs: it may read
    /// [`cancelled`](trine_future::cancelled).
    ///
    /// ```
    /// # let pool = trine_async::AsyncPool::new(1)?;
    /// let lines = pool.run_blocking(|| std::fs::read_to_string("Cargo.toml").map(|text| text.lines().count()));
    /// assert!(lines.result()?? > 0);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias("spawn_blocking", "to_thread", "run_in_executor"))]
    pub fn run_blocking<R: Send + 'static>(&self, closure: impl FnOnce() -> R + Send + 'static) -> Future<R> {
        self.handle.run_blocking(closure)
    }

    /// This pool as an [`Executor`] of plain functions, each of which [runs as one that blocks](Self::run_blocking).
    ///
    /// So code for any pool runs here with functions that are not async:
    ///
    /// ```
    /// use trine_async::Executor;
    ///
    /// # let pool = trine_async::AsyncPool::new(1)?;
    /// assert_eq!(pool.blocking().submit(str::len, "trine").result()?, 5);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn blocking(&self) -> Blocking {
        self.handle.blocking()
    }

    /// A clone for submitting from elsewhere, which does not keep the pool open.
    ///
    /// ```
    /// let pool = trine_async::AsyncPool::new(1)?;
    /// let handle = pool.handle();
    /// drop(pool);
    /// assert!(handle.spawn(async { 1 }).result().unwrap_err().is_refused());
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The number of threads of the runtime that run tasks.
    pub fn workers(&self) -> usize {
        self.shared().runtime.metrics().num_workers()
    }

    /// What the pool is doing, and has done so far.
    ///
    /// ```
    /// use trine_async::Shutdown;
    ///
    /// # let pool = trine_async::AsyncPool::new(2)?;
    /// pool.spawn(async { 1 }).result()?;
    /// pool.shutdown(Shutdown::Drain);
    /// let stats = pool.stats();
    /// assert_eq!((stats.workers, stats.done, stats.running), (2, 1, 0));
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias("metrics"))]
    pub fn stats(&self) -> Stats {
        self.handle.stats()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }
}

impl<F, A, T, R> Executor<F, A> for AsyncPool
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
        Executor::map(&self.handle, function, arguments)
    }
}

impl Pool for AsyncPool {
    fn workers(&self) -> usize {
        self.workers()
    }

    fn shutdown(&self, shutdown: Shutdown) -> ShutdownReport {
        Self::shutdown(self, shutdown)
    }

    fn shutdown_timeout(&self, shutdown: Shutdown, timeout: Duration) -> ShutdownReport {
        Self::shutdown_timeout(self, shutdown, timeout)
    }
}

impl fmt::Debug for AsyncPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AsyncPool")
            .field("workers", &self.workers())
            .finish_non_exhaustive()
    }
}
