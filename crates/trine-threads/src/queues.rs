//! What the threads of a pool share.

use crate::closing::Closing;
use crate::lanes::Lanes;
use crate::limit::{Limit, Place, WhenFull};
use crate::priority::Priority;
use crate::queued::Queued;
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::sleep::Sleep;
use crate::spares::Spares;
use crate::stacks::Stacks;
use crate::statistics::{Statistics, Stats};
use crate::sweep::Sweeps;
use crate::threads::Threads;
use crossbeam_deque::{Injector, Steal, Stealer, Worker as Deque};
use std::any::type_name_of_val;
use std::sync::Arc;
use trine_future::{Shutdown, TaskError, TaskSpan, while_blocked};
use trine_platform::{Deadline, HomeProcess};

/// The shared part of a pool.
pub(crate) struct Queues {
    /// Tasks from outside, the oldest first.
    injector: Injector<Queued>,
    /// The workers' own tasks, as others see them.
    stealers: Box<[Stealer<Queued>]>,
    /// Tasks that come before or after all of these.
    pub(crate) lanes: Lanes,
    /// How many tasks may be in the queues, and what becomes of the next one.
    pub(crate) limit: Option<(Arc<Limit>, WhenFull)>,
    /// What borrows: halves of joins and tasks of scopes.
    pub(crate) stacks: Stacks,
    pub(crate) sleep: Sleep,
    pub(crate) spares: Spares,
    pub(crate) closing: Closing,
    sweeps: Sweeps,
    pub(crate) threads: Threads,
    pub(crate) statistics: Statistics,
    pub(crate) settings: Settings,
    pub(crate) home: HomeProcess,
}

impl Queues {
    pub(crate) fn new(
        deques: &[Deque<Queued>],
        settings: Settings,
        limit: Option<(Arc<Limit>, WhenFull)>,
        home: HomeProcess,
    ) -> Self {
        Self {
            injector: Injector::new(),
            stealers: deques.iter().map(Deque::stealer).collect(),
            lanes: Lanes::new(),
            limit,
            stacks: Stacks::new(deques.len()),
            sleep: Sleep::new(),
            spares: Spares::new(settings.initializer.is_some()),
            closing: Closing::new(),
            sweeps: Sweeps::new(),
            threads: Threads::new(home),
            statistics: Statistics::new(Arc::clone(&settings.failed_unseen)),
            settings,
            home,
        }
    }

    pub(crate) fn workers(&self) -> usize {
        self.stealers.len()
    }

    /// The span of a task that is submitted in `parent`, and is to call `function`.
    #[inline]
    pub(crate) fn span<F>(&self, parent: &TaskSpan, function: &F) -> TaskSpan {
        parent.child("threads", &self.settings.name, type_name_of_val(function))
    }

