//! A pool with other settings than the default ones.

use crate::build_error::{BuildError, Kind};
use crate::initializer::Initializer;
use crate::limit::{Limits, WhenFull};
use crate::pool::captures_nothing;
use crate::settings::{Settings, add_fair_share};
use crate::table::Rules;
use crate::task::Name;
use crate::{ProcessPool, StatefulPool, state, system};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::type_name;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use trine_future::{TaskError, note_panic_locations};
use trine_platform::{MOST_WORKERS, default_workers};

/// So many workers in a row that are gone without having run a task make a pool unhealthy, if nobody says.
const RESTART_LIMIT: u32 = 3;

/// The pools that this program has built so far.
static POOLS: AtomicU32 = AtomicU32::new(0);

/// The settings of a [`ProcessPool`] to be made, from [`ProcessPool::builder`].
///
/// ```
/// use std::sync::OnceLock;
/// use trine_processes::{ProcessPool, WhenFull};
///
/// static DICTIONARY: OnceLock<Vec<String>> = OnceLock::new();
///
/// /// Runs once in each worker.
/// fn load(words: Vec<String>) -> Result<(), String> {
///     DICTIONARY.set(words).map_err(|_| "it was loaded before".to_owned())
/// }
///
/// fn is_known(word: String) -> bool {
///     DICTIONARY.get().is_some_and(|words| words.contains(&word))
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let pool = ProcessPool::builder()
///         .workers(2)
///         .initializer(load, vec!["trine".to_owned()])
///         .max_tasks_per_worker(1000)
///         .queue_limit(100, WhenFull::Block)
///         .build()?;
///     assert!(pool.submit(is_known, "trine".to_owned()).result()?);
///     Ok(())
/// }
/// ```
#[must_use = "a builder makes a pool by `build`"]
pub struct ProcessPoolBuilder {
    workers: Option<usize>,
    initializer: Option<Result<Initializer, TaskError>>,
    tasks_per_worker: Option<u32>,
    restart_limit: u32,
    environment: Vec<(OsString, OsString)>,
    discards_stdout: bool,
    limits: Limits,
    executable: Option<PathBuf>,
    nested_levels: Option<u32>,
    in_main: bool,
}

impl ProcessPoolBuilder {
    pub(crate) fn new() -> Self {
        Self {
            workers: None,
            initializer: None,
            tasks_per_worker: None,
            restart_limit: RESTART_LIMIT,
            environment: Vec::new(),
            discards_stdout: false,
            limits: Limits::default(),
            executable: None,
            nested_levels: None,
            in_main: false,
        }
    }

    /// The number of worker processes, at least 1. They are started when there is work for them.
    ///
    /// By default what the environment variable `TRINE_WORKERS` says, else one for each processor that this process
    /// may use, by its affinity and the quota of its control group.
    #[doc(alias = "max_workers")]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// A function that each worker runs with `argument` before its first task: to load what tasks need, into statics.
    ///
    /// It is a function as a task is one, that captures nothing. If it returns an error, panics, or ends its worker, that
    /// worker counts as one that could not be started: another is started in its place, the tasks go on waiting, and
    /// [`Stats::last_failed_start`](crate::Stats::last_failed_start) has the reason. See
    /// [`restart_limit`](Self::restart_limit) for when it fails each time. It may take as long as it likes.
    pub fn initializer<F, A, E>(mut self, function: F, argument: A) -> Self
    where
        F: Fn(A) -> Result<(), E> + Copy + Send + Sync + 'static,
        A: Serialize + DeserializeOwned + Send + 'static,
        E: fmt::Display + 'static,
    {
        self.initialize(function, type_name::<F>, &argument);
        self
    }

    /// The function is known by its type; no value of it is needed.
    fn initialize<F, A, E>(&mut self, _: F, name: Name, argument: &A)
    where
        F: Fn(A) -> Result<(), E> + 'static,
        A: Serialize + DeserializeOwned + 'static,
        E: fmt::Display + 'static,
    {
        const { captures_nothing(size_of::<F>()) };
        self.initializer = Some(Initializer::new::<F, A, E>(name, argument));
    }

