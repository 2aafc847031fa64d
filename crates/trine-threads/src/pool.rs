//! The pool as its owner sees it.

use crate::queues::Queues;
use crate::worker;
use crate::{BuildError, Handle, ThreadMap};
use crossbeam_deque::Worker as Deque;
use std::sync::Arc;
use std::{fmt, thread};
use trine_future::{Executor, Future, Pool, Shutdown, TaskError};

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
    /// It is lazy, with a bounded look-ahead, so `arguments` may be endless; short elements share tasks. The iterator's
    /// methods set an order, a look-ahead, the length of chunks, and a time-out: see [`ThreadMap`].
    ///
    /// ```
    /// # let pool = trine_threads::ThreadPool::new(2)?;
    /// let squares: Result<Vec<u64>, _> = pool.map(|number| number * number, 1..=3).collect();
    /// assert_eq!(squares?, [1, 4, 9]);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias("imap", "par_iter", "par_bridge", "executor_map"))]
    pub fn map<F, I, R>(&self, function: F, arguments: I) -> ThreadMap<I::IntoIter, F, R>
    where
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        I: IntoIterator,
        I::Item: Send + 'static,
        R: Send + 'static,
    {
        self.handle.map(function, arguments)
    }

    /// Runs `function` with a reference to each of `items`, and returns the results in the order of the items. Blocks
    /// until all have ended, so function, items and results may borrow from the caller.
    ///
    /// It is the fastest way to compute something for many small items. Called on a worker of this pool, that worker
    /// takes part.
    ///
    /// # Errors
    ///
    /// The panic of the first item, in their order, that panics: items after it may not be run then. A function that
    /// returns a `Result` tells more. After a shutdown, [`TaskError::is_refused`].
    ///
    /// ```
    /// # let pool = trine_threads::ThreadPool::new(2)?;
    /// let text = String::from("to be or not to be");
    /// let words: Vec<&str> = text.split(' ').collect();
    /// let longest = 3; // borrowed, as the words are
    /// let is_short = pool.map_slice(|word| word.len() < longest, &words)?;
    /// assert_eq!(is_short, [true, true, true, false, true, true]);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias("par_iter", "scope"))]
    pub fn map_slice<'a, F, T, R>(&self, function: F, items: &'a [T]) -> Result<Vec<R>, TaskError>
    where
        F: Fn(&'a T) -> R + Sync,
        T: Sync,
        R: Send,
    {
        self.handle.map_slice(function, items)
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
