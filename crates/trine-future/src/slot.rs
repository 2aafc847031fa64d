//! The place of a slot in a block.
//!
//! Who ends a watched task wants to have done so with one read-modify-write: after it the block is the future's holder's. So it
//! copies the slot before that, at a time when the holder may still take the slot back and put another waiter there, or somebody cancels
//! the task and takes it. Then the exchange fails, because the state says so, and the copy is of no use (`Snapshot::complete_watched`).
//! But it has been read while it was written, so the slot stands here in pieces, each of them atomic, and is made whole by whoever
//! owns it.

use crate::ending::Producer;
use crate::snapshot::{Part, Snapshot};
use crate::waiter::{Callbacks, Slot, Waiter};
use std::mem::ManuallyDrop;
use std::ptr::{null_mut, without_provenance_mut};
use std::sync::Arc;
use std::task::{RawWakerVTable, Waker};
use trine_platform::{AtomicPointers, Parker, UnsafeCell};

/// A slot in its place. At first it is empty.
pub(crate) struct SlotCell {
    /// The kind of the waiter, one of the constants below, as an address; a pointer; and the table of a waker, or the number of a future
    /// in a wait for many, as an address.
    waiter: Place<3>,
    callbacks: Place<1>,
}

/// What is in the place, and, where it was given and nobody writes there at the time, a slot. It is not dropped.
pub(crate) struct Pieces {
    waiter: [*mut (); 3],
    callbacks: [*mut (); 1],
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
            waiter: Place::empty(),
            callbacks: Place::empty(),
        }
    }

    /// What is here at this moment.
    #[inline]
    pub(crate) fn glance(&self) -> Pieces {
        Pieces {
            waiter: self.waiter.pieces.load(),
            callbacks: self.callbacks.pieces.load(),
        }
    }

    /// What of the slot was given in this state.
    ///
    /// # Safety
    ///
    /// The state was that when the caller ended the task, and it has taken nothing out before.
    pub(crate) unsafe fn take(&self, given: Snapshot) -> Slot {
        let waiter = if given.is_given(Part::Waiter) {
            // SAFETY: the caller has ended the task, so what was given is the caller's.
            unsafe { self.take_waiter() }
        } else {
            Waiter::Nobody
        };
        let callbacks = if given.is_given(Part::Callbacks) {
            // SAFETY: as above.
            unsafe { self.take_callbacks() }
        } else {
            None
        };
        Slot { waiter, callbacks }
    }

    /// # Safety
    ///
    /// The waiter is the caller's.
    pub(crate) unsafe fn take_waiter(&self) -> Waiter {
        // SAFETY: passed on to the caller. What is here was put here last, and was not taken since: then nobody would be here.
        // Nor was it made whole of a copy: then the task has ended, and the slot is nobody's any more.
        unsafe { waiter_of(self.waiter.replace([null_mut(); 3])) }
    }

    /// Puts a waiter where nobody is.
    ///
    /// # Safety
    ///
    /// The waiter is the caller's.
    #[inline]
    pub(crate) unsafe fn put_waiter(&self, waiter: Waiter) {
        self.waiter.put(pieces_of(waiter));
    }

    /// # Safety
    ///
    /// The callbacks are the caller's.
    pub(crate) unsafe fn take_callbacks(&self) -> Option<Box<Callbacks>> {
        // SAFETY: passed on to the caller, and as in `take_waiter`.
        unsafe { callbacks_of(self.callbacks.replace([null_mut()])) }
    }

    /// Puts callbacks where none are.
    ///
    /// # Safety
    ///
    /// The callbacks are the caller's.
    pub(crate) unsafe fn put_callbacks(&self, callbacks: Box<Callbacks>) {
        self.callbacks.put([Box::into_raw(callbacks).cast()]);
    }

    /// In a model: fails unless every access happened before this.
    pub(crate) fn assert_exclusive(&mut self) {
        self.waiter.assert_exclusive();
        self.callbacks.assert_exclusive();
    }
}

/// A part of the slot.
struct Place<const COUNT: usize> {
    pieces: AtomicPointers<COUNT>,
    /// Nothing: it is accessed together with the pieces by who owns them, so that a model sees whether that is one at a time.
    owned: UnsafeCell<()>,
}

impl<const COUNT: usize> Place<COUNT> {
    #[inline]
    fn empty() -> Self {
        Self {
            pieces: AtomicPointers::null(),
            owned: UnsafeCell::new(()),
        }
    }

    /// Called by who owns the part, as `replace` is.
    #[inline]
    fn put(&self, pieces: [*mut (); COUNT]) {
        self.owned.with_mut(|_| ());
        self.pieces.store(pieces);
    }

    fn replace(&self, pieces: [*mut (); COUNT]) -> [*mut (); COUNT] {
        let before = self.pieces.load();
        self.put(pieces);
        before
    }

    fn assert_exclusive(&mut self) {
        self.pieces.assert_exclusive();
        self.owned.with_mut(|_| ());
    }
}

impl Pieces {
    /// The slot of which these are the pieces.
    ///
    /// # Safety
    ///
    /// What was given in this state was put into its place whole, and nobody else makes it whole.
    #[inline]
    pub(crate) unsafe fn into_slot(self, given: Snapshot) -> Slot {
        let waiter = if given.is_given(Part::Waiter) {
            // SAFETY: passed on to the caller.
            unsafe { waiter_of(self.waiter) }
        } else {
            Waiter::Nobody
        };
        let callbacks = if given.is_given(Part::Callbacks) {
            // SAFETY: passed on to the caller.
            unsafe { callbacks_of(self.callbacks) }
        } else {
            None
        };
        Slot { waiter, callbacks }
    }
}

#[inline]
fn pieces_of(waiter: Waiter) -> [*mut (); 3] {
    let (kind, first, second) = match waiter {
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
    [without_provenance_mut(kind), first, second]
}

/// # Safety
///
/// The pieces are what `pieces_of` has made of a waiter, or null, and are made one again once.
#[inline]
unsafe fn waiter_of([kind, first, second]: [*mut (); 3]) -> Waiter {
    // SAFETY: in each case the pointers are what `pieces_of` has made of a waiter of this kind, and are used once.
    match kind.addr() {
        NOBODY => Waiter::Nobody,
        // SAFETY: as above.
        THREAD => Waiter::Thread(unsafe { Parker::from_raw(first) }),
        TASK => {
            // SAFETY: as above. The table of a waker is there for ever.
            let table: &'static RawWakerVTable = unsafe { &*second.cast() };
            // SAFETY: as above.
            Waiter::Task(unsafe { Waker::new(first, table) })
        }
        // SAFETY: as above.
        MANY => Waiter::Many(unsafe { Arc::from_raw(first.cast()) }, second.addr() as u32),
        // SAFETY: as above.
        MAPPED => Waiter::Mapped(unsafe { Producer::from_raw(first) }),
        // SAFETY: as above.
        _ => Waiter::Shared(unsafe { Box::from_raw(first.cast()) }),
    }
}

/// # Safety
///
/// The piece is null, or was made of callbacks, and is made them again once.
#[inline]
unsafe fn callbacks_of([callbacks]: [*mut (); 1]) -> Option<Box<Callbacks>> {
    (!callbacks.is_null())
        // SAFETY: passed on to the caller.
        .then(|| unsafe { Box::from_raw(callbacks.cast()) })
}
