//! The pool, as its users see it.

use crate::attendant::attend;
use crate::build_error::{BuildError, Kind};
use crate::builder::ProcessPoolBuilder;
use crate::map::{Pace, ProcessMap};
use crate::settings::Settings;
use crate::shared::Shared;
use crate::shutdown::Threads;
use crate::stats::Stats;
use crate::submission::Submission;
use crate::table::Rules;
use crate::task::{Function, Name, Names};
use crate::watcher::watch;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::type_name;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;
use trine_future::{Executor, Future, Pool, Shutdown, ShutdownReport, TaskError};

/// A pool of worker processes.
///
/// A task is a function and its argument, which travels to a worker as bytes, as the result travels back. Whatever
/// a task does to its process, it costs that task only: see the [crate's front page](crate).
///
/// Workers are started when there is work for them. Dropping the pool is [`shutdown`](Self::shutdown) with
/// [`Shutdown::Drain`]: it blocks until all tasks have run and all workers are gone. Dropped by a panic that unwinds,
/// it cancels the tasks that wait.
///
/// ```
/// use trine_processes::ProcessPool;
///
/// fn count_primes(below: u32) -> usize {
///     (2..below).filter(|n| (2..*n).all(|divisor| n % divisor != 0)).count()
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let pool = ProcessPool::new(2)?;
///     let future = pool.submit(count_primes, 100);
///     assert_eq!(future.result()?, 25);
///     Ok(())
/// }
/// ```
#[doc(alias = "ProcessPoolExecutor")]
pub struct ProcessPool {
    pub(crate) shared: Arc<Shared>,
    workers: usize,
    /// How many tasks of a map are in the pool at most. `None` if there is no limit.
    map_limit: Option<usize>,
    pub(crate) threads: Arc<Threads>,
    /// Somebody waits for the end of the pool, or has: it is not waited for when it is dropped.
    pub(crate) waited_for: AtomicBool,
}

// The user's code runs while nothing is locked: its panics leave no change of the state half done.
impl UnwindSafe for ProcessPool {}
impl RefUnwindSafe for ProcessPool {}

impl ProcessPool {
    /// A pool of `workers` processes.
    ///
    /// # Errors
    ///
    /// As [`ProcessPoolBuilder::build`].
    pub fn new(workers: usize) -> Result<Self, BuildError> {
        Self::builder().workers(workers).build()
    }

    /// A pool with as many workers as this process may use processors.
    ///
    /// # Errors
    ///
    /// As [`ProcessPoolBuilder::build`].
    ///
    /// ```
    /// let pool = trine_processes::ProcessPool::with_default_workers()?;
    /// assert!(pool.workers() >= 1);
    /// # Ok::<(), trine_processes::BuildError>(())
    /// ```
    pub fn with_default_workers() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// A pool with other settings.
    ///
    /// ```
    /// use trine_processes::ProcessPool;
    ///
    /// let pool = ProcessPool::builder().workers(2).max_tasks_per_worker(1000).build()?;
    /// assert_eq!(pool.workers(), 2);
    /// # Ok::<(), trine_processes::BuildError>(())
    /// ```
    pub fn builder() -> ProcessPoolBuilder {
        ProcessPoolBuilder::new()
    }

    pub(crate) fn start(workers: usize, rules: Rules, settings: Settings) -> Result<Self, BuildError> {
        let system = |error| BuildError::new(Kind::System(error));
        let shared = Arc::new(Shared::new(workers, rules, settings).map_err(system)?);
        let watched = Arc::clone(&shared);
        let watcher = thread::Builder::new().name("trine-watcher".to_owned());
        let mut threads = vec![watcher.spawn(move || watch(&watched)).map_err(system)?];
        for index in 0..workers {
            let attended = Arc::clone(&shared);
            let thread = thread::Builder::new().name(format!("trine-worker-{index}"));
            match thread.spawn(move || attend(&attended, index)) {
                Ok(attendant) => threads.push(attendant),
                Err(error) => {
                    shared.give_up_attendants(index..workers);
                    for thread in threads {
                        let _ = thread.join();
                    }
                    return Err(system(error));
                }
            }
        }
        Ok(Self {
            shared,
            workers,
            map_limit: rules.limits.for_map(workers),
            threads: Arc::new(Threads::new(threads)),
            waited_for: AtomicBool::new(false),
        })
    }

    /// The number of worker processes that the pool has at most.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// Runs `function` with `argument` in a worker process.
    ///
    /// The argument is serialised here, on the calling thread; the result is deserialised by the thread that takes it.
    /// Never fails and never panics: whatever goes wrong is in the future. It blocks only if the queue has a limit and is
    /// full, and the pool was made so: see [`WhenFull`](crate::WhenFull).
    ///
    /// The function is an item (`crate::pages::count`), a method or a closure that captures nothing. A closure that
    /// captures, or a function pointer, does not compile: the worker is another process, and has only what is in the
    /// program. Give the data as the argument, several as a tuple. It owns what is in it: a `String`, and no `&str`.
    ///
    /// ```compile_fail
    /// # let pool = trine_processes::ProcessPool::new(1).unwrap();
    /// let offset = 3;
    /// pool.submit(move |number: u32| number + offset, 4); // captures `offset`
    /// ```
    ///
    /// ```
    /// # let pool = trine_processes::ProcessPool::new(1).unwrap();
    /// let offset = 3;
    /// let future = pool.submit(|(number, offset): (u32, u32)| number + offset, (4, offset));
    /// assert_eq!(future.result()?, 7);
    /// # Ok::<(), trine_processes::TaskError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The future fails if the task panics or its worker dies, if argument or result can't be serialised or
    /// deserialised, if no worker can be started, or if the pool is shut down.
    pub fn submit<F, A, R>(&self, function: F, argument: A) -> Future<R>
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'static,
        A: Serialize + DeserializeOwned + Send + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
    {
        const { captures_nothing(size_of::<F>()) };
        Submission::new(&self.shared, function, argument).submit()
    }

