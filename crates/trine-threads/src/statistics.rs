//! What a pool has done so far.
//!
//! Each thread counts for itself, on a cache line of its own, with plain loads and stores: there is no read-modify-write
//! a task, and nothing is shared until somebody asks. Whoever asks adds the threads' counts up, under the lock that a
//! thread takes when it starts and when it ends, so that one which ends is counted once.

use std::sync::Arc;
use trine_future::{Outcome, ShutdownReport};
use trine_lock::Lock;
use trine_platform::atomic::AtomicUsize;
use trine_platform::atomic::Ordering::{Acquire, Relaxed, Release};

/// What a pool is doing, and has done, at one moment: [`ThreadPool::stats`](crate::ThreadPool::stats).
///
/// The first four fields say what there is now. The others count from the start of the pool, and never fall. Fields
/// are read one after the other while the pool goes on, so a sum of them may be off by what happened meanwhile.
///
/// A task is counted when it is taken out of its queue. So one that was cancelled, or that was run early by the task
/// that waited for it, may be counted as queued for some time. A caller who runs a task itself
/// ([`WhenFull::RunInCaller`](crate::WhenFull)) is not counted. A map counts as the tasks that it takes, each of which may
/// run many elements.
///
/// ```
/// use trine_threads::{Stats, ThreadPool};
///
/// let pool = ThreadPool::new(2)?;
/// let Stats { workers, queued, failed_unseen, .. } = pool.stats();
/// assert_eq!((workers, queued, failed_unseen), (2, 0, 0));
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The workers of the pool, as it was made with.
    pub workers: usize,
    /// Spare threads, which stand in for workers that sleep in a wait.
    pub spares: usize,
    /// Tasks that workers and spares run. Those that wait for another task are among them.
    pub running: usize,
    /// Tasks in the queues.
    pub queued: usize,
    /// Tasks that ended with a value. An `Err` that the task returned is one.
    pub done: usize,
    /// Tasks that panicked.
    pub failed: usize,
    /// Tasks that panicked, and whose future was dropped with the panic in it. Also those of `inlined`.
    pub failed_unseen: usize,
    /// Tasks that were cancelled, by their future or by the end of the pool.
    pub cancelled: usize,
    /// Tasks that were run by another task, the one that waited for them, before their turn. However they ended.
    pub inlined: usize,
    /// Tasks that a worker took from another one.
    pub stolen: usize,
}

impl Stats {
    /// How many tasks have run.
    pub(crate) fn ran(&self) -> usize {
        self.done + self.failed + self.inlined
    }

    pub(crate) fn report_since(&self, before: &Self) -> ShutdownReport {
        ShutdownReport {
            ran: self.ran() - before.ran(),
            cancelled: self.cancelled - before.cancelled,
            running: self.running,
            queued: self.queued,
        }
    }
}

/// The counters of one thread. Aligned, so that no two threads write to one cache line, or to two that the processor
/// fetches together.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Counters {
    taken: AtomicUsize,
    done: AtomicUsize,
    failed: AtomicUsize,
    cancelled: AtomicUsize,
    inlined: AtomicUsize,
    stolen: AtomicUsize,
}

/// Only the counter's own thread calls this.
fn raise(counter: &AtomicUsize) {
    // ORDERING: Release, so that whoever sees that a task has ended sees that it was taken. The load is the thread's own.
    counter.store(counter.load(Relaxed) + 1, Release);
}

// ORDERING: for `Counters`: Acquire pairs with the Release of `raise`.
impl Counters {
    pub(crate) fn task_taken(&self) {
        raise(&self.taken);
    }

    /// `outcome` is what `Task::run` says.
    pub(crate) fn task_ended(&self, outcome: Option<Outcome>) {
        raise(match outcome {
            Some(Outcome::Done) => &self.done,
            Some(Outcome::Failed) => &self.failed,
            Some(Outcome::Cancelled) => &self.cancelled,
            None => &self.inlined,
        });
    }

    pub(crate) fn task_stolen(&self) {
        raise(&self.stolen);
    }

    fn add_to(&self, stats: &mut Stats) {
        let done = self.done.load(Acquire);
        let failed = self.failed.load(Acquire);
        let cancelled = self.cancelled.load(Acquire);
        let inlined = self.inlined.load(Acquire);
        // Last, so that it is not less than what has ended.
        let taken = self.taken.load(Acquire);
        stats.running += taken - (done + failed + cancelled + inlined);
        stats.done += done;
        stats.failed += failed;
        stats.cancelled += cancelled;
        stats.inlined += inlined;
        stats.stolen += self.stolen.load(Acquire);
    }
}

/// The counters of a pool's threads.
pub(crate) struct Statistics {
    threads: Lock<Threads>,
    failed_unseen: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Threads {
    alive: Vec<Arc<Counters>>,
    /// What those counted that have ended.
    ended: Stats,
}

impl Statistics {
    pub(crate) fn new(failed_unseen: Arc<AtomicUsize>) -> Self {
        Self {
            threads: Lock::new(Threads::default()),
            failed_unseen,
        }
    }

    /// The counters of a thread that starts.
    pub(crate) fn thread_starts(&self) -> Arc<Counters> {
        let counters = Arc::new(Counters::default());
        self.threads.lock().alive.push(Arc::clone(&counters));
        counters
    }

    pub(crate) fn thread_ends(&self, counters: &Arc<Counters>) {
        let mut threads = self.threads.lock();
        threads.alive.retain(|alive| !Arc::ptr_eq(alive, counters));
        counters.add_to(&mut threads.ended);
    }

    /// A task was taken out of the queue by a thread that does not count: one that shuts the pool down.
    pub(crate) fn task_ended_in_the_queue(&self, outcome: Option<Outcome>) {
        let ended = &mut self.threads.lock().ended;
        match outcome {
            Some(_) => ended.cancelled += 1,
            None => ended.inlined += 1,
        }
    }

    /// The sums, without what only the pool knows.
    pub(crate) fn sum(&self) -> Stats {
        let mut stats = {
            let threads = self.threads.lock();
            let mut stats = threads.ended;
            for counters in &threads.alive {
                counters.add_to(&mut stats);
            }
            stats
        };
        // ORDERING: Relaxed. It is a number.
        stats.failed_unseen = self.failed_unseen.load(Relaxed);
        stats
    }
}
