//! The place of a slot in a block.
//!
//! Who ends a watched task wants to have done so with one read-modify-write: after it the block is the future's holder's. So it
//! copies the slot before that, at a time when the holder may still take the slot back and put another waiter there, or somebody cancels
//! the task and takes it. Then the exchange fails, because the state says so, and the copy is of no use (`Snapshot::complete_watched`).
//! But it has been read while it was written, so the slot stands here in pieces, each of them atomic, and is made whole by whoever
//! owns it.

use crate::ending::Producer;
use crate::waiter::{Callbacks, Slot, Waiter};
use std::mem::ManuallyDrop;
use std::ptr::{null_mut, without_provenance_mut};
use std::sync::Arc;
use std::task::{RawWakerVTable, Waker};
use trine_platform::{AtomicPointers, Parker, UnsafeCell};

/// A slot in its place. At first it is empty.
pub(crate) struct SlotCell {
    pieces: AtomicPointers<4>,
    /// Nothing: it is accessed together with the rest by who owns that, so that a model sees whether that is one at a time.
    owned: UnsafeCell<()>,
}

/// What is in the place, and, if nobody writes there at the time, a slot. It is not dropped.
pub(crate) struct Pieces {
    /// One of the constants below, as an address.
    kind: *mut (),
    /// Of the waiter.
    first: *mut (),
    /// The table of a waker; the number of a future in a wait for many, as an address.
    second: *mut (),
    callbacks: *mut Callbacks,
}

const NOBODY: usize = 0;
const THREAD: usize = 1;
const TASK: usize = 2;
const MANY: usize = 3;
const MAPPED: usize = 4;
const SHARED: usize = 5;

impl SlotCell {
    #[inline]
    pub(crate) fn new() -> Self {
        Self {
            pieces: AtomicPointers::null(),
            owned: UnsafeCell::new(()),
        }
    }

    /// What is here at this moment.
    #[inline]
    pub(crate) fn glance(&self) -> Pieces {
        let [kind, first, second, callbacks] = self.pieces.load();
        let callbacks = callbacks.cast();
        Pieces {
            kind,
            first,
            second,
            callbacks,
        }
    }

    /// Takes the slot out. An empty one is left.
    ///
    /// # Safety
    ///
    /// The slot is the caller's.
    pub(crate) unsafe fn take(&self) -> Slot {
        self.owned.with_mut(|_| ());
        let pieces = self.glance();
        self.pieces.store([null_mut(); 4]);
        // SAFETY: nobody else writes here, so it is what was put here last. It was not taken since: then an empty one would be here. It was
        // not made whole of a copy: then the task has ended, and the slot is nobody's any more.
        unsafe { pieces.into_slot() }
    }

    /// Puts a slot where there is an empty one.
    ///
    /// # Safety
    ///
    /// The slot is the caller's.
    #[inline]
    pub(crate) unsafe fn put(&self, slot: Slot) {
        self.owned.with_mut(|_| ());
        let Pieces {
            kind,
            first,
            second,
            callbacks,
        } = Pieces::of(slot);
        self.pieces.store([kind, first, second, callbacks.cast()]);
    }

    /// In a model: fails unless every access happened before this.
    pub(crate) fn assert_exclusive(&mut self) {
        self.pieces.assert_exclusive();
        self.owned.with_mut(|_| ());
    }
}

impl Pieces {
    #[inline]
    fn of(slot: Slot) -> Self {
        let (kind, first, second) = match slot.waiter {
            Waiter::Nobody => (NOBODY, null_mut(), null_mut()),
            Waiter::Thread(parker) => (THREAD, parker.into_raw().cast_mut(), null_mut()),
            Waiter::Task(waker) => {
                let waker = ManuallyDrop::new(waker);
                let table: *const RawWakerVTable = waker.vtable();
                (TASK, waker.data().cast_mut(), table.cast_mut().cast())
            }
            Waiter::Many(completions, number) => (
                MANY,
                Arc::into_raw(completions).cast_mut().cast(),
                without_provenance_mut(number as usize),
            ),
            Waiter::Mapped(producer) => (MAPPED, producer.into_raw(), null_mut()),
            Waiter::Shared(end) => (SHARED, Box::into_raw(end).cast(), null_mut()),
        };
        Self {
            kind: without_provenance_mut(kind),
            first,
            second,
            callbacks: slot.callbacks.map_or(null_mut(), Box::into_raw),
        }
    }

    /// The slot of which these are the pieces.
    ///
    /// # Safety
    ///
    /// They are those of one slot, which was put into its place, and nobody else makes it whole.
    #[inline]
    pub(crate) unsafe fn into_slot(self) -> Slot {
        // SAFETY: in each case the pointers are what `of` has made of a waiter of this kind, and are used once.
        let waiter = match self.kind.addr() {
            NOBODY => Waiter::Nobody,
            // SAFETY: as above.
            THREAD => Waiter::Thread(unsafe { Parker::from_raw(self.first) }),
            TASK => {
                // SAFETY: as above. The table of a waker is there for ever.
                let table: &'static RawWakerVTable = unsafe { &*self.second.cast() };
                // SAFETY: as above.
                Waiter::Task(unsafe { Waker::new(self.first, table) })
            }
            // SAFETY: as above.
            MANY => Waiter::Many(
                unsafe { Arc::from_raw(self.first.cast()) },
                self.second.addr() as u32,
            ),
            // SAFETY: as above.
            MAPPED => Waiter::Mapped(unsafe { Producer::from_raw(self.first) }),
            // SAFETY: as above.
            _ => Waiter::Shared(unsafe { Box::from_raw(self.first.cast()) }),
        };
        let callbacks = (!self.callbacks.is_null())
            // SAFETY: it was a box, and is made one again once.
            .then(|| unsafe { Box::from_raw(self.callbacks) });
        Slot { waiter, callbacks }
    }
}
