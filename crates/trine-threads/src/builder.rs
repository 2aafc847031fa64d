//! A pool with other settings than the default ones.

use crate::initializer::Initializer;
use crate::limit::{Limit, WhenFull};
use crate::queues::Queues;
use crate::settings::Settings;
use crate::sleep::MOST_THREADS;
use crate::spares::SPARES;
use crate::worker;
use crate::{BuildError, ThreadPool};
use crossbeam_deque::Worker as Deque;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use trine_future::{Failure, note_panic_locations};
use trine_platform::{HomeProcess, default_workers};

/// Workers and spares are counted together by what makes them sleep.
pub(crate) const MOST_WORKERS: usize = (MOST_THREADS - SPARES) as usize;

/// The settings of a [`ThreadPool`] to be made, from [`ThreadPool::builder`].
///
/// ```
/// use trine_threads::{ThreadPool, WhenFull};
///
/// let pool = ThreadPool::builder()
///     .workers(2)
///     .name("resize")
///     .queue_limit(1000, WhenFull::Block)
///     .build()?;
/// let name = pool.spawn(|| std::thread::current().name().map(str::to_owned));
/// assert!(name.result()?.unwrap().starts_with("resize-"));
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[must_use = "a builder makes a pool by `build`"]
pub struct ThreadPoolBuilder {
    workers: Option<usize>,
    queue_limit: Option<(usize, WhenFull)>,
    settings: Settings,
}

impl ThreadPoolBuilder {
    pub(crate) fn new() -> Self {
        Self {
            workers: None,
            queue_limit: None,
            settings: Settings::new(),
        }
    }