    /// After so many tasks, at least 1, a worker is replaced by a new one: for tasks that leak. By default never.
    #[doc(alias("max_tasks_per_child", "maxtasksperchild"))]
    pub fn max_tasks_per_worker(mut self, tasks: u32) -> Self {
        self.tasks_per_worker = Some(tasks);
        self
    }

    /// So many workers in a row, at least 1, that are gone without having run a task make the pool unhealthy: they could
    /// not be started, their initializer failed, or something killed them. By default 3.
    ///
    /// Then the tasks that wait fail, with an error that says why, unless another worker is there to run them. Each later
    /// task is worth one more attempt, and the first that a worker runs makes the pool healthy again. A worker that dies
    /// of its task does not count: no task is tried twice, so a task that crashes can't keep the pool busy.
    ///
    /// ```
    /// use trine_processes::ProcessPool;
    ///
    /// let pool = ProcessPool::builder()
    ///     .workers(1)
    ///     .initializer(|_: ()| Err::<(), _>("no dictionary"), ())
    ///     .restart_limit(1)
    ///     .build()?;
    /// let error = pool.submit(|number: u32| number, 7).result().unwrap_err();
    /// assert!(error.to_string().contains("no dictionary"));
    /// # Ok::<(), trine_processes::BuildError>(())
    /// ```
    pub fn restart_limit(mut self, workers: u32) -> Self {
        self.restart_limit = workers;
        self
    }

    /// A variable in the environment of the workers, in addition to or instead of this program's.
    ///
    /// ```
    /// use trine_processes::ProcessPool;
    ///
    /// let pool = ProcessPool::builder().workers(1).environment("COLOR", "never").build()?;
    /// let color = pool.submit(|_: ()| std::env::var("COLOR").ok(), ());
    /// assert_eq!(color.result()?.as_deref(), Some("never"));
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn environment(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// What tasks print to standard output goes nowhere, instead of to this program's standard output.
    ///
    /// ```
    /// use trine_processes::ProcessPool;
    ///
    /// let pool = ProcessPool::builder().workers(1).discard_stdout().build()?;
    /// pool.submit(|_: ()| println!("nobody reads this"), ()).result()?;
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn discard_stdout(mut self) -> Self {
        self.discards_stdout = true;
        self
    }

    /// How many tasks may wait, at least 1, and what becomes of the next one. By default there is no limit.
    ///
    /// A task counts from its submission until it is given to a worker or cancelled. (Elements of a map that is dropped count until a
    /// worker comes to them.) A [`map`](ProcessPool::map) submits no more ahead than
    /// has room; to keep all workers busy under [`Refuse`](WhenFull::Refuse) it needs a limit of at least two tasks a worker.
    ///
    /// ```
    /// use trine_processes::{ProcessPool, WhenFull};
    ///
    /// let pool = ProcessPool::builder().workers(1).queue_limit(1, WhenFull::Refuse).build()?;
    /// let futures: Vec<_> = (0..100).map(|number| pool.submit(|number: u32| number, number)).collect();
    /// for (number, future) in (0..).zip(futures) {
    ///     match future.result() {
    ///         Ok(result) => assert_eq!(result, number),
    ///         Err(error) => assert!(error.is_refused()),
    ///     }
    /// }
    /// # Ok::<(), trine_processes::BuildError>(())
    /// ```
    pub fn queue_limit(mut self, tasks: usize, when_full: WhenFull) -> Self {
        self.limits.tasks = Some((tasks, when_full));
        self
    }

    /// How many bytes the serialised arguments of the tasks that wait may have, at least 1, and what becomes of a task
    /// with more. By default there is no limit. A task that is larger than the limit has room when no other waits.
    ///
    /// A [`map`](ProcessPool::map) does not know what its next element weighs. Under [`Block`](WhenFull::Block) it waits for
    /// room; under [`Refuse`](WhenFull::Refuse) an element for which there is none is an error. With a look-ahead of 1 there is
    /// always room, if nobody else uses the pool.
    ///
    /// ```
    /// use trine_processes::{ProcessPool, WhenFull};
    ///
    /// // However many pages wait, they take no more than 64 MiB.
    /// let pool = ProcessPool::builder().workers(1).queue_limit_bytes(64 << 20, WhenFull::Block).build()?;
    /// let lengths = pool.map(|page: String| page.len(), ["a page".to_owned()]);
    /// assert_eq!(lengths.collect::<Result<Vec<_>, _>>()?, [6]);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn queue_limit_bytes(mut self, bytes: usize, when_full: WhenFull) -> Self {
        self.limits.bytes = Some((bytes, when_full));
        self
    }

