//! What the threads of a pool share: the queues, and how the pool ends.

use crate::sleep::Sleep;
use crate::spares::Spares;
use crate::stacks::Stacks;
use crossbeam_deque::{Injector, Steal, Stealer, Worker as Deque};
use std::thread::JoinHandle;
use trine_future::{Shutdown, Task, TaskError};
use trine_lock::Lock;
use trine_platform::Futex;
use trine_platform::atomic::AtomicU32;
use trine_platform::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};
use trine_platform::atomic::fence;

const OPEN: u32 = 0;
const DRAINING: u32 = 1;
const CANCELLING: u32 = 2;

/// The shared part of a pool.
pub(crate) struct Queues {
    /// Tasks from outside, the oldest first.
    injector: Injector<Task>,
    /// The workers' own tasks, as others see them.
    stealers: Box<[Stealer<Task>]>,
    /// What borrows: halves of joins and tasks of scopes.
    pub(crate) stacks: Stacks,
    pub(crate) sleep: Sleep,
    pub(crate) spares: Spares,
    /// `OPEN`, `DRAINING` or `CANCELLING`: it only grows.
    phase: AtomicU32,
    /// The number of threads that have not ended.
    live: Futex,
    /// The threads to be joined. A lock, because it is touched only when a thread starts and when the pool ends.
    threads: Lock<Vec<JoinHandle<()>>>,
    /// The number of this pool in the names of its threads.
    pub(crate) number: u32,
}

impl Queues {
    pub(crate) fn new(deques: &[Deque<Task>]) -> Self {
        static POOLS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        Self {
            injector: Injector::new(),
            stealers: deques.iter().map(Deque::stealer).collect(),
            stacks: Stacks::new(deques.len()),
            sleep: Sleep::new(),
            spares: Spares::new(),
            phase: AtomicU32::new(OPEN),
            live: Futex::new(0),
            threads: Lock::new(Vec::new()),
            number: POOLS.fetch_add(1, Relaxed),
        }
    }

    pub(crate) fn workers(&self) -> usize {
        self.stealers.len()
    }

    /// Queues a task: in `own`, if the caller is a worker of this pool, else for all. A pool that has been shut down
    /// refuses it.
    pub(crate) fn push(&self, task: Task, own: Option<&Deque<Task>>) {
        if self.is_closed() {
            task.fail(refused());
            return;
        }
        match own {
            Some(deque) => deque.push(task),
            None => self.injector.push(task),
        }
        // Passes a SeqCst fence, which the next line needs as well.
        self.sleep.notify();
        // ORDERING: the last thread ends (`thread_ended`), passes a fence, and empties the queue. Either it sees
        // this task, or this sees that it has ended.
        if self.live.word().load(Acquire) == 0 {
            self.refuse_queued();
        }
    }

    /// Takes a task from outside, and some more into `own`.
    pub(crate) fn take_injected(&self, own: Option<&Deque<Task>>) -> Option<Task> {
        if self.injector.is_empty() {
            return None;
        }
        retry(|| match own {
            Some(deque) => self.injector.steal_batch_and_pop(deque),
            None => self.injector.steal(),
        })
    }

    /// Takes a task of another worker than the one with this number, beginning with its neighbour.
    pub(crate) fn steal(&self, thief: usize) -> Option<Task> {
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

    /// Whether there is neither a task nor the end of the pool to act on.
    pub(crate) fn nothing_to_do(&self) -> bool {
        !self.is_closed()
            && self.injector.is_empty()
            && self.stealers.iter().all(Stealer::is_empty)
            && self.stacks.are_empty()
    }

    pub(crate) fn is_closed(&self) -> bool {
        // ORDERING: Acquire, because what the closing thread did may matter to what a refused caller does next.
        self.phase.load(Acquire) != OPEN
    }

    /// Whether queued tasks are to be dropped instead of run.
    pub(crate) fn is_cancelling(&self) -> bool {
        // ORDERING: Relaxed. A task that is run a moment after the call is one that was running before it.
        self.phase.load(Relaxed) == CANCELLING
    }

    /// From here on tasks are refused, and threads end once they find no task.
    pub(crate) fn close(&self, shutdown: Shutdown) {
        let phase = match shutdown {
            Shutdown::Drain => DRAINING,
            Shutdown::CancelQueued => CANCELLING,
        };
        // ORDERING: AcqRel pairs with the Acquire of `is_closed`. A shutdown never takes back an earlier one.
        let _ = self
            .phase
            .fetch_update(AcqRel, Relaxed, |now| Some(now.max(phase)));
        self.sleep.notify_all();
    }

    /// A thread is about to be started.
    pub(crate) fn thread_starts(&self) {
        // ORDERING: Relaxed. Whoever starts a thread keeps the count above zero meanwhile, or owns the pool.
        self.live.word().fetch_add(1, Relaxed);
    }

    /// A thread was started: it will be joined.
    pub(crate) fn thread_started(&self, thread: JoinHandle<()>) {
        let ended: Vec<_> = {
            let mut threads = self.threads.lock();
            let ended = threads.extract_if(.., |thread| thread.is_finished()).collect();
            threads.push(thread);
            ended
        };
        ended.into_iter().for_each(join);
    }

    /// A thread has ended, or could not be started. The last one refuses what came too late to be run.
    pub(crate) fn thread_ended(&self) {
        // ORDERING: AcqRel, so that whoever reads zero sees everything that the threads did.
        if self.live.word().fetch_sub(1, AcqRel) == 1 {
            // ORDERING: pairs with the fence in `push`.
            fence(SeqCst);
            self.refuse_queued();
            self.live.wake_all();
        }
    }

    /// Waits until every thread has ended. Blocks.
    pub(crate) fn join_threads(&self) {
        loop {
            // Not in the condition of the loop: the lock would be held while joining.
            let thread = self.threads.lock().pop();
            match thread {
                Some(thread) => join(thread),
                None => break,
            }
        }
        // Another caller may be joining the rest.
        loop {
            // ORDERING: Acquire pairs with the Release of `thread_ended`.
            let live = self.live.word().load(Acquire);
            if live == 0 {
                return;
            }
            self.live.wait(live);
        }
    }

    fn refuse_queued(&self) {
        while let Some(task) = self.take_injected(None) {
            task.fail(refused());
        }
    }
}

fn refused() -> TaskError {
    TaskError::refused("the thread pool was shut down")
}

/// A thread of the pool catches every panic of the user's code, so there is none to pass on.
fn join(thread: JoinHandle<()>) {
    let _ = thread.join();
}

fn retry(mut steal: impl FnMut() -> Steal<Task>) -> Option<Task> {
    loop {
        match steal() {
            Steal::Success(task) => return Some(task),
            Steal::Empty => return None,
            // Somebody else was faster; that one made progress.
            Steal::Retry => trine_platform::spin_loop(),
        }
    }
}
