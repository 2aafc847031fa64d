//! A pool with other settings than the default ones.

use crate::blocked::name_blocking_waits;
use crate::limit::{Limit, WhenFull};
use crate::open_tasks::OpenTasks;
use crate::shared::Shared;
use crate::shutdown::thread_starts;
use crate::{AsyncPool, BuildError};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use tokio::runtime::{Builder, Handle, Runtime};
use trine_future::{Failure, FailureHook, note_panic_locations, report_failure};
use trine_platform::{HomeProcess, MOST_WORKERS, default_workers};

/// The settings of an [`AsyncPool`] to be made, from [`AsyncPool::builder`].
///
/// ```
/// use trine_async::{AsyncPool, WhenFull};
///
/// let pool = AsyncPool::builder()
///     .workers(2)
///     .name("fetch")
///     .in_flight_limit(1000, WhenFull::Block)
///     .build()?;
/// let name = pool.spawn(async { std::thread::current().name().map(str::to_owned) });
/// assert_eq!(name.result()?.as_deref(), Some("fetch"));
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[must_use = "a builder makes a pool by `build`"]
pub struct AsyncPoolBuilder {
    workers: Option<usize>,
    name: Option<String>,
    in_flight_limit: Option<(usize, WhenFull)>,
    failed_unseen: Arc<AtomicUsize>,
    failure_hook: FailureHook,
}

impl AsyncPoolBuilder {
    pub(crate) fn new() -> Self {
        let failed_unseen = Arc::new(AtomicUsize::new(0));
        Self {
            workers: None,
            name: None,
            in_flight_limit: None,
            failure_hook: counting(&failed_unseen, report_failure),
            failed_unseen,
        }
    }

    /// The number of threads that run tasks, at least 1. One is enough for tasks that mostly wait, however many.
    ///
    /// By default what the environment variable [`TRINE_WORKERS`](trine_platform::WORKERS_VARIABLE) says, else one for
    /// each CPU that this process may use, by its affinity and the quota of its cgroup (v1 or v2).
    #[doc(alias("worker_threads", "max_workers"))]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// What the threads are called. By default `trine-async`.
    #[doc(alias = "thread_name")]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How many tasks may be in flight, at least 1, and what becomes of the next one. By default there is no limit.
    ///
    /// A task counts from its submission until it has ended, whether it runs or not. One that is cancelled while it runs ends when
    /// the runtime drops it, a moment after its future is done. A [`map`](AsyncPool::map) never takes more places than there are.
    ///
    /// ```
    /// use trine_async::{AsyncPool, WhenFull};
    ///
    /// let pool = AsyncPool::builder().workers(1).in_flight_limit(1, WhenFull::Refuse).build()?;
    /// let endless = pool.spawn(std::future::pending::<()>());
    /// assert!(pool.spawn(async { 1 }).result().unwrap_err().is_refused());
    /// endless.cancel();
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias("semaphore", "concurrency_limit", "queue_limit"))]
    pub fn in_flight_limit(mut self, tasks: usize, when_full: WhenFull) -> Self {
        self.in_flight_limit = Some((tasks, when_full));
        self
    }

    /// A function that is told of failures of this pool's tasks that nobody saw, in the place of that of
    /// [`set_failure_hook`](trine_future::set_failure_hook): a task panicked and its future was dropped with the panic in
    /// it, or a task that was cancelled panicked while it was dropped.
    ///
    /// It runs on the thread that meets the failure, which need not be one of the pool.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use trine_async::AsyncPool;
    ///
    /// let (sender, failures) = mpsc::channel();
    /// let pool = AsyncPool::builder()
    ///     .workers(1)
    ///     .failure_hook(move |failure| drop(sender.send(failure.to_string())))
    ///     .build()?;
    /// drop(pool.spawn(async { panic!("out of paper") }));
    /// assert!(failures.recv()?.contains("out of paper"));
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn failure_hook(mut self, hook: impl Fn(&Failure) + Send + Sync + 'static) -> Self {
        self.failure_hook = counting(&self.failed_unseen, hook);
        self
    }

    /// Starts the pool, with a runtime of its own.
    ///
    /// The runtime has timers; sockets if the program enables tokio's feature `net`.
    ///
    /// # Errors
    ///
    /// If the settings make no sense (no workers or more than 65,535, a limit of 0, a name with a zero byte, a
    /// [variable](trine_platform::WORKERS_VARIABLE) that is not a number), or the system refuses what the runtime needs.
    ///
    /// # Panics
    ///
    /// Tokio panics if the system refuses a thread.
    pub fn build(self) -> Result<AsyncPool, BuildError> {
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
        let name = self.name.clone().unwrap_or_else(|| "trine-async".to_owned());
        if name.contains('\0') {
            return Err(BuildError::name(name));
        }
        let home = self.check()?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(workers)
            .thread_name(name.clone())
            .on_thread_start(thread_starts)
            .enable_all()
            .build()
            .map_err(BuildError::runtime)?;
        Ok(self.build_on(name, home, runtime.handle().clone(), Some(runtime)))
    }

    /// A pool on the tokio runtime that this is called in. See [`AsyncPool::current`].
    ///
    /// # Errors
    ///
    /// Outside of a runtime. If the limit is 0, or a number of workers or a name was set: the runtime has its threads.
    ///
    /// ```
    /// use trine_async::{AsyncPool, WhenFull};
    ///
    /// #[tokio::main(flavor = "current_thread")]
    /// async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    ///     let pool = AsyncPool::builder().in_flight_limit(10, WhenFull::Refuse).build_on_current()?;
    ///     assert_eq!(pool.spawn(async { 1 + 1 }).await?, 2);
    ///     Ok(())
    /// }
    /// ```
    pub fn build_on_current(self) -> Result<AsyncPool, BuildError> {
        let handle = Handle::try_current().map_err(|_| BuildError::no_runtime())?;
        if self.workers.is_some() || self.name.is_some() {
            return Err(BuildError::threads_of_another());
        }
        let home = self.check()?;
        Ok(self.build_on("the current runtime".to_owned(), home, handle, None))
    }

    /// What can be wrong with every pool.
    fn check(&self) -> Result<HomeProcess, BuildError> {
        match self.in_flight_limit {
            Some((0, _)) => Err(BuildError::no_room()),
            _ => HomeProcess::current().map_err(BuildError::fork_handler),
        }
    }

    fn build_on(
        self,
        name: String,
        home: HomeProcess,
        runtime: Handle,
        own_runtime: Option<Runtime>,
    ) -> AsyncPool {
        name_blocking_waits();
        note_panic_locations();
        let shared = Shared {
            name,
            tasks: OpenTasks::new(),
            runtime,
            limit: self
                .in_flight_limit
                .map(|(tasks, when_full)| Limit::new(tasks, when_full)),
            failure_hook: self.failure_hook,
            failed_unseen: self.failed_unseen,
            home,
        };
        AsyncPool::over(shared, own_runtime)
    }
}

fn counting(
    failed_unseen: &Arc<AtomicUsize>,
    hook: impl Fn(&Failure) + Send + Sync + 'static,
) -> FailureHook {
    let failed_unseen = Arc::clone(failed_unseen);
    Arc::new(move |failure| {
        if matches!(failure, Failure::Unseen(_)) {
            // ORDERING: Relaxed. It is a number.
            failed_unseen.fetch_add(1, Relaxed);
        }
        hook(failure);
    })
}

impl fmt::Debug for AsyncPoolBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AsyncPoolBuilder")
            .field("workers", &self.workers)
            .field("name", &self.name)
            .field("in_flight_limit", &self.in_flight_limit)
            .finish_non_exhaustive()
    }
}
