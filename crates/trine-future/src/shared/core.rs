//! What the handles of a shared future share.
//!
//! The future is *held* while somebody looks into its block: by its task until it has ended, and for a moment by a
//! handle that cancels or runs it. The last one to let go takes the result out of the future and publishes it. So
//! nobody looks into a block that is gone, and no lock is held while user code runs.

use crate::block::{BlockPointer, Side};
use crate::failure::{self, Failure};
use crate::owner::{Drive, Owner, Waiting};
use crate::waiter::{Callback, Callbacks, Waiter};
use crate::work::Work;
use crate::{Future, Outcome, Task, TaskError, catch_panic, deferred};
use std::mem::ManuallyDrop;
use std::sync::Arc;
use trine_lock::Lock;
use trine_platform::UnsafeCell;
use trine_platform::atomic::AtomicU32;
use trine_platform::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// In `Core::state`: how the task ended, 0 before that.
const OUTCOME: u32 = 0b11;
/// In `Core::state`: one who holds the future. The rest of the word counts them.
const HOLDER: u32 = 0b100;

/// What waits for the result.
struct Queue {
    /// One for each wait. Waits are futures of their own, so that they block, are awaited and time out as those do.
    turns: Vec<Task>,
    /// Those that lend the result have the core. It has them no longer than the task takes.
    callbacks: Callbacks,
}

/// The shared part.
pub(super) struct Core<T> {
    state: AtomicU32,
    /// The task. Alive as long as `state` says nothing of its end.
    task: BlockPointer,
    /// Read by those who hold it, taken by the last one.
    future: UnsafeCell<Option<Future<T>>>,
    /// Written by the one who took the future, read by everybody once `is_published`.
    result: UnsafeCell<Option<Result<T, TaskError>>>,
    is_published: AtomicU32,
    /// Somebody was lent the result, so a failure is no news.
    is_seen: AtomicU32,
    /// Nothing once the result is published.
    queue: Lock<Option<Queue>>,
    /// What waits have ended with instead of the result. Lent like that, so none is dropped before the core.
    #[expect(clippy::vec_box, reason = "what is lent must not move when the list grows")]
    deadlocks: Lock<Vec<Box<TaskError>>>,
}

// SAFETY: the future is only ever shared as what is atomic in it, or owned by the last holder; the result is shared
// after it was published. Lending it needs `T: Sync`, and dropping it on another thread needs `T: Send`.
unsafe impl<T: Send + Sync> Sync for Core<T> {}

impl<T: Send + Sync + 'static> Core<T> {
    pub(super) fn new(mut future: Future<T>) -> Arc<Self> {
        let queue = Queue {
            turns: Vec::new(),
            callbacks: future.take_callbacks(),
        };
        // SAFETY: this is the future.
        let task = unsafe { future.block().deciding() };
        // The core owns the future now. This stands in for its holder until the task has been told of the core.
        let mut holder = ManuallyDrop::new(Future::<T>::new(future.block()));
        let core = Arc::new(Self {
            state: AtomicU32::new(HOLDER),
            task,
            future: UnsafeCell::new(Some(future)),
            result: UnsafeCell::new(None),
            is_published: AtomicU32::new(0),
            is_seen: AtomicU32::new(0),
            queue: Lock::new(Some(queue)),
            deadlocks: Lock::new(Vec::new()),
        });
        let told = Arc::clone(&core);
        let end: Callback = Box::new(move |outcome| told.end(outcome));
        if !holder.watch_by(|| Waiter::Shared(Box::new(end))) {
            core.end(holder.outcome());
        }
        core
    }

    /// A future that is done as soon as the result can be lent.
    pub(super) fn turn(self: &Arc<Self>) -> Future<()> {
        self.enqueue(Turn(Arc::clone(self)))
    }

    /// A future that is done as soon as the result can be lent, and makes a clone of it when it is taken.
    pub(super) fn copy(self: &Arc<Self>) -> Future<T>
    where
        T: Clone,
    {
        self.enqueue(Copy(Arc::clone(self)))
    }

    fn enqueue<U: Send>(self: &Arc<Self>, work: impl Work<U>) -> Future<U> {
        let (turn, future) = Task::lazy(work, Follows(Arc::clone(self)));
        let mut queue = self.queue.lock();
        if let Some(Queue { turns, .. }) = &mut *queue {
            if turns.len() == turns.capacity() {
                // Waits that were given up go before the list grows, so it is not much longer than the rest of them.
                turns.retain(Task::is_wanted);
                turns.reserve(turns.len() + 1);
            }
            turns.push(turn);
        } else {
            drop(queue);
            turn.end_lazily(self.outcome().expect("it has ended"));
        }
        future
    }

    /// Calls `callback` when the task has ended: at once, if it has.
    pub(super) fn call_at_end(
        self: &Arc<Self>,
        callback: impl FnOnce(Result<&T, &TaskError>) + Send + 'static,
    ) {
        if let Some(waiting) = &mut *self.queue.lock() {
            let core = Arc::clone(self);
            let callback = move |_| callback(core.lend().expect("it has ended"));
            waiting.callbacks.0.push(Box::new(callback));
            return;
        }
        failure::contain(|| callback(self.lend().expect("it has ended")));
    }

    /// As `BlockPointer::cancel`.
    pub(super) fn cancel(&self) -> bool {
        let Some(held) = self.hold() else {
            return self.outcome() == Some(Outcome::Cancelled);
        };
        // SAFETY: the future's side of the block is alive while it is held.
        let (cancelled, slot) = unsafe { held.future().block().cancel_untold(Side::Future) };
        if cancelled {
            // Somebody else may have cancelled it a moment ago, and the core has not been told yet.
            self.note(Outcome::Cancelled);
        }
        // Before the others are told, who wait until nobody holds the future.
        drop(held);
        slot.notify(Outcome::Cancelled);
        cancelled
    }
}

