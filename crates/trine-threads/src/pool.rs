//! The pool as its owner sees it.

use crate::queues::Queues;
use crate::{BuildError, Handle, Scope, Stats, Submission, ThreadMap, ThreadPoolBuilder};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use trine_future::{Executor, Future, Pool, Shutdown, ShutdownReport, TaskError};
use trine_platform::atomic::AtomicU32;

/// A pool of threads that steal work from each other.
///
/// Dropping it is [`shutdown(Shutdown::Drain)`](Self::shutdown); while unwinding from a panic it is
/// `Shutdown::CancelQueued`, so that an error is not held up by a long queue. After a
/// [`shutdown_timeout`](Self::shutdown_timeout) or [`shutdown_async`](Self::shutdown_async) the drop waits for nothing any
/// more. A pool in a static is never dropped,
/// and is not waited for at the end of `main`.
///
/// A process that is forked off has the pool and none of its threads: there it refuses every task, and a shutdown or drop
/// returns at once. Futures of tasks that were submitted before stay as they were, so don't wait for them there. A task
/// that itself forks must not return in the child: that ends by `exec` or `_exit`.
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
    /// 1 if the owner has said how long to wait for the pool's end, so that the drop doesn't wait again.
    pub(crate) waited_for: AtomicU32,
}

impl ThreadPool {
    /// Starts a pool of `workers` threads, named `trine-<pool>-<worker>`.
    ///
    /// # Errors
    ///
    /// If `workers` is 0, or the system refuses a thread.
    pub fn new(workers: usize) -> Result<Self, BuildError> {
        Self::builder().workers(workers).build()
    }

    /// Starts a pool with a thread for each CPU that this process may use, by its affinity and its cgroup's quota, or as
    /// many as the environment variable [`TRINE_WORKERS`](crate::WORKERS_VARIABLE) says.
    ///
    /// # Errors
    ///
    /// If the system refuses a thread, or the variable is not a number from 1 on.
    pub fn with_default_workers() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// The settings of a pool to be made: workers, names, stacks, an initializer, a limit of the queue, a failure hook.
    ///
    /// ```
    /// use trine_threads::ThreadPool;
    ///
    /// let pool = ThreadPool::builder().workers(2).stack_size(8 << 20).build()?;
    /// assert_eq!(pool.workers(), 2);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn builder() -> ThreadPoolBuilder {
        ThreadPoolBuilder::new()
    }

    pub(crate) fn over(queues: Arc<Queues>) -> Self {
        Self {
            handle: Handle { queues },
            waited_for: AtomicU32::new(0),
        }
    }

    pub(crate) fn queues(&self) -> &Arc<Queues> {
        &self.handle.queues
    }

    /// Runs `function` with `argument` on a worker.
    ///
    /// Never fails: after a shutdown the future is done with [`TaskError::is_refused`]. Never blocks either, unless the
    /// pool was made with a [limit](ThreadPoolBuilder::queue_limit).
    ///
    /// Several arguments are a tuple, which a closure takes apart.
    ///
    /// ```
    /// # let pool = trine_threads::ThreadPool::new(1)?;
    /// assert_eq!(pool.submit(str::len, "trine").result()?, 5);
    /// assert_eq!(pool.submit(|(base, exponent)| u64::pow(base, exponent), (2, 3)).result()?, 8);
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

    /// Runs `closure` on a worker. Never fails, and blocks only as [`submit`](Self::submit) does.
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

    /// Runs `closure` on a worker, and wants no result: the cheapest way to run something. Never fails, and blocks only as
    /// [`submit`](Self::submit) does.
    ///
    /// A panic goes to the pool's [failure hook](ThreadPoolBuilder::failure_hook). If the task is refused, after a shutdown
    /// or because the queue is [full](crate::WhenFull::Refuse), the closure is dropped, and the
    /// [program's hook](trine_future::set_failure_hook) is told.
    ///
    /// ```
    /// use std::sync::mpsc;
    ///
    /// # let pool = trine_threads::ThreadPool::new(1)?;
    /// let (sender, receiver) = mpsc::channel();
    /// pool.spawn_detached(move || drop(sender.send("done")));
    /// assert_eq!(receiver.recv()?, "done");
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias("execute", "fire_and_forget"))]
    pub fn spawn_detached(&self, closure: impl FnOnce() + Send + 'static) {
        self.handle.spawn_detached(closure);
    }

    /// A function and its argument, to be submitted with options, or only if there is room. See [`Submission`].
    ///
    /// ```
    /// use trine_threads::{Priority, ThreadPool};
    ///
    /// let pool = ThreadPool::new(1)?;
    /// let report = pool.task(str::len, "a long report").priority(Priority::Background).submit();
    /// assert_eq!(report.result()?, 13);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn task<F, A>(&self, function: F, argument: A) -> Submission<'_, F, A> {
        self.handle.task(function, argument)
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
    /// returns a `Result` tells more. After a shutdown, [`TaskError::is_refused`]; if the pool is shut down meanwhile and cancels what is
    /// queued, [`TaskError::is_cancelled`].
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
    #[doc(alias = "par_iter")]
    pub fn map_slice<'a, F, T, R>(&self, function: F, items: &'a [T]) -> Result<Vec<R>, TaskError>
    where
        F: Fn(&'a T) -> R + Sync,
        T: Sync,
        R: Send,
    {
        self.handle.map_slice(function, items)
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
    ///
    /// ```
    /// # let pool = trine_threads::ThreadPool::new(1)?;
    /// let handle = pool.handle();
    /// let outer = pool.spawn(move || handle.spawn(|| 1).result());
    /// assert_eq!(outer.result()??, 1);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The number of workers.
    pub fn workers(&self) -> usize {
        self.handle.queues.workers()
    }

    /// What the pool is doing, and has done so far. Always counted; asking takes a lock that no task takes.
    ///
    /// ```
    /// use trine_future::Shutdown;
    ///
    /// # let pool = trine_threads::ThreadPool::new(2)?;
    /// pool.spawn(|| 1).result()?;
    /// pool.shutdown(Shutdown::Drain);
    /// let stats = pool.stats();
    /// assert_eq!((stats.workers, stats.done, stats.running), (2, 1, 0));
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias("metrics"))]
    pub fn stats(&self) -> Stats {
        self.handle.stats()
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

    fn shutdown(&self, shutdown: Shutdown) -> ShutdownReport {
        Self::shutdown(self, shutdown)
    }

    fn shutdown_timeout(&self, shutdown: Shutdown, timeout: Duration) -> ShutdownReport {
        Self::shutdown_timeout(self, shutdown, timeout)
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