    /// The number of threads that run tasks, at least 1 and at most 32,703.
    ///
    /// By default what the environment variable [`TRINE_WORKERS`](crate::WORKERS_VARIABLE) says, else one for each CPU that this
    /// process may use, by its affinity and the quota of its cgroup (v1 or v2).
    #[doc(alias("max_workers", "num_threads"))]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// What the threads are called: `<name>-0`, `<name>-1`, and `<name>-spare`. By default `trine-<number of the pool>`.
    #[doc(alias("thread_name_prefix"))]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.name = name.into();
        self
    }

    /// The size of the threads' stacks, in bytes. By default that of std: 2 MiB, or what the variable `RUST_MIN_STACK` says when
    /// the builder is made.
    ///
    /// ```
    /// use trine_threads::ThreadPool;
    ///
    /// let pool = ThreadPool::builder().workers(1).stack_size(16 << 20).build()?;
    /// let deep = pool.spawn(|| std::hint::black_box(&[0_u8; 4 << 20]).len());
    /// assert_eq!(deep.result()?, 4 << 20);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.settings.stack_size = bytes;
        self
    }

    /// A function that each thread of the pool runs before its first task, the spare ones too.
    ///
    /// [`build`](Self::build) waits until all workers have run it. If it fails or panics on one of them, that is the error
    /// of `build`, and there is no pool: so where there is a pool, all its workers are initialised, and no task is lost.
    /// A spare thread on which it fails takes no tasks, and the failure hook is told: the wait that it was started for goes
    /// on without a spare, so a worker less runs tasks until that is over.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use trine_threads::ThreadPool;
    ///
    /// thread_local!(static SEED: Cell<u64> = const { Cell::new(0) });
    ///
    /// let pool = ThreadPool::builder()
    ///     .workers(2)
    ///     .initializer(|| {
    ///         SEED.set(42);
    ///         Ok(())
    ///     })
    ///     .build()?;
    /// assert_eq!(pool.spawn(|| SEED.get()).result()?, 42);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias("start_handler", "on_thread_start"))]
    pub fn initializer(
        mut self,
        initializer: impl Fn() -> Result<(), Box<dyn Error + Send + Sync>> + Send + Sync + 'static,
    ) -> Self {
        self.settings.initializer = Some(Initializer::new(initializer));
        self
    }

    /// How many tasks may be queued, at least 1, and what becomes of the next one. By default there is no limit.
    ///
    /// A task counts from its submission until it starts or is cancelled; those that run don't count. Nor do the elements of a
    /// map, which is lazy, joins and scopes, whose callers wait. What a cancelled task has captured is dropped at once, but some memory is
    /// kept for it until a thread comes to its place in the queue: so there may be more of that than the limit says.
    ///
    /// ```
    /// use trine_threads::{ThreadPool, WhenFull};
    ///
    /// let pool = ThreadPool::builder().workers(1).queue_limit(1, WhenFull::Refuse).build()?;
    /// let futures: Vec<_> = (0..100).map(|number| pool.spawn(move || number)).collect();
    /// for (number, future) in futures.into_iter().enumerate() {
    ///     match future.result() {
    ///         Ok(result) => assert_eq!(result, number),
    ///         Err(error) => assert!(error.is_refused()),
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn queue_limit(mut self, tasks: usize, when_full: WhenFull) -> Self {
        self.queue_limit = Some((tasks, when_full));
        self
    }

    /// A function that is told of failures in this pool that nobody saw, in the place of that of
    /// [`set_failure_hook`](trine_future::set_failure_hook): a task panicked and its future was dropped with the panic in
    /// it, a callback or a destructor panicked on a thread of the pool, an initializer failed on a spare thread.
    ///
    /// It runs on the thread that meets the failure, which need not be one of the pool. A task that was refused is none of
    /// the pool's: if nobody sees that, the program's hook hears of it.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use trine_threads::ThreadPool;
    ///
    /// let (sender, failures) = mpsc::channel();
    /// let pool = ThreadPool::builder()
    ///     .failure_hook(move |failure| drop(sender.send(failure.to_string())))
    ///     .build()?;
    /// drop(pool.spawn(|| panic!("out of paper")));
    /// assert!(failures.recv()?.contains("out of paper"));
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn failure_hook(mut self, hook: impl Fn(&Failure) + Send + Sync + 'static) -> Self {
        self.settings.set_failure_hook(hook);
        self
    }

    /// Starts the pool. Blocks until the initializer has run on each worker, if there is one.
    ///
    /// # Errors
    ///
    /// If the settings make no sense (no workers or too many, a limit of 0, a name with a zero byte, a [variable](crate::WORKERS_VARIABLE)
    /// that is not a number), if the system refuses a thread, or if the initializer fails.
    pub fn build(self) -> Result<ThreadPool, BuildError> {
        let workers = match self.workers {
            Some(workers) => workers,
            None => default_workers().map_err(BuildError::environment)?,
        };
        if workers == 0 {
            return Err(BuildError::no_workers());
        }
        if workers > MOST_WORKERS {
            return Err(BuildError::too_many_workers(workers));
        }
        if self.queue_limit.is_some_and(|(tasks, _)| tasks == 0) {
            return Err(BuildError::no_room());
        }
        if self.settings.name.contains('\0') {
            return Err(BuildError::name(self.settings.name));
        }
        let home = HomeProcess::current().map_err(BuildError::fork_handler)?;
        let limit = self
            .queue_limit
            .map(|(tasks, when_full)| (Limit::new(tasks), when_full));
        let deques: Vec<_> = (0..workers).map(|_| Deque::new_lifo()).collect();
        let queues = Arc::new(Queues::new(&deques, self.settings, limit, home));
        note_panic_locations();
        // Before the first thread, so that an error below ends and joins those that have started.
        let pool = ThreadPool::over(queues);
        let mut starting = Vec::new();
        for (number, deque) in deques.into_iter().enumerate() {
            starting.push(worker::start(pool.queues(), number, deque).map_err(BuildError::thread)?);
        }
        if pool.queues().settings.initializer.is_some() {
            for initialized in starting {
                let initialized = initialized
                    .result()
                    .expect("a thread says how it was initialised");
                initialized.map_err(BuildError::initializer)?;
            }
        }
        Ok(pool)
    }
}

impl fmt::Debug for ThreadPoolBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ThreadPoolBuilder")
            .field("workers", &self.workers)
            .field("name", &self.settings.name)
            .field("stack_size", &self.settings.stack_size)
            .field("queue_limit", &self.queue_limit)
            .finish_non_exhaustive()
    }
}
