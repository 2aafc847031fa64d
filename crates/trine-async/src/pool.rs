//! The pool.

use crate::BuildError;
use crate::open_tasks::OpenTasks;
use crate::task::{Stop, Task};
use std::sync::Arc;
use std::{fmt, thread};
use tokio::runtime::{Builder, Handle, Runtime};
use trine_future::{Executor, Future, Map, Pool, Promise, Shutdown, TaskError};
use trine_lock::Lock;

/// How many tasks of one [`AsyncPool::map`] are in flight at a time.
///
/// To have another number, make the [`Map`] yourself:
///
/// ```
/// use trine_async::AsyncPool;
/// use trine_future::Map;
///
/// let pool = AsyncPool::with_threads(1)?;
/// let doubled = Map::new(1..=3, 500, |number| pool.submit(async |number| 2 * number, number));
/// assert_eq!(doubled.collect::<Result<Vec<u32>, _>>()?, [2, 4, 6]);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub const MAP_IN_FLIGHT: usize = 64;

/// A pool of async tasks on a tokio runtime.
///
/// Dropping a pool that has its own runtime is [`shutdown(Shutdown::Drain)`](Self::shutdown): it runs the tasks to
/// their end and joins the threads. While unwinding from a panic it is `Shutdown::CancelQueued`. Inside a runtime, where
/// blocking is not allowed, it does not wait: the tasks go on, and the threads end after the last one. Dropping a pool on
/// [the current runtime](Self::current) never waits either.
///
/// ```
/// use trine_async::AsyncPool;
///
/// let pool = AsyncPool::new()?;
/// let future = pool.spawn(async { 6 * 7 });
/// assert_eq!(future.result()?, 42);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[doc(alias("Runtime", "TaskGroup", "asyncio"))]
pub struct AsyncPool {
    tasks: Arc<OpenTasks>,
    handle: Handle,
    /// The pool's own runtime, until it is shut down.
    own_runtime: Lock<Option<Runtime>>,
}

impl AsyncPool {
    /// Starts a pool with a runtime of its own, with a thread for each CPU that this process may use, by its affinity
    /// and its cgroup's quota.
    ///
    /// # Errors
    ///
    /// If the system refuses what the runtime needs.
    ///
    /// # Panics
    ///
    /// Tokio panics if the system refuses a thread.
    pub fn new() -> Result<Self, BuildError> {
        Self::with_threads(trine_platform::processors())
    }

    /// Starts a pool with a runtime of its own, of `threads` threads, named `trine-async`. One is enough for tasks that
    /// mostly wait, however many.
    ///
    /// The runtime has timers and sockets if the program enables tokio's features `time` and `net`.
    ///
    /// # Errors
    ///
    /// If `threads` is 0, or the system refuses what the runtime needs.
    ///
    /// # Panics
    ///
    /// Tokio panics if the system refuses a thread.
    ///
    /// ```
    /// use trine_async::AsyncPool;
    ///
    /// assert!(AsyncPool::with_threads(0).unwrap_err().is_no_workers());
    /// assert_eq!(AsyncPool::with_threads(1)?.workers(), 1);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn with_threads(threads: usize) -> Result<Self, BuildError> {
        if threads == 0 {
            return Err(BuildError::no_workers());
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("trine-async")
            .enable_all()
            .build()
            .map_err(BuildError::runtime)?;
        Ok(Self::on(runtime.handle().clone(), Some(runtime)))
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
        let handle = Handle::try_current().map_err(|_| BuildError::no_runtime())?;
        Ok(Self::on(handle, None))
    }

    fn on(handle: Handle, own_runtime: Option<Runtime>) -> Self {
        Self {
            tasks: Arc::new(OpenTasks::new()),
            handle,
            own_runtime: Lock::new(own_runtime),
        }
    }

