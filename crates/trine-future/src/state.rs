//! The state word: the pure transitions of `snapshot.rs`, each made by one atomic read-modify-write.

use crate::snapshot::{Part, Phase, Snapshot};
use trine_platform::atomic::AtomicU32;
use trine_platform::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release};

/// The state of a task, shared by its future and its producer.
pub(crate) struct State(AtomicU32);

impl State {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        Self(AtomicU32::new(snapshot.bits()))
    }

    /// The state now. If it is terminal, what the completer wrote is visible.
    #[inline]
    pub(crate) fn load(&self) -> Snapshot {
        // ORDERING: Acquire pairs with the Release of `complete`, and, for the completer, with that of `give`.
        Snapshot::from_bits(self.0.load(Acquire))
    }

    /// Takes the right to run the task. False if it has been taken, or the task was cancelled.
    #[must_use]
    pub(crate) fn claim(&self) -> bool {
        // ORDERING: Relaxed is enough. The closure was published with the pointer to the block, by the queue or by
        // the future; nothing else is read because of this transition.
        self.update(Relaxed, Snapshot::claim).is_ok()
    }

    /// Claims the task for its promise, which may have done so before. False if the task was cancelled.
    #[must_use]
    pub(crate) fn start(&self) -> bool {
        self.claim() || self.load().phase() == Phase::Running
    }

    /// Takes back a claim, for a task that has not begun. Nothing happens if it has ended meanwhile.
    pub(crate) fn put_back(&self) {
        // ORDERING: Relaxed, as in `claim`.
        let _ = self.update(Relaxed, Snapshot::put_back);
    }

    /// Ends the task and lets go of the producer's side, if the future is there and has left nobody to be told: then
    /// there is nothing more to do. False if there is, or another thread has changed the state meanwhile: nothing has
    /// happened.
    #[inline]
    #[must_use]
    pub(crate) fn complete_unobserved(&self, phase: Phase) -> bool {
        // ORDERING: Relaxed. The compare-exchange checks it.
        let before = Snapshot::from_bits(self.0.load(Relaxed));
        let Some(after) = before.complete_unobserved(phase) else {
            return false;
        };
        // ORDERING: as in `complete`.
        self.0
            .compare_exchange(before.bits(), after.bits(), AcqRel, Relaxed)
            .is_ok()
    }

    /// Ends the task, as [`Snapshot::complete_watched`] says, if the state is still `before`. False if not: nothing has happened.
    #[must_use]
    pub(crate) fn complete_watched(&self, before: Snapshot, after: Snapshot) -> bool {
        // ORDERING: Release publishes the result to `load`, and that the slot has been read: the holder may free the block. What is
        // in the slot was published to the `load` of `before`.
        self.0
            .compare_exchange(before.bits(), after.bits(), Release, Relaxed)
            .is_ok()
    }

    /// Ends the task; returns the state before. `Err` if it had ended already.
    pub(crate) fn complete(
        &self,
        phase: Phase,
        lazy: bool,
        releases_producer: bool,
    ) -> Result<Snapshot, Snapshot> {
        // ORDERING: Release publishes the result to `load`. Acquire pairs with the Release of `give` (the
        // completer is about to read the slot) and of `detach` (it may be about to free the block).
        self.update(AcqRel, |state| state.complete(phase, lazy, releases_producer))
    }

    /// Cancels the task; returns the state before. `Err` if that is not possible any more.
    pub(crate) fn cancel(&self, stops_running: bool) -> Result<Snapshot, Snapshot> {
        // ORDERING: Acquire pairs with the Release of `give`; Release so that whoever sees the cancellation sees
        // what the canceller did before it.
        self.update(AcqRel, |state| state.cancel(stops_running))
    }

    /// Asks the task to stop. False if it has ended.
    #[must_use]
    pub(crate) fn request_cancel(&self) -> bool {
        // ORDERING: Release pairs with the Acquire of `load`: a task that sees the request sees what came before it.
        self.update(Release, Snapshot::request_cancel).is_ok()
    }

    /// Gives a part of the slot to the completer. False if the task has ended: it is still the caller's then.
    #[inline]
    #[must_use]
    pub(crate) fn give(&self, part: Part) -> bool {
        // ORDERING: Release publishes the part to `complete` and `cancel`, and to the `load` before `complete_watched`; Acquire on
        // failure as in `load`.
        self.update(Release, |state| state.give(part)).is_ok()
    }

    /// Takes a part of the slot back. False if the task has ended: it is the completer's then.
    #[must_use]
    pub(crate) fn take_back(&self, part: Part) -> bool {
        // ORDERING: Relaxed. What is there was written by the future's holder itself; the completer has not changed
        // it, and uses no copy that it may be making, or this fails (with Acquire, as in `load`).
        self.update(Relaxed, |state| state.take_back(part)).is_ok()
    }

    /// Lets go of the future while the task has not ended; returns the state before. `Err` if it has ended.
    pub(crate) fn detach(&self) -> Result<Snapshot, Snapshot> {
        // ORDERING: Release pairs with the Acquire of `complete`: the completer may be the one who frees the block.
        self.update(Release, Snapshot::detach)
    }

    /// Notes that the result of a task that has ended, as `ended` says, has left the block.
    pub(crate) fn take(&self, ended: Snapshot) {
        if ended.has_producer() {
            // ORDERING: Relaxed. Only the future's holder asks.
            let _ = self.update(Relaxed, |state| Some(state.take()));
        } else {
            // Nobody else changes the state any more.
            // ORDERING: Relaxed, as above.
            self.0.store(ended.take().bits(), Relaxed);
        }
    }

    /// Lets go of the future after the end. True if the caller has to free the block.
    #[inline]
    #[must_use]
    pub(crate) fn release_future(&self) -> bool {
        !self.release(Snapshot::FUTURE_SIDE).has_producer()
    }

    /// Lets go of the producer's side. True if the caller has to free the block.
    #[inline]
    #[must_use]
    pub(crate) fn release_producer(&self) -> bool {
        !self.release(Snapshot::PRODUCER_SIDE).has_future()
    }

    /// Lets go of a side, which is alive; returns the state before.
    #[inline]
    fn release(&self, side: Snapshot) -> Snapshot {
        // A side has one bit, which is set: subtracting it clears it. One instruction, where `update` is a loop.
        // ORDERING: AcqRel. Release so that the last one's accesses follow ours, Acquire so that ours, if we are
        // the last, follow the other side's.
        Snapshot::from_bits(self.0.fetch_sub(side.bits(), AcqRel))
    }

    /// In a model: fails unless every access of the word happened before this.
    pub(crate) fn assert_exclusive(&mut self) {
        trine_platform::assert_exclusive(&mut self.0);
    }

    #[inline]
    fn update(
        &self,
        success: Ordering,
        mut transition: impl FnMut(Snapshot) -> Option<Snapshot>,
    ) -> Result<Snapshot, Snapshot> {
        // ORDERING: Acquire on failure, because a failed transition means that the task has ended, and callers go
        // on to read what its end published.
        self.0
            .fetch_update(success, Acquire, |bits| {
                transition(Snapshot::from_bits(bits)).map(Snapshot::bits)
            })
            .map(Snapshot::from_bits)
            .map_err(Snapshot::from_bits)
    }
}
