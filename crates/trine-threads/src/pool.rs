//! The pool as its owner sees it.

use crate::queues::Queues;
use crate::worker;
use crate::{BuildError, Handle, Scope};
use crossbeam_deque::Worker as Deque;
use std::sync::Arc;
use std::{fmt, thread};
use trine_future::{Executor, Future, Map, Pool, Shutdown, TaskError};

/// A pool of threads that steal work from each other.
///
/// Dropping it is [`shutdown(Shutdown::Drain)`](Self::shutdown); while unwinding from a panic it is
/// `Shutdown::CancelQueued`, so that an error is not held up by a long queue. A pool in a static is never dropped, and
/// is not waited for at the end of `main`.
///
/// ```
/// use trine_threads::ThreadPool;
///
/// let pool = ThreadPool::with_default_workers()?;
/// let future = pool.spawn(|| 6 * 7);
/// assert_eq!(future.result()?, 42);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[doc(alias("ThreadPoolExecutor", "max_workers"))]
pub struct ThreadPool {
    handle: Handle,
}

impl ThreadPool {
    /// Starts a pool of `workers` threads, named `trine-<pool>-<worker>`.
    ///
    /// # Errors
    ///
    /// If `workers` is 0, or the system refuses a thread.
    pub fn new(workers: usize) -> Result<Self, BuildError> {
        if workers == 0 {
            return Err(BuildError::no_workers());
        }
        let deques: Vec<_> = (0..workers).map(|_| Deque::new_lifo()).collect();
        let queues = Arc::new(Queues::new(&deques));
        // Before the first thread, so that an error below ends and joins those that have started.
        let pool = Self {
            handle: Handle { queues },
        };
        for (number, deque) in deques.into_iter().enumerate() {
            worker::start(&pool.handle.queues, number, deque).map_err(BuildError::thread)?;
        }
        Ok(pool)
    }

    /// Starts a pool with a thread for each CPU that this process may use, by its affinity and its cgroup's quota.
    ///
    /// # Errors
    ///
    /// If the system refuses a thread.
    pub fn with_default_workers() -> Result<Self, BuildError> {
        Self::new(trine_platform::default_workers())
    }

    /// Runs `function` with `argument` on a worker.
    ///
    /// Never blocks and never fails: after a shutdown the future is done with [`TaskError::is_refused`].
    ///
    /// ```
    /// # let pool = trine_threads::ThreadPool::new(1)?;
    /// assert_eq!(pool.submit(str::len, "trine").result()?, 5);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn submit<F, A, R>(&self, function: F, argument: A) -> Future<R>
    where
        F: FnOnce(A) -> R + Send + 'static,
        A: Send + 'static,
        R: Send + 'static,
    {
        self.handle.submit(function, argument)
    }

