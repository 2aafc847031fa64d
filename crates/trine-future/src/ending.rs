//! How a task ends, and who frees its block.

use crate::block::{BlockPointer, Header, Side, Stored, TaskResult};
use crate::failure::{self, Failure};
use crate::snapshot::{Phase, Snapshot};
use crate::{Outcome, TaskError, memory};
use std::convert::identity;
use std::mem::{ManuallyDrop, MaybeUninit};
use trine_platform::prefetch_for_write;

/// Ends a task with `result`, and tells whoever waits. Gives the result back if the task had been cancelled.
///
/// # Safety
///
/// The caller has claimed the task or holds its promise, is on `side` of it, and does not use the block after this
/// if that is the producer's. `T` is the task's type.
#[inline]
pub(crate) unsafe fn finish<T>(
    block: BlockPointer,
    result: TaskResult<T>,
    side: Side,
) -> Result<(), TaskResult<T>> {
    if side == Side::Alone {
        drop_unseen(result);
        // SAFETY: nobody else knows the block.
        unsafe { block.free() };
        return Ok(());
    }
    let (phase, result) = match result {
        Ok(value) => {
            let value = ManuallyDrop::new(value);
            (Phase::Done, Stored { value })
        }
        Err(error) => {
            let error = ManuallyDrop::new(error);
            (Phase::Failed, Stored { error })
        }
    };
    // SAFETY: the result's place is the caller's before the end (R3).
    unsafe { block.store(result) };
    // SAFETY: passed on to the caller; the result is in the block.
    unsafe { finish_stored(block, phase, side) }
}

/// Drops a result that nobody will take, and reports it if it is a failure.
#[inline]
pub(crate) fn drop_unseen<T>(result: TaskResult<T>) {
    // PANIC: the destructors of the value and of an error's cause are the user's code; the block still has to be let
    // go of.
    match result {
        Ok(value) if std::mem::needs_drop::<T>() => failure::contain(|| drop(value)),
        Ok(_) => {}
        Err(error) => drop_error(error),
    }
}

#[cold]
fn drop_error(error: TaskError) {
    failure::contain(|| {
        if error.is_worth_reporting() {
            failure::report(&Failure::Unseen(error));
        }
    });
}

/// `finish` with the value of a promise.
///
/// # Safety
///
/// As for `finish`, on the producer's side.
#[inline]
pub(crate) unsafe fn complete<T>(block: BlockPointer, value: T) -> Result<(), TaskResult<T>> {
    // If the line is in another processor's cache it is fetched once, not first to read the state and again to change it.
    // SAFETY: the block is alive, because the caller has a side of it.
    prefetch_for_write(&unsafe { block.header() }.state);
    let value = ManuallyDrop::new(value);
    // SAFETY: the result's place is the caller's before the end (R3).
    unsafe { block.store(Stored { value }) };
    // SAFETY: passed on to the caller; the result is in the block.
    unsafe { finish_stored(block, Phase::Done, Side::Producer) }
}

/// # Safety
///
/// As for `finish`, and the result stands in the block.
#[inline]
unsafe fn finish_stored<T>(block: BlockPointer, phase: Phase, side: Side) -> Result<(), TaskResult<T>> {
    // SAFETY: the block is alive, because the caller has a side of it.
    let state = &unsafe { block.header() }.state;
    if side == Side::Producer && state.complete_unobserved(phase) {
        return Ok(());
    }
    // SAFETY: passed on to the caller.
    unsafe { finish_observed(block, phase, side) }
}

/// The rest of `finish_stored`, if somebody waits for the end, or nobody is interested in it any more.
///
/// # Safety
///
/// As for `finish_stored`.
#[cold]
unsafe fn finish_observed<T>(block: BlockPointer, phase: Phase, side: Side) -> Result<(), TaskResult<T>> {
    // SAFETY: passed on to the caller.
    if unsafe { block.end(phase, false, side) } {
        return Ok(());
    }
    // SAFETY: nobody reads the result of a cancelled task, so it is still the caller's.
    let result = unsafe { block.take_result::<T, _>(phase, identity) };
    if side == Side::Producer {
        // SAFETY: the caller's side ends here.
        unsafe { block.release_producer() };
    }
    Err(result)
}