    /// Runs `future` as a task.
    ///
    /// Never blocks and never fails: after a shutdown the returned future is done with [`TaskError::is_refused`].
    /// A panic of the task is its result. [`cancel`](Future::cancel) ends the task also when it has started, at the next
    /// point where it awaits: there it is dropped. If the runtime is gone before the task has ended, the result is
    /// [`TaskError::is_abandoned`].
    ///
    /// ```
    /// # let pool = trine_async::AsyncPool::with_threads(1)?;
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
        let Some(open) = self.tasks.enter() else {
            return Future::failed(TaskError::refused("the async pool was shut down"));
        };
        let stop = Stop::default();
        let (promise, result) = Promise::with_owner(stop.clone());
        let task = self.handle.spawn(Task::new(future, promise, open));
        stop.set(task.abort_handle());
        result
    }

    /// Runs `function`, such as an `async fn`, with `argument` as a task. See [`spawn`](Self::spawn).
    ///
    /// ```
    /// # let pool = trine_async::AsyncPool::with_threads(1)?;
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
        // Called in the task, so that its panic is the task's.
        self.spawn(async move { function(argument).await })
    }

    /// Runs `function` with each of `arguments`; an iterator over the results, in the order of the arguments.
    ///
    /// It is lazy, with at most [`MAP_IN_FLIGHT`] tasks at a time, so `arguments` may be endless. See [`Map`]. `next`
    /// blocks: in async code submit the tasks and await them.
    ///
    /// ```
    /// # let pool = trine_async::AsyncPool::with_threads(1)?;
    /// let squares: Result<Vec<u64>, _> = pool.map(async |number| number * number, 1..=3).collect();
    /// assert_eq!(squares?, [1, 4, 9]);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn map<F, I, T, R>(
        &self,
        function: F,
        arguments: I,
    ) -> Map<I::IntoIter, impl FnMut(I::Item) -> Future<R>, R>
    where
        F: Fn(I::Item) -> T + Send + Sync + 'static,
        I: IntoIterator,
        I::Item: Send + 'static,
        T: std::future::Future<Output = R> + Send + 'static,
        R: Send + 'static,
    {
        let function = Arc::new(function);
        Map::new(arguments.into_iter(), MAP_IN_FLIGHT, move |argument| {
            let function = Arc::clone(&function);
            self.spawn(async move { function(argument).await })
        })
    }

    /// The number of threads of the runtime.
    pub fn workers(&self) -> usize {
        self.handle.metrics().num_workers()
    }

    /// Ends the pool: refuses new tasks, waits for those that it has, and joins the threads of its own runtime. With
    /// [`Shutdown::CancelQueued`], tasks that have not started are not run.
    ///
    /// Blocks until then, and a second call does so, too. The descriptors of the runtime are closed when the pool is
    /// dropped. Only tasks of this pool are waited for: what they start by
    /// `tokio::spawn` is dropped with the pool's own runtime.
    ///
    /// Inside a runtime, of this pool or another one, where blocking is not allowed, it does not wait: the pool takes no
    /// more tasks, and ends when its last task has ended. [`shutdown_async`](Self::shutdown_async) waits there.
    ///
    /// ```
    /// use trine_async::Shutdown;
    ///
    /// # let pool = trine_async::AsyncPool::with_threads(1)?;
    /// let future = pool.spawn(async { 1 });
    /// pool.shutdown(Shutdown::Drain);
    /// assert_eq!(future.result()?, 1);
    /// assert!(pool.spawn(async { 2 }).result().unwrap_err().is_refused());
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn shutdown(&self, shutdown: Shutdown) {
        let last_has_ended = self.tasks.close(shutdown);
        let is_in_runtime = Handle::try_current().is_ok();
        if is_in_runtime {
            if let Some(runtime) = self.take_own_runtime() {
                drop(end_elsewhere(runtime, last_has_ended));
            }
            return;
        }
        let _ = last_has_ended.result();
        drop(self.take_own_runtime());
    }

    /// [`shutdown`](Self::shutdown) for async code: waits without blocking.
    ///
    /// It begins when it is polled for the first time, and goes on if it is dropped. A task of this pool that awaits it
    /// waits for itself, for ever.
    ///
    /// ```
    /// use trine_async::{AsyncPool, Shutdown};
    ///
    /// #[tokio::main(flavor = "current_thread")]
    /// async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    ///     let pool = AsyncPool::with_threads(1)?;
    ///     let future = pool.spawn(async { 1 });
    ///     pool.shutdown_async(Shutdown::Drain).await;
    ///     assert!(future.is_done());
    ///     Ok(())
    /// }
    /// ```
    pub async fn shutdown_async(&self, shutdown: Shutdown) {
        let last_has_ended = self.tasks.close(shutdown);
        let end = match self.take_own_runtime() {
            Some(runtime) => end_elsewhere(runtime, last_has_ended),
            None => last_has_ended,
        };
        let _ = end.await;
    }

    /// The guard is gone when this returns: no lock is held while threads are joined.
    fn take_own_runtime(&self) -> Option<Runtime> {
        self.own_runtime.lock().take()
    }
}

/// Waits for the last task and joins the runtime's threads, on a thread of its own, because both block.
fn end_elsewhere(runtime: Runtime, last_has_ended: Future<()>) -> Future<()> {
    // The thread gets the runtime once it runs: if it can't be started, its closure is dropped, here, where a runtime
    // must not be dropped.
    let (handed_over, received) = Promise::new();
    let (ended, end) = Promise::new();
    let started = thread::Builder::new()
        .name("trine-async-end".to_owned())
        .spawn(move || {
            let _ = last_has_ended.result();
            drop(received.result());
            let _ = ended.complete(());
        });
    match started {
        Ok(_) => {
            let _ = handed_over.complete(runtime);
        }
        // Nobody can wait for the tasks: they end at their next await point, and their futures say so.
        Err(_) => runtime.shutdown_background(),
    }
    end
}

impl Drop for AsyncPool {
    fn drop(&mut self) {
        let shutdown = if thread::panicking() {
            Shutdown::CancelQueued
        } else {
            Shutdown::Drain
        };
        if self.own_runtime.get_mut().is_some() {
            self.shutdown(shutdown);
        } else {
            // Nobody may be there to run the tasks of another's runtime, so nothing waits for them.
            drop(self.tasks.close(shutdown));
        }
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
        Map::new(arguments.into_iter(), MAP_IN_FLIGHT, move |argument| {
            self.submit(function.clone(), argument)
        })
    }
}

impl Pool for AsyncPool {
    fn workers(&self) -> usize {
        self.workers()
    }

    fn shutdown(&self, shutdown: Shutdown) {
        self.shutdown(shutdown);
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