    /// Runs `closure` on a worker. Never blocks and never fails, as [`submit`](Self::submit).
    ///
    /// ```
    /// # let pool = trine_threads::ThreadPool::new(1)?;
    /// let name = "trine".to_owned();
    /// assert_eq!(pool.spawn(move || name.len()).result()?, 5);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn spawn<R: Send + 'static>(&self, closure: impl FnOnce() -> R + Send + 'static) -> Future<R> {
        self.handle.spawn(closure)
    }

    /// Runs `function` with each of `arguments`; an iterator over the results, in the order of the arguments.
    ///
    /// It is lazy, with a look-ahead of two tasks a worker, so `arguments` may be endless. See [`Map`].
    ///
    /// ```
    /// # let pool = trine_threads::ThreadPool::new(2)?;
    /// let squares: Result<Vec<u64>, _> = pool.map(|number| number * number, 1..=3).collect();
    /// assert_eq!(squares?, [1, 4, 9]);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias = "par_iter")]
    pub fn map<F, I, R>(
        &self,
        function: F,
        arguments: I,
    ) -> Map<I::IntoIter, impl FnMut(I::Item) -> Future<R>, R>
    where
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        I: IntoIterator,
        I::Item: Send + 'static,
        R: Send + 'static,
    {
        self.handle.map(function, arguments)
    }

    /// Runs both closures, side by side if a worker is free, and returns what they return.
    ///
    /// They may borrow from the caller's frame. On a worker of this pool `first` runs at once on the calling thread, and
    /// `second` after it unless another worker has taken it by then. Elsewhere both run on the pool while the caller
    /// waits. Whoever waits runs nothing else meanwhile: never a stranger's task under the caller's locks.
    ///
    /// It costs a few nanoseconds, so a recursion needs no limit below which it goes on alone. A pool that is shut down
    /// still runs it: on the calling thread, if that is not one of the pool's.
    ///
    /// # Panics
    ///
    /// If a closure panics, that panic goes on here once the other closure has ended, or was found not to have begun: that
    /// one is dropped then. If both panic, the panic is that of `first`.
    ///
    /// ```
    /// use trine_threads::ThreadPool;
    ///
    /// fn sum(pool: &ThreadPool, numbers: &[u64]) -> u64 {
    ///     match numbers {
    ///         [] => 0,
    ///         [number] => *number,
    ///         _ => {
    ///             let (left, right) = numbers.split_at(numbers.len() / 2);
    ///             let (left, right) = pool.join(|| sum(pool, left), || sum(pool, right));
    ///             left + right
    ///         }
    ///     }
    /// }
    ///
    /// let pool = ThreadPool::new(2)?;
    /// assert_eq!(sum(&pool, &[1, 2, 3, 4, 5]), 15);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias = "fork")]
    #[inline]
    pub fn join<A, B, RA, RB>(&self, first: A, second: B) -> (RA, RB)
    where
        A: FnOnce() -> RA + Send,
        B: FnOnce() -> RB + Send,
        RA: Send,
        RB: Send,
    {
        self.handle.join(first, second)
    }

    /// Runs `body`, which can spawn tasks that borrow from the frames around, and returns when it and all of these have
    /// ended.
    ///
    /// On a worker of this pool `body` runs at once on the calling thread, elsewhere on the pool while the caller waits.
    /// Whoever waits for the tasks may run some of them, and nothing else. A pool that is shut down still runs the scope:
    /// on the calling thread, if that is not one of the pool's. A task's captures are dropped before the scope ends.
    ///
    /// # Panics
    ///
    /// If `body` or a task panics, the first panic goes on here once everything has ended.
    ///
    /// ```
    /// use trine_threads::ThreadPool;
    ///
    /// let pool = ThreadPool::new(2)?;
    /// let mut lengths = [0; 3];
    /// pool.scope(|scope| {
    ///     for (length, text) in lengths.iter_mut().zip(["a", "bcd", "ef"]) {
    ///         scope.spawn(move |_| *length = text.len());
    ///     }
    /// });
    /// assert_eq!(lengths, [1, 3, 2]);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn scope<'scope, R: Send>(&self, body: impl FnOnce(&Scope<'scope>) -> R + Send) -> R {
        self.handle.scope(body)
    }

    /// A clone for submitting from elsewhere, which does not keep the pool open.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The number of workers.
    pub fn workers(&self) -> usize {
        self.handle.queues.workers()
    }

    /// Ends the pool: refuses new tasks, runs or cancels those that are queued, waits for those that run, and joins
    /// the threads. Blocks until then, also if another thread is in a shutdown already.
    ///
    /// Called from a task or a callback on a thread of this pool it does not wait, because that thread can't wait for
    /// itself: the pool ends when the task has ended.
    ///
    /// ```
    /// use trine_future::Shutdown;
    ///
    /// # let pool = trine_threads::ThreadPool::new(1)?;
    /// let future = pool.spawn(|| 1);
    /// pool.shutdown(Shutdown::Drain);
    /// assert_eq!(future.result()?, 1);
    /// assert!(pool.spawn(|| 2).result().unwrap_err().is_refused());
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn shutdown(&self, shutdown: Shutdown) {
        let queues = &self.handle.queues;
        queues.close(shutdown);
        if !worker::is_current(queues) {
            queues.join_threads();
        }
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.shutdown(if thread::panicking() {
            Shutdown::CancelQueued
        } else {
            Shutdown::Drain
        });
    }
}

impl<F, A, R> Executor<F, A> for ThreadPool
where
    F: Fn(A) -> R + Send + 'static,
    A: Send + 'static,
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

impl Pool for ThreadPool {
    fn workers(&self) -> usize {
        self.workers()
    }

    fn shutdown(&self, shutdown: Shutdown) {
        self.shutdown(shutdown);
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ThreadPool")
            .field("workers", &self.workers())
            .finish_non_exhaustive()
    }
}