impl BlockPointer {
    /// Makes the lazy result of an ended task.
    ///
    /// # Safety
    ///
    /// There is one, and it is the caller's (R4). `T` is the task's type.
    pub(crate) unsafe fn resolve<T>(self) -> TaskResult<T> {
        let mut result = MaybeUninit::<TaskResult<T>>::uninit();
        // SAFETY: the block is alive, because the caller has a side of it.
        let vtable = unsafe { self.header() }.vtable;
        // SAFETY: passed on to the caller; the place fits.
        unsafe { (vtable.resolve)(self, result.as_mut_ptr().cast()) };
        // SAFETY: `resolve` has written it.
        unsafe { result.assume_init() }
    }

    /// Performs the work of a task that the caller has claimed, and completes it.
    ///
    /// # Safety
    ///
    /// The caller has claimed the task and is on `side`; it does not use the block after this if that is the
    /// producer's.
    pub(crate) unsafe fn run(self, side: Side) -> Outcome {
        // SAFETY: the block is alive, because the caller has a side of it.
        let vtable = unsafe { self.header() }.vtable;
        // SAFETY: passed on to the caller.
        unsafe { (vtable.run)(self, side) }
    }

    /// Fails a task that the caller has claimed as the producer, without running it.
    ///
    /// # Safety
    ///
    /// The caller has claimed the task, and does not use the block after this.
    pub(crate) unsafe fn fail(self, error: TaskError) {
        // SAFETY: the block is alive, because the caller has a side of it.
        let vtable = unsafe { self.header() }.vtable;
        // SAFETY: the caller has claimed the task (R4).
        unsafe { (vtable.drop_work)(self) };
        // SAFETY: passed on to the caller.
        unsafe { (vtable.fail)(self, error, Side::Producer) };
    }

    /// Ends the task, lets go of the producer's side, if the caller is on that, and tells whoever waits. False if it had ended, by a
    /// cancellation: nothing has happened.
    ///
    /// # Safety
    ///
    /// The caller has claimed the task or is on the producer's side, and the result is in the block, or, if it is lazy, what it will be
    /// made of. If this is true it does not use the block after it on the producer's side.
    unsafe fn end(self, phase: Phase, lazy: bool, side: Side) -> bool {
        // SAFETY: passed on to the caller.
        if side == Side::Producer && unsafe { self.end_watched(phase, lazy) } {
            return true;
        }
        // SAFETY: the caller has a side of the block.
        let state = &unsafe { self.header() }.state;
        let Ok(before) = state.complete(phase, lazy, side == Side::Producer) else {
            return false;
        };
        // SAFETY: this call has ended the task.
        unsafe { self.ended(before, phase, lazy, side) };
        true
    }

    /// `end` for the producer of a task that somebody watches, with a single change of the state. False if nobody does, the slot
    /// was taken back before, the future has gone, or another thread has changed the state meanwhile: nothing has happened.
    ///
    /// # Safety
    ///
    /// As for `end`.
    #[inline]
    unsafe fn end_watched(self, phase: Phase, lazy: bool) -> bool {
        // SAFETY: the caller has a side of the block.
        let Header { state, slot, .. } = unsafe { self.header() };
        let before = state.load();
        let Some(after) = before.complete_watched(phase, lazy) else {
            return false;
        };
        let slot = slot.glance();
        if !state.complete_watched(before, after) {
            return false;
        }
        // From here on the block may be gone.
        // SAFETY: the state has not changed between `before` and `after`, so what was given was there and whole, and this call has
        // ended the task, so it is the caller's (R2).
        unsafe { slot.into_slot(before) }.notify(Outcome::of(phase));
        true
    }

    /// Everything that follows a completion: drops a result that has become nobody's, lets go of the producer's
    /// side, and tells whoever waits.
    ///
    /// # Safety
    ///
    /// The caller has just ended the task from `before` to `phase` on `side`.
    unsafe fn ended(self, before: Snapshot, phase: Phase, lazy: bool, side: Side) {
        if !before.has_future() {
            // SAFETY: the future had gone, so the result is the completer's (R3).
            unsafe { self.discard(phase, lazy) };
        }
        if before.is_watched() {
            // SAFETY: the task was watched, so the slot is the completer's (R2).
            let slot = unsafe { self.take_slot(before) };
            if side == Side::Producer {
                // SAFETY: `complete` has left the producer's side alive, because the task was watched.
                unsafe { self.release_producer() };
            }
            // From here on the block may be gone.
            slot.notify(Outcome::of(phase));
        } else if side == Side::Producer && !before.has_future() {
            // SAFETY: `complete` has let go of the producer's side, and the future had gone before.
            unsafe { self.free() };
        }
    }

