//! What has happened in a pool so far, in numbers that only grow.

/// How the tasks of a pool have ended so far. Each counts up, and a task is counted once.
///
/// ```
/// use trine_processes::{ProcessPool, TaskCounts};
///
/// let pool = ProcessPool::new(1)?;
/// pool.submit(|number: u32| number, 7).result()?;
/// let TaskCounts { submitted, answered, lost, .. } = pool.stats().tasks;
/// assert_eq!((submitted, answered, lost), (1, 1, 0));
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskCounts {
    /// Tasks that the pool has accepted.
    pub submitted: u64,
    /// Tasks that a worker has answered: with a value, a panic, or something that can't be serialised.
    pub answered: u64,
    /// Tasks that were running when their worker died.
    pub lost: u64,
    /// Tasks that were stopped because their time was over.
    pub timed_out: u64,
    /// Tasks that were stopped because they were cancelled, or the pool was killed.
    pub killed: u64,
    /// Tasks that were cancelled before they ran, by their future or by the end of the pool.
    pub cancelled: u64,
    /// Tasks that failed before they ran, because no worker could be started.
    pub failed: u64,
}

/// The tasks of a pool at one moment.
pub(crate) struct Tally {
    pub(crate) counts: TaskCounts,
    pub(crate) running: usize,
    pub(crate) queued: usize,
}

impl TaskCounts {
    /// Tasks that have ended.
    pub(crate) fn ended(&self) -> u64 {
        self.ran() + self.never_ran()
    }

    /// Tasks that have ended in a worker.
    pub(crate) fn ran(&self) -> u64 {
        self.answered + self.lost + self.timed_out + self.killed
    }

    /// Tasks that have ended before they ran.
    pub(crate) fn never_ran(&self) -> u64 {
        self.cancelled + self.failed
    }
}

/// Why the workers of a pool were replaced, or would have been, so far. Each counts up.
///
/// ```
/// use trine_processes::{ProcessPool, WorkerCounts};
///
/// let pool = ProcessPool::builder().workers(1).max_tasks_per_worker(1).build()?;
/// for number in 0..3 {
///     pool.submit(|number: u32| number, number).result()?;
/// }
/// let WorkerCounts { started, crashed, .. } = pool.stats().restarts;
/// assert_eq!((started, crashed), (3, 0));
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerCounts {
    /// Workers that were started: that got as far as waiting for tasks.
    pub started: u64,
    /// Workers that could not be started, or whose initializer failed.
    pub failed_starts: u64,
    /// Workers that died while they ran a task.
    pub crashed: u64,
    /// Workers that died while they had nothing to do, for instance because somebody killed them.
    pub died_idle: u64,
    /// Workers that were killed because their task's time was over.
    pub timed_out: u64,
    /// Workers that were killed because their task was cancelled, or the pool was killed.
    pub killed: u64,
    /// Workers that ended because they had run as many tasks as a worker may.
    pub retired: u64,
}
