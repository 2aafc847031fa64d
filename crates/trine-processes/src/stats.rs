//! A look inside a pool.

use crate::counts::{TaskCounts, WorkerCounts};
use std::time::Duration;

/// What a pool is doing, and has done, at one moment: [`ProcessPool::stats`](crate::ProcessPool::stats).
///
/// All of it but the memory is read at once: the tasks that were submitted are those that are queued, that run, and that have ended in
/// the ways that [`TaskCounts`] tells apart. In a process that was forked off the one that has the pool there is nothing to see.
///
/// ```
/// use trine_processes::{ProcessPool, WorkerState};
///
/// let pool = ProcessPool::new(2)?;
/// pool.submit(|number: u32| number, 7).result()?;
/// let stats = pool.stats();
/// assert!(stats.healthy, "no worker can be started: {:?}", stats.last_failed_start);
/// for worker in stats.workers {
///     match worker.state {
///         WorkerState::Absent => println!("not needed yet"),
///         state => println!("{:?} {state:?}, {} tasks, {:?} bytes", worker.pid, worker.tasks, worker.memory),
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The workers, as many as the pool has at most.
    pub workers: Vec<WorkerStats>,
    /// Tasks that wait for a worker.
    pub queued: usize,
    /// The serialised arguments of those tasks, in bytes.
    pub queued_bytes: usize,
    /// False after as many workers in a row as the pool's
    /// [restart limit](crate::ProcessPoolBuilder::restart_limit) are gone without having run a task, until one runs one.
    pub healthy: bool,
    /// Why the last worker that could not be started could not.
    pub last_failed_start: Option<String>,
    /// How tasks have ended.
    pub tasks: TaskCounts,
    /// Why workers were started and replaced.
    pub restarts: WorkerCounts,
}

/// What a worker of a pool is doing.
///
/// ```
/// use trine_processes::{ProcessPool, WorkerStats};
///
/// let pool = ProcessPool::new(1)?;
/// let pid = pool.submit(|_: ()| std::process::id(), ()).result()?;
/// let worker: &WorkerStats = &pool.stats().workers[0];
/// assert_eq!((worker.pid, worker.tasks), (Some(pid), 1));
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerStats {
    /// The process id. `None` if there is no process: none is needed yet, or the last one has ended.
    pub pid: Option<u32>,
    /// What it does.
    pub state: WorkerState,
    /// How long ago the process was started.
    pub age: Option<Duration>,
    /// The tasks that the process has answered. 0 if there is no process.
    pub tasks: u32,
    /// The memory that the process has in use, in bytes (its resident set: what it shares with others counts in full).
    /// `None` also where the system does not say.
    pub memory: Option<u64>,
}

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerState {
    /// There is no process. One is started when there is work for it.
    Absent,
    /// The process is being started, or runs the initializer.
    Starting,
    /// The process waits for a task.
    Idle,
    /// The process runs a task.
    Running,
    /// The process ends: its task was stopped, or it has run as many tasks as it may.
    Ending,
}