    /// Ends a task whose result will be made by the one who takes it, out of the work. Nothing happens if it was
    /// cancelled.
    ///
    /// # Safety
    ///
    /// The caller has the producer's side of a task that nobody has claimed, and does not use it after this.
    pub(crate) unsafe fn finish_lazy(self, phase: Phase) {
        // SAFETY: passed on to the caller.
        if !unsafe { self.end(phase, true, Side::Producer) } {
            // SAFETY: the caller's side ends here.
            unsafe { self.release_producer() };
        }
    }

    /// Ends a task whose result will be made, of `value`, by the one who takes it. The value is dropped if the task was cancelled.
    ///
    /// # Safety
    ///
    /// The caller has the producer's side of a task that was made by a [`LazyPromise`](crate::LazyPromise) for such values, and
    /// does not use it after this.
    pub(crate) unsafe fn finish_with<T>(self, value: T) {
        // SAFETY: the caller has a side of the block.
        let header = unsafe { self.header() };
        // Claimed, the work is this side's, also if the task is cancelled.
        if !header.state.start() {
            // PANIC: the value's destructor is the user's code; the block still has to be let go of.
            failure::contain(|| drop(value));
            // SAFETY: the caller's side ends here.
            return unsafe { self.release_producer() };
        }
        let mut value = ManuallyDrop::new(value);
        // SAFETY: the task is claimed, and the value is of its type and not used after this.
        unsafe { (header.vtable.give)(self, (&raw mut value).cast()) };
        // SAFETY: passed on to the caller.
        if !unsafe { self.end(Phase::Done, true, Side::Producer) } {
            // SAFETY: who cancels a task that was claimed leaves the work to who has claimed it (R4).
            unsafe { (header.vtable.drop_work)(self) };
            // SAFETY: the caller's side ends here.
            unsafe { self.release_producer() };
        }
    }

    /// Drops the result of an ended task that nobody will take, and reports a failure.
    ///
    /// # Safety
    ///
    /// The task has ended, and its result is there and the caller's (R3).
    #[cold]
    pub(crate) unsafe fn discard(self, phase: Phase, lazy: bool) {
        // SAFETY: the caller has a side of the block.
        let vtable = unsafe { self.header() }.vtable;
        if lazy {
            // A mapped future that failed holds the one it follows, which reports when it is dropped in turn.
            // SAFETY: under LAZY the work belongs with the result (R4).
            unsafe { (vtable.drop_work)(self) };
        } else if phase != Phase::Cancelled {
            // SAFETY: passed on to the caller.
            unsafe { (vtable.drop_result)(self, phase) };
        }
    }

    /// Lets go of the producer's side.
    ///
    /// # Safety
    ///
    /// The caller has it, and does not use the block after this.
    #[inline]
    pub(crate) unsafe fn release_producer(self) {
        // SAFETY: the caller has a side of the block.
        if unsafe { self.header() }.state.release_producer() {
            // SAFETY: the future has gone.
            unsafe { self.free() };
        }
    }

    /// Frees the block.
    ///
    /// # Safety
    ///
    /// Both sides have gone (R5).
    #[inline]
    pub(crate) unsafe fn free(self) {
        // SAFETY: the block is alive until this call.
        let vtable = unsafe { self.header() }.vtable;
        match vtable.memory_only {
            // SAFETY: passed on to the caller; the block's layout has this size.
            Some(size) => unsafe { memory::keep(self.memory(), size) },
            // SAFETY: passed on to the caller.
            None => unsafe { (vtable.free)(self) },
        }
    }
}

/// The producer's side of a mapped task, as the task that it follows holds it.
pub(crate) struct Producer(pub(crate) BlockPointer);

impl Producer {
    pub(crate) fn into_raw(self) -> *mut () {
        self.0.into_raw()
    }

    /// # Safety
    ///
    /// The pointer came from [`into_raw`](Self::into_raw), and is made a producer's side again once.
    pub(crate) unsafe fn from_raw(pointer: *mut ()) -> Self {
        // SAFETY: passed on to the caller.
        Self(unsafe { BlockPointer::from_raw(pointer) })
    }

    /// The followed task has ended.
    pub(crate) fn finish_mapped(self, outcome: Outcome) {
        // SAFETY: this is the producer's side of a mapped task; dropping `self` does nothing.
        unsafe { self.0.finish_lazy(outcome.phase()) };
    }
}
