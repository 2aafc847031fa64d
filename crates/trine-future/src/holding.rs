//! What the holder of a future can do to its task, also through mapped futures.

use crate::block::{BlockPointer, Side};
use crate::owner::{Drive, Waiting};
use crate::snapshot::Phase;
use crate::waiter::Slot;
use crate::{Outcome, failure};

impl BlockPointer {
    /// Cancels the task if it has not started, or if its owner can stop it. True if it is cancelled now.
    ///
    /// # Safety
    ///
    /// The caller is on `side` of the block.
    pub(crate) unsafe fn cancel(self, side: Side) -> bool {
        // SAFETY: passed on to the caller.
        let (cancelled, slot) = unsafe { self.cancel_untold(side) };
        slot.notify(Outcome::Cancelled);
        cancelled
    }

    /// `cancel`, but for telling those in the slot that comes back.
    ///
    /// # Safety
    ///
    /// As for `cancel`.
    pub(crate) unsafe fn cancel_untold(self, side: Side) -> (bool, Slot) {
        // SAFETY: passed on to the caller.
        let deciding = unsafe { self.deciding() };
        // SAFETY: the deciding block lives for as long as this one.
        let header = unsafe { deciding.header() };
        let cancel = || header.state.cancel(header.vtable.stops_running);
        let mut cancelled = cancel();
        while let Err(after) = cancelled
            && after.phase() == Phase::Running
            // SAFETY: the block is alive.
            && unsafe { (header.vtable.take_back)(deciding) }
        {
            // It may have been started again in between.
            cancelled = cancel();
        }
        match cancelled {
            Err(after) => (after.phase() == Phase::Cancelled, Slot::default()),
            Ok(before) => {
                if before.phase() == Phase::Pending {
                    // SAFETY: this call has cancelled a task that nobody had claimed, so the work is its own (R4).
                    unsafe { (header.vtable.drop_work)(deciding) };
                    // Who is on the producer's side has it already.
                    if side == Side::Future {
                        // PANIC: it may tell others, the user's code, of a place that has become free.
                        // SAFETY: the block is alive.
                        failure::contain(|| unsafe { (header.vtable.withdraw)(deciding) });
                    }
                } else {
                    // PANIC: it may wake a waker, the user's code, and those in the slot have to be told.
                    // SAFETY: the block is alive.
                    failure::contain(|| unsafe { (header.vtable.stop)(deciding) });
                }
                let slot = if before.is_watched() {
                    // SAFETY: this call has ended a watched task, so the slot is its own (R2).
                    unsafe { deciding.take_slot(before) }
                } else {
                    Slot::default()
                };
                (true, slot)
            }
        }
    }

    /// Asks the task to stop. False if it has ended.
    ///
    /// # Safety
    ///
    /// The caller has a side of the block.
    pub(crate) unsafe fn request_cancel(self) -> bool {
        // SAFETY: passed on to the caller.
        let deciding = unsafe { self.deciding() };
        // SAFETY: the deciding block lives for as long as this one.
        unsafe { deciding.header() }.state.request_cancel()
    }

    /// The phase that callers see: a mapped future runs while the one that it follows runs.
    ///
    /// # Safety
    ///
    /// The caller has the future.
    pub(crate) unsafe fn phase(self) -> Phase {
        // SAFETY: passed on to the caller.
        let state = unsafe { self.header() }.state.load();
        // SAFETY: passed on to the caller.
        let deciding = unsafe { self.deciding() };
        // Its own end is decided by itself.
        if deciding == self {
            return state.phase();
        }
        // SAFETY: the deciding block lives for as long as this one.
        let phase = unsafe { deciding.header() }.state.load().phase();
        // What this one follows may have ended a moment before it hears of it.
        if phase == Phase::Pending {
            Phase::Pending
        } else {
            Phase::Running
        }
    }

    /// Asks the owner what the waiting thread should do, and does it. True if it is worth looking at the state
    /// again, false if it is time to sleep.
    ///
    /// # Safety
    ///
    /// The caller has the future by value or by `&mut`, or keeps it from being taken.
    pub(crate) unsafe fn drive(self, waiting: Waiting<'_>) -> bool {
        // SAFETY: passed on to the caller.
        let deciding = unsafe { self.deciding() };
        // SAFETY: the deciding block lives for as long as this one.
        let header = unsafe { deciding.header() };
        // SAFETY: as above.
        let drive = unsafe { (header.vtable.drive)(deciding, waiting) };
        let may_run = drive == Drive::Run && matches!(waiting, Waiting::Untimed);
        let claimed = may_run && header.state.claim();
        if claimed {
            // SAFETY: the task was claimed just now, on the future's side.
            unsafe { deciding.run(Side::Future) };
        }
        claimed
    }

    /// The block that decides how this task ends: its own, unless it is a mapped future.
    ///
    /// # Safety
    ///
    /// The caller has the future, and its result has not been taken, or the producer's side of a task of its own.
    pub(crate) unsafe fn deciding(self) -> BlockPointer {
        let mut deciding = self;
        loop {
            // SAFETY: the caller keeps the first block alive, and each keeps the next.
            let header = unsafe { deciding.header() };
            if header.state.load().is_terminal() {
                return deciding;
            }
            // SAFETY: as above.
            match unsafe { (header.vtable.inner)(deciding) } {
                Some(inner) => deciding = inner,
                None => return deciding,
            }
        }
    }
}