impl<T> Core<T> {
    /// The result, if it has been published.
    pub(super) fn lend(&self) -> Option<Result<&T, &TaskError>> {
        // ORDERING: Acquire pairs with the Release of `publish`.
        if self.is_published.load(Acquire) == 0 {
            return None;
        }
        // SAFETY: a published result is not written to any more.
        let result = self.result.with(|result| unsafe { &*result }).as_ref()?.as_ref();
        if result.is_err() {
            // ORDERING: Relaxed. Only the drop of the core asks, which happens after everything else.
            self.is_seen.store(1, Relaxed);
        }
        Some(result)
    }

    /// Lends a deadlock to the wait that it has ended.
    pub(super) fn lend_deadlock(&self, deadlock: TaskError) -> &TaskError {
        let mut deadlocks = self.deadlocks.lock();
        let place = deadlocks.len();
        deadlocks.push(Box::new(deadlock));
        // Not before the box is in its place: to move a box is to say that nobody else has a pointer into it.
        let lent = &raw const *deadlocks[place];
        // SAFETY: the list only grows while there is a core, the boxes stay where they are, and nobody changes them.
        unsafe { &*lent }
    }

    fn unended_task(&self) -> Option<BlockPointer> {
        self.outcome().is_none().then_some(self.task)
    }

    pub(super) fn outcome(&self) -> Option<Outcome> {
        // ORDERING: Acquire pairs with the Release of `note`, as `State::load` does for a future.
        outcome_of(self.state.load(Acquire))
    }

    /// As `BlockPointer::request_cancel`.
    pub(super) fn request_cancel(&self) -> bool {
        // SAFETY: the future's side of the block is alive while it is held.
        self.hold()
            .is_some_and(|held| unsafe { held.future().block().request_cancel() })
    }

    pub(super) fn is_running(&self) -> bool {
        self.hold().is_some_and(|held| held.future().is_running())
    }