    /// What is started as a worker, instead of this program's own executable as it is in memory (`/proc/self/exe`).
    ///
    /// For programs that can't be started again: where there is no `/proc`, or where the program was started by calling the
    /// dynamic loader. It has to be a copy of the same build, else each future says that it is another one. If Trine is part of a
    /// shared library, it can be any program that the library can be preloaded into.
    ///
    /// ```
    /// use trine_processes::ProcessPool;
    ///
    /// let pool = ProcessPool::builder().workers(1).worker_executable(std::env::current_exe()?).build()?;
    /// assert_eq!(pool.submit(|number: u32| number + 1, 1).result()?, 2);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn worker_executable(mut self, path: impl Into<PathBuf>) -> Self {
        self.executable = Some(path.into());
        self
    }

    /// How many levels of pools there may be below the workers of this pool. By default none: to build a pool in a task is an
    /// [error](BuildError::is_nested).
    ///
    /// With 1, tasks can build pools, and the tasks of those can't. Each pool in a task has one level less than the one
    /// whose task it is, or what its own builder says, if that is less. A pool that a task has built and that is still there when
    /// the worker ends is killed.
    ///
    /// ```
    /// use trine_processes::{ProcessPool, RemoteError};
    ///
    /// fn double(number: u32) -> u32 {
    ///     2 * number
    /// }
    ///
    /// fn double_all(numbers: Vec<u32>) -> Result<Vec<u32>, RemoteError> {
    ///     let pool = ProcessPool::new(2)?;
    ///     Ok(pool.map(double, numbers).collect::<Result<_, _>>()?)
    /// }
    ///
    /// let pool = ProcessPool::builder().workers(1).nested_levels(1).build()?;
    /// assert_eq!(pool.submit(double_all, vec![1, 2, 3]).result()??, [2, 4, 6]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn nested_levels(mut self, levels: u32) -> Self {
        self.nested_levels = Some(levels);
        self
    }

    /// Has the workers run the program's `main` up to where it calls [`enter_worker`](crate::enter_worker), instead of serving before
    /// it.
    ///
    /// For tasks that need what runs before `main`, above all static initialisers of C++: some of them may run after the place where
    /// a worker usually enters, because their order is the linker's. A program that never calls it would run `main` as a
    /// worker; so such a worker is killed after 10 seconds, and the futures say that it was not ready. It can't build
    /// pools.
    ///
    /// ```
    /// use trine_processes::ProcessPool;
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     trine_processes::enter_worker();
    ///     let pool = ProcessPool::builder().workers(1).enter_in_main().build()?;
    ///     assert_eq!(pool.submit(|number: u32| number + 1, 1).result()?, 2);
    ///     Ok(())
    /// }
    /// ```
    pub fn enter_in_main(mut self) -> Self {
        self.in_main = true;
        self
    }

    /// Builds the pool. No process is started before there is a task.
    ///
    /// # Errors
    ///
    /// If a number is 0 that has to be at least 1, or there are more than 65,535 workers; if the initializer's argument can't be
    /// serialised; if `TRINE_WORKERS` is set and is not a number from 1 on; in a process that is itself a worker, unless its pool has
    /// [nested levels](Self::nested_levels); on systems other than Linux, in a program that runs with raised rights, or where
    /// `TRINE_PROCESSES` is `off`; if the system refuses a thread or a descriptor.
    pub fn build(self) -> Result<ProcessPool, BuildError> {
        let levels = system::check(self.nested_levels).map_err(BuildError::new)?;
        // Also in a pool whose number of workers is given: what they share depends on it.
        let threads = default_workers().map_err(|value| BuildError::new(Kind::Environment(value)))?;
        let workers = self.workers.unwrap_or(threads);
        if workers == 0 {
            return Err(BuildError::new(Kind::NoWorkers));
        }
        if workers > MOST_WORKERS {
            return Err(BuildError::new(Kind::TooManyWorkers(workers)));
        }
        let limits = [self.limits.tasks, self.limits.bytes].map(|limit| limit.map(|(limit, _)| limit));
        if limits.contains(&Some(0)) || self.tasks_per_worker == Some(0) || self.restart_limit == 0 {
            return Err(BuildError::new(Kind::Zero));
        }
        let initializer = self
            .initializer
            .transpose()
            .map_err(|error| BuildError::new(Kind::Initializer(error)))?;
        let mut environment = self.environment;
        add_fair_share(&mut environment, threads, workers);
        let rules = Rules {
            limits: self.limits,
            tasks_per_worker: self.tasks_per_worker,
            restart_limit: self.restart_limit,
        };
        note_panic_locations();
        // ORDERING: Relaxed: only the number itself matters.
        let pool = POOLS.fetch_add(1, Relaxed) + 1;
        let settings = Settings {
            pool,
            environment,
            discards_stdout: self.discards_stdout,
            forwarder: Arc::default(),
            initializer,
            executable: self.executable,
            levels,
            in_main: self.in_main,
        };
        ProcessPool::start(workers, rules, settings)
    }
}