    /// A task that is not submitted yet, for its options: a time-out, and what to do when the queue is full or when it
    /// is cancelled while it runs. See [`Submission`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # let pool = trine_processes::ProcessPool::new(1).unwrap();
    /// let forever = |_: ()| -> u32 { loop { std::thread::park() } };
    /// let future = pool.task(forever, ()).timeout(Duration::from_millis(50)).submit();
    /// assert!(future.result().unwrap_err().is_timed_out());
    /// ```
    pub fn task<F, A>(&self, function: F, argument: A) -> Submission<'_, F, A> {
        const { captures_nothing(size_of::<F>()) };
        Submission::new(&self.shared, function, argument)
    }

    /// What the pool is doing, and has done so far.
    ///
    /// ```
    /// # let pool = trine_processes::ProcessPool::new(2).unwrap();
    /// pool.submit(|number: u32| number, 7).result()?;
    /// let stats = pool.stats();
    /// assert_eq!(stats.tasks.answered, 1);
    /// assert_eq!(stats.workers.iter().filter(|worker| worker.pid.is_some()).count(), 1);
    /// # Ok::<(), trine_processes::TaskError>(())
    /// ```
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// Runs `function` with each of `arguments`. The results come in the order of the arguments.
    ///
    /// The iterator is lazy: it takes two arguments a worker ahead of the result that is taken, and up to 2000 while results come
    /// fast, which then travel many at a time. Its methods set another [number](ProcessMap::look_ahead), or the [order of
    /// completion](ProcessMap::unordered). Its `next` blocks until that result is there. A task that fails is an `Err` in its place. Dropped, it cancels what has not started.
    ///
    /// In a pool with a [`queue_limit`](ProcessPoolBuilder::queue_limit) it submits no more than has room, whatever the
    /// look-ahead: under [`Refuse`](crate::WhenFull::Refuse) as many as may wait, as all do until workers have started;
    /// under [`Block`](crate::WhenFull::Block) one more for each worker. So it does not fill the queue by itself. If others
    /// do, its next task is treated as the limit says: under `Refuse` its element is an error.
    ///
    /// ```
    /// # let pool = trine_processes::ProcessPool::new(2).unwrap();
    /// let squares: Vec<u32> = pool.map(|number: u32| number * number, 1..=4).collect::<Result<_, _>>()?;
    /// assert_eq!(squares, [1, 4, 9, 16]);
    /// # Ok::<(), trine_processes::TaskError>(())
    /// ```
    #[doc(alias = "par_iter")]
    pub fn map<F, A, R, I>(&self, function: F, arguments: I) -> ProcessMap<'_, I::IntoIter, R>
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'static,
        A: Serialize + DeserializeOwned + Send + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
        I: IntoIterator<Item = A>,
    {
        const { captures_nothing(size_of::<F>()) };
        self.map_as(function, type_name::<F>, arguments)
    }

    /// [`map`](Self::map), with what the function is called in errors.
    pub(crate) fn map_as<F, A, R, I>(&self, _: F, name: Name, arguments: I) -> ProcessMap<'_, I::IntoIter, R>
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'static,
        A: Serialize + DeserializeOwned + Send + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
        I: IntoIterator<Item = A>,
    {
        let function = Function::of::<F, A, R>(name).ok();
        let pace = Pace::new(self.workers, self.map_limit);
        ProcessMap::new(
            &self.shared,
            Names::of::<A, R>(name),
            function,
            arguments.into_iter(),
            pace,
        )
    }
}

/// Stops the compiler at a task that the worker could not know, with the place of the assertion in this file.
#[track_caller]
pub(crate) const fn captures_nothing(size: usize) {
    assert!(
        size == 0,
        "a task of a ProcessPool runs in another process, which has only what is in the program: the closure must \
         not capture anything. Give data as the argument; pass a function itself, not a pointer to it (`fn(A) -> R`)"
    );
}

impl<F, A, R> Executor<F, A> for ProcessPool
where
    F: Fn(A) -> R + Copy + Send + Sync + 'static,
    A: Serialize + DeserializeOwned + Send + 'static,
    R: Serialize + DeserializeOwned + Send + 'static,
{
    type Output = R;

    fn submit(&self, function: F, argument: A) -> Future<R> {
        Self::submit(self, function, argument)
    }

    fn map<I>(&self, function: F, arguments: I) -> impl Iterator<Item = Result<R, TaskError>>
    where
        I: IntoIterator<Item = A>,
    {
        Self::map(self, function, arguments)
    }
}

impl Pool for ProcessPool {
    fn workers(&self) -> usize {
        self.workers
    }

    fn shutdown(&self, shutdown: Shutdown) -> ShutdownReport {
        Self::shutdown(self, shutdown)
    }

    fn shutdown_timeout(&self, shutdown: Shutdown, timeout: Duration) -> ShutdownReport {
        Self::shutdown_timeout(self, shutdown, timeout)
    }
}

impl fmt::Debug for ProcessPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProcessPool")
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}