    /// Keeps the future from being taken. Nothing once its task has ended.
    fn hold(&self) -> Option<Held<'_, T>> {
        // ORDERING: Relaxed. The future was there before the core was shared, and is until this is let go.
        self.state
            .fetch_update(Relaxed, Relaxed, |state| {
                outcome_of(state).is_none().then_some(state + HOLDER)
            })
            .is_ok()
            .then(|| Held(self))
    }

    /// The task has ended, and lets go of the future.
    fn end(&self, outcome: Outcome) {
        self.note(outcome);
        drop(Held(self));
    }

    /// Notes how the task ended, if that has not been done.
    fn note(&self, outcome: Outcome) {
        let code = match outcome {
            Outcome::Done => 1,
            Outcome::Failed => 2,
            Outcome::Cancelled => 3,
        };
        // ORDERING: Release pairs with the Acquire of `outcome`.
        let _ = self.state.fetch_update(Release, Relaxed, |state| {
            outcome_of(state).is_none().then_some(state | code)
        });
    }

    /// Takes the result out of the future, and tells everybody. Nobody holds the future any more.
    fn publish(&self) {
        // SAFETY: nobody holds the future, and nobody will, because its task has ended.
        let future = self.future.with_mut(|future| unsafe { &mut *future }.take());
        let result = future.map(Future::take_ended);
        // SAFETY: nobody reads the result before it is published.
        self.result.with_mut(|place| unsafe { *place = result });
        // ORDERING: Release pairs with the Acquire of `lend`.
        self.is_published.store(1, Release);
        let waiting = self.queue.lock().take();
        let Some(Queue { turns, callbacks }) = waiting else {
            return;
        };
        let outcome = self.outcome().expect("it has ended");
        for turn in turns {
            turn.end_lazily(outcome);
        }
        if !callbacks.0.is_empty() {
            deferred::call(callbacks, outcome);
        }
    }
}

fn outcome_of(state: u32) -> Option<Outcome> {
    match state & OUTCOME {
        0 => None,
        1 => Some(Outcome::Done),
        2 => Some(Outcome::Failed),
        _ => Some(Outcome::Cancelled),
    }
}

impl<T> Drop for Core<T> {
    fn drop(&mut self) {
        let result = std::mem::replace(&mut self.result, UnsafeCell::new(None)).into_inner();
        // ORDERING: Relaxed. The last handle is gone, and with it everything that could have been before this.
        let is_seen = self.is_seen.load(Relaxed) == 1;
        // PANIC: the destructor of the value is the user's code, and the last handle may be the task's own.
        failure::contain(|| match result {
            Some(Err(error)) if !is_seen && error.is_worth_reporting() => {
                failure::report(&Failure::Unseen(error));
            }
            result => drop(result),
        });
    }
}

/// The right to look into the future.
struct Held<'a, T>(&'a Core<T>);

impl<T> Held<'_, T> {
    fn future(&self) -> &Future<T> {
        // SAFETY: the future is not taken while it is held.
        let future = self.0.future.with(|future| unsafe { &*future });
        future.as_ref().expect("a future that is held is there")
    }
}

impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        // ORDERING: AcqRel. Release so that the last one's taking follows our looking, Acquire so that ours, if we
        // are the last, follows the others'.
        let before = self.0.state.fetch_sub(HOLDER, AcqRel);
        if before & !OUTCOME == HOLDER {
            self.0.publish();
        }
    }
}

/// The work of a turn: none, it is for the time at which it ends.
struct Turn<T>(Arc<Core<T>>);

impl<T: Send + Sync> Work<()> for Turn<T> {
    const IS_TURN: bool = true;

    fn perform(self) -> Result<(), TaskError> {
        Ok(())
    }

    fn turn_of(&self) -> Option<BlockPointer> {
        self.0.unended_task()
    }
}

/// The work of a turn that gives a clone of the result.
struct Copy<T>(Arc<Core<T>>);

impl<T: Clone + Send + Sync> Work<T> for Copy<T> {
    const IS_TURN: bool = true;

    fn perform(self) -> Result<T, TaskError> {
        let value = self.0.lend().expect("it has ended").map_err(TaskError::clone)?;
        // PANIC: `clone` is the user's code.
        catch_panic(|| value.clone()).map_err(TaskError::panicked)
    }

    fn turn_of(&self) -> Option<BlockPointer> {
        self.0.unended_task()
    }
}

/// The owner of the turns: a thread that waits for its turn drives the task that all wait for.
struct Follows<T>(Arc<Core<T>>);

impl<T: Send + Sync + 'static> Owner for Follows<T> {
    fn drive(&self, waiting: Waiting<'_>) -> Drive {
        if let Some(held) = self.0.hold() {
            // SAFETY: the future is held.
            unsafe { held.future().block().drive(waiting) };
        }
        Drive::Sleep
    }
}