impl ProcessPoolBuilder {
    /// Builds a pool each of whose workers has a state that its tasks are given: see [`StatefulPool`].
    ///
    /// `function` makes the state of a worker of `argument`, before the first task. It takes the place of the
    /// [`initializer`](Self::initializer), and what is said there about failures holds for it.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    ///
    /// ```
    /// use trine_processes::ProcessPool;
    ///
    /// let pool = ProcessPool::builder().workers(1).build_with_state(|start: u32| Ok::<u32, String>(start), 40)?;
    /// let next = |count: &mut u32, _: ()| {
    ///     *count += 1;
    ///     *count
    /// };
    /// assert_eq!(pool.submit(next, ()).result()?, 41);
    /// assert_eq!(pool.submit(next, ()).result()?, 42);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn build_with_state<F, A, S, E>(
        mut self,
        function: F,
        argument: A,
    ) -> Result<StatefulPool<S>, BuildError>
    where
        F: Fn(A) -> Result<S, E> + Copy + Send + Sync + 'static,
        A: Serialize + DeserializeOwned + Send + 'static,
        S: 'static,
        E: fmt::Display + 'static,
    {
        // It captures the function, which is as good as nothing.
        let make_state = move |argument| function(argument).map(state::set);
        self.initialize(make_state, type_name::<F>, &argument);
        self.build().map(StatefulPool::new)
    }
}

impl fmt::Debug for ProcessPoolBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProcessPoolBuilder")
            .field("workers", &self.workers)
            .field("tasks_per_worker", &self.tasks_per_worker)
            .field("restart_limit", &self.restart_limit)
            .field("environment", &self.environment)
            .field("discards_stdout", &self.discards_stdout)
            .field("limits", &self.limits)
            .field("executable", &self.executable)
            .field("nested_levels", &self.nested_levels)
            .field("in_main", &self.in_main)
            .finish_non_exhaustive()
    }
}