    /// Why the pool takes no task, whatever the limit says.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        if !self.home.is_here() {
            Some(Refusal::Forked)
        } else if self.closing.is_closed() {
            Some(Refusal::ShutDown)
        } else {
            None
        }
    }

    /// What becomes of the elements of a map whose turn the pool drops.
    pub(crate) fn dropped(&self) -> TaskError {
        if self.closing.is_cancelling() {
            TaskError::cancelled()
        } else {
            Refusal::ShutDown.into()
        }
    }

    /// A place in the queues for one task, if they have a limit.
    pub(crate) fn try_enter(&self) -> Result<Option<Place>, Refusal> {
        match (self.refusal(), &self.limit) {
            (Some(refusal), _) => Err(refusal),
            (None, None) => Ok(None),
            (None, Some((limit, _))) => limit
                .try_take()
                .map(Some)
                .ok_or_else(|| Refusal::Full(limit.places())),
        }
    }

    /// Queues a task: in `own`, if the caller is a worker of this pool, else for all. A pool that has been shut down
    /// refuses it.
    pub(crate) fn push(&self, task: Queued, own: Option<&Deque<Queued>>) {
        self.admit(task, |task| match own {
            Some(deque) => deque.push(task),
            None => self.injector.push(task),
        });
    }

    /// Queues a task that has another priority than normal, in the same way.
    pub(crate) fn push_into_lane(&self, task: Queued, priority: Priority) {
        self.admit(task, |task| self.lanes.push(task, priority));
    }

    fn admit(&self, task: Queued, push: impl FnOnce(Queued)) {
        if !self.home.is_here() {
            task.fail(Refusal::Forked.into());
            return;
        }
        let push = |task| {
            push(task);
            // Passes the fence that `admit` asks for.
            self.sleep.notify();
        };
        if let Err(task) = self.closing.admit(task, push, || self.refuse_queued()) {
            task.fail(Refusal::ShutDown.into());
        }
    }

    /// Queues a task for all, from a thread of this pool: also when the pool has been shut down, because that thread looks
    /// for tasks again before it ends.
    pub(crate) fn push_from_thread(&self, task: Queued) {
        self.injector.push(task);
        self.sleep.notify();
    }

    /// How many tasks from outside nobody has taken.
    pub(crate) fn injected(&self) -> usize {
        self.injector.len()
    }

    /// Takes a task from outside, and some more into `own`.
    pub(crate) fn take_injected(&self, own: Option<&Deque<Queued>>) -> Option<Queued> {
        if self.injector.is_empty() {
            return None;
        }
        retry(|| match own {
            Some(deque) => self.injector.steal_batch_and_pop(deque),
            None => self.injector.steal(),
        })
    }

    /// Takes a task of another worker than the one with this number, beginning with its neighbour.
    pub(crate) fn steal(&self, thief: usize) -> Option<Queued> {
        let workers = self.workers();
        (1..=workers).find_map(|distance| {
            let victim = &self.stealers[(thief + distance) % workers];
            if victim.is_empty() {
                None
            } else {
                retry(|| victim.steal())
            }
        })
    }

    /// Takes the oldest task of the worker with this number.
    pub(crate) fn take_oldest(&self, worker: usize) -> Option<Queued> {
        retry(|| self.stealers[worker].steal())
    }

    /// Whether there is neither a task nor the end of the pool to act on.
    pub(crate) fn nothing_to_do(&self) -> bool {
        !self.closing.is_closed()
            && self.injector.is_empty()
            && self.stealers.iter().all(Stealer::is_empty)
            && self.lanes.is_empty()
            && self.stacks.are_empty()
    }

    /// From here on tasks are refused, and threads end once they find no task.
    pub(crate) fn close(&self, shutdown: Shutdown) {
        self.closing.close(shutdown);
        if let Some((limit, _)) = &self.limit {
            limit.close();
        }
        self.sleep.notify_all();
        if shutdown == Shutdown::CancelQueued {
            self.sweeps.wait();
            // Here too, and not only where workers come to them: these may be busy for ever.
            while let Some(task) = self.take_any() {
                self.statistics.task_ended_in_the_queue(task.cancel());
            }
        }
    }

    /// Calls `sweep`, which takes tasks out of a queue for a moment and runs no code of users, unless the pool is closed.
    pub(crate) fn sweep(&self, sweep: impl FnOnce()) {
        self.sweeps.unless(|| self.closing.is_closed(), sweep);
    }

    /// A thread has ended, or could not be started. The last one refuses what came too late to be run.
    pub(crate) fn thread_ended(&self) {
        self.closing.thread_ends(|| self.refuse_queued());
    }

    /// Waits for the end of the threads, and joins them. Returns when `deadline` passes, whatever there is still. A thread
    /// of another pool gets a spare in its place meanwhile.
    pub(crate) fn join(&self, deadline: Option<&Deadline>) {
        // Who does not wait is not told of as one that blocks.
        if self.threads.are_joined() || deadline.is_some_and(Deadline::has_passed) {
            return;
        }
        while_blocked(|| {
            if self.closing.wait_for_threads(deadline) {
                self.threads.join_all(deadline);
            }
        });
    }

    fn refuse_queued(&self) {
        while let Some(task) = self.take_any() {
            task.fail(Refusal::ShutDown.into());
        }
    }

    /// Takes a task from wherever there is one, for a thread that will not run it.
    fn take_any(&self) -> Option<Queued> {
        self.take_injected(None)
            .or_else(|| self.lanes.take_first())
            .or_else(|| self.lanes.take_background())
            .or_else(|| self.steal(0))
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            workers: self.workers(),
            spares: self.spares.number(),
            queued: self.injector.len()
                + self.stealers.iter().map(Stealer::len).sum::<usize>()
                + self.lanes.len(),
            ..self.statistics.sum()
        }
    }
}

pub(crate) fn retry(mut steal: impl FnMut() -> Steal<Queued>) -> Option<Queued> {
    loop {
        match steal() {
            Steal::Success(task) => return Some(task),
            Steal::Empty => return None,
            // Somebody else was faster; that one made progress.
            Steal::Retry => trine_platform::spin_loop(),
        }
    }
}
