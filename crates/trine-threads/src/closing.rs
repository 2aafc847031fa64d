//! How a pool ends: it is closed, its threads end once they find no task, and what comes too late is refused.
//!
//! # No task is left behind
//!
//! A pool has queues, and threads that take tasks from them. Closing it sets the phase. A thread that sees the phase
//! looks at the queues once more, and ends if they are empty. So far it is simple, and leaves a gap: a submitter that
//! saw the pool open (O) may push its task (P) at any time later, also after the last thread has looked. Nobody would
//! take that task, and whoever waits for its future would wait for ever. Both sides close the gap together:
//!
//! - A submitter that has pushed passes a SeqCst fence (F1), and reads the number of threads (L). If it is zero, it
//!   empties the queues itself: every task in them is refused.
//! - A thread that ends lowers the number (E). The one that brings it to zero passes a SeqCst fence (F2), and empties
//!   the queues in the same way (Q).
//!
//! Claim: when the last thread has ended and the submitter has returned, the task was run, cancelled or refused.
//!
//! - If a thread takes the task, it runs or cancels it.
//! - Else the task stays in the queue until somebody empties that. Take the fences in their one order. If F1 precedes
//!   F2, then P, which precedes F1, is seen by Q, which follows F2: the last thread refuses it. If F2 precedes F1, then
//!   E is seen by L, which reads zero: the submitter refuses it.
//! - Both may empty the queues at once. Each task is taken out once, so it is refused once.
//!
//! That the number does not rise again after zero is what makes "the last thread" a word: a thread is started by the
//! one who makes the pool, before anybody can submit or close, or by a thread of the pool, which is counted itself until
//! it ends (a spare, while its starter sleeps).
//!
//! A task that a thread of the pool pushes into its own deque needs none of this: that thread is alive, and takes it
//! before it ends. It reads L all the same, because it is one load.
//!
//! # What a spare has pushed is run
//!
//! A spare that is told to leave does not look for tasks again, and what it has pushed may have come after the other
//! threads looked for the last time. It must not be refused: some of it, like the next turn of a map, was there before the
//! pool was closed. So threads at work are counted apart from those that are alive. The one that brings that number to
//! zero sees what all those before it have pushed, by the chain of read-modify-writes, and runs what is left.
//!
//! What the submitter reads at O orders nothing. It only makes refusing cheap: once a close is seen, nothing is pushed.
//! The phase only grows, from open to draining to cancelling, so a late `Drain` does not bring back what an earlier
//! `CancelQueued` has given up.
//!
//! Whoever waits until the number is zero sees everything that the threads did: each lowers it with Release, and the
//! chain of read-modify-writes carries that on to the Acquire of the one who reads zero.
//!
//! The models are in `models/closing.rs`. The queues there are a counter, and the pushing and the emptying are the
//! closures that `admit` and `thread_ends` are given here too; the rest is what ships.

use trine_future::Shutdown;
use trine_platform::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};
use trine_platform::atomic::{AtomicU32, fence};
use trine_platform::{Deadline, Futex};

const OPEN: u32 = 0;
const DRAINING: u32 = 1;
const CANCELLING: u32 = 2;

/// How far a pool is on its way to its end.
pub(crate) struct Closing {
    /// `OPEN`, `DRAINING` or `CANCELLING`: it only grows.
    phase: AtomicU32,
    /// The number of threads that have not ended.
    live: Futex,
    /// The number of those that take tasks.
    at_work: AtomicU32,
}

impl Closing {
    pub(crate) fn new() -> Self {
        Self {
            phase: AtomicU32::new(OPEN),
            live: Futex::new(0),
            at_work: AtomicU32::new(0),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        // ORDERING: Acquire, because what the closing thread did may matter to what a refused caller does next.
        self.phase.load(Acquire) != OPEN
    }

    /// Whether queued tasks are to be cancelled instead of run.
    pub(crate) fn is_cancelling(&self) -> bool {
        // ORDERING: Relaxed. A task that is run a moment after the call is one that was running before it.
        self.phase.load(Relaxed) == CANCELLING
    }

    /// From here on tasks are refused, and threads end once they find no task. The caller wakes those that sleep.
    pub(crate) fn close(&self, shutdown: Shutdown) {
        let phase = match shutdown {
            Shutdown::Drain => DRAINING,
            Shutdown::CancelQueued => CANCELLING,
        };
        // ORDERING: AcqRel pairs with the Acquire of `is_closed`.
        let _ = self
            .phase
            .fetch_update(AcqRel, Relaxed, |now| Some(now.max(phase)));
    }

    /// Lets a task in by `push`, which ends with a SeqCst fence (F1). Gives the task back if the pool is closed.
    /// `refuse_queued` empties the queues.
    pub(crate) fn admit<T>(
        &self,
        task: T,
        push: impl FnOnce(T),
        refuse_queued: impl FnOnce(),
    ) -> Result<(), T> {
        if self.is_closed() {
            return Err(task);
        }
        push(task);
        // ORDERING: L of the argument above. Acquire pairs with the Release of `thread_ends`.
        if self.live.word().load(Acquire) == 0 {
            refuse_queued();
        }
        Ok(())
    }

    /// A thread is about to be started.
    pub(crate) fn thread_starts(&self) {
        // ORDERING: Relaxed. Whoever starts a thread keeps the count above zero meanwhile, or owns the pool.
        self.live.word().fetch_add(1, Relaxed);
    }

    /// The calling thread takes tasks from here on.
    pub(crate) fn starts_work(&self) {
        // ORDERING: Relaxed. What counts is who stops last, and this thread stops after this.
        self.at_work.fetch_add(1, Relaxed);
    }

    /// The calling thread would take no more tasks. True if it is the last one: it has to run what is left.
    #[must_use]
    pub(crate) fn stops_work(&self) -> bool {
        // ORDERING: AcqRel, so that the last one sees what the others have pushed.
        self.at_work.fetch_sub(1, AcqRel) == 1
    }

    /// A thread has ended, or could not be started. The last one empties the queues, by `refuse_queued`.
    pub(crate) fn thread_ends(&self, refuse_queued: impl FnOnce()) {
        // ORDERING: E of the argument above. AcqRel, so that whoever reads zero sees what all the threads did.
        if self.live.word().fetch_sub(1, AcqRel) == 1 {
            // ORDERING: F2.
            fence(SeqCst);
            refuse_queued();
            self.live.wake_all();
        }
    }

    /// Waits until every thread has ended. False if `deadline` passes first.
    pub(crate) fn wait_for_threads(&self, deadline: Option<&Deadline>) -> bool {
        wait_for_zero(&self.live, deadline)
    }
}

/// Waits until the word reads zero, when whoever changes it to zero wakes all. False if `deadline` passes first.
pub(crate) fn wait_for_zero(futex: &Futex, deadline: Option<&Deadline>) -> bool {
    loop {
        // ORDERING: Acquire pairs with the Release of each of those who lower the word.
        let value = futex.word().load(Acquire);
        if value == 0 {
            return true;
        }
        match deadline {
            None => futex.wait(value),
            Some(deadline) => {
                if futex.wait_until(value, deadline).is_err() {
                    // ORDERING: as above.
                    return futex.word().load(Acquire) == 0;
                }
            }
        }
    }
}
