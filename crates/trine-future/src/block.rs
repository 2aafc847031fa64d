//! The block: a task's state, waiter, result, owner and work in one allocation.
//!
//! # Who may touch what
//!
//! - R1: `state` and `vtable` and `owner` are shared, for as long as either side is alive.
//! - R2: Each part of `slot` belongs to the future's holder while the state does not say that it is given, and to the one who ended
//!   the task once it is terminal and the part was given before. The producer may copy what is given: the copy is good if the
//!   state has not changed by the time of the end.
//! - R3: `result` belongs to whoever claimed the task (or holds the promise) until the state is terminal, and to
//!   the future's holder after; if the future had gone, to the one who completed.
//! - R4: `work` belongs to whoever claimed the task, or cancelled one that nobody had claimed. That of a mapped future, or of
//!   a turn of a shared one, is never claimed. Once a lazy task has ended, it belongs with the result (R3). Until the end whoever has a
//!   mapped future may look which block it follows.
//! - R5: the block is freed by whichever side goes last. Memory only: what is in it has been taken or dropped. So is the
//!   slot: whoever ends a watched task has it, though what it was copied from may still stand there, and a holder who takes it back
//!   empties it or gives it again.
//!
//! "The future's holder" is whoever has the `Future` by value or by `&mut`, or, of a shared one, keeps it from being
//! taken; "the producer" has the `Promise` or the `Task`.

use crate::TaskError;
use crate::memory;
use crate::owner::Owner;
use crate::slot::SlotCell;
use crate::snapshot::{Phase, Snapshot};
use crate::state::State;
use crate::vtable::Vtable;
use crate::waiter::Slot;
use crate::work::Work;
use std::alloc::Layout;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr::NonNull;
use trine_platform::{LeakCheck, UnsafeCell};

/// What a task ends with.
pub(crate) type TaskResult<T> = Result<T, TaskError>;

/// The part of a block that is the same for every task.
///
/// The order matters: what is touched also if nobody waits stands together, beside the result, and so most often in one
/// cache line.
#[repr(C)]
pub(crate) struct Header {
    _leak_check: LeakCheck,
    pub(crate) slot: SlotCell,
    pub(crate) vtable: &'static Vtable,
    pub(crate) state: State,
}

/// The part that is the same for every task with this result.
#[repr(C)]
pub(crate) struct Front<T> {
    pub(crate) header: Header,
    pub(crate) result: UnsafeCell<Stored<T>>,
}

/// A result; the phase says which. A value stands there without a mark before it, so that it is copied in and out in the
/// same pieces: a processor that reads back what it has just written in other pieces waits for the cache.
pub(crate) union Stored<T> {
    /// Before the end, after it was taken, and where it is lazy or the task was cancelled.
    pub(crate) nothing: (),
    /// `Phase::Done`
    pub(crate) value: ManuallyDrop<T>,
    /// `Phase::Failed`
    pub(crate) error: ManuallyDrop<TaskError>,
}

/// The whole block.
#[repr(C)]
pub(crate) struct Block<T, W, O> {
    pub(crate) front: Front<T>,
    pub(crate) owner: O,
    pub(crate) work: UnsafeCell<MaybeUninit<W>>,
}

/// On whose behalf a task is completed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The producer's: its side of the block ends with the task.
    Producer,
    /// The future's holder, who ran the task itself: the queue keeps its pointer, and frees the block later.
    Future,
    /// The producer's, when the future has gone without leaving word: nobody else knows the block any more.
    Alone,
}

/// A pointer to a block whose types are not known here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BlockPointer(NonNull<Header>);

// SAFETY: R1 to R5 say who may touch what, whatever thread they are on; everything in a block is `Send`, and its
// shared parts are `Sync` (see the bounds of `allocate`).
unsafe impl Send for BlockPointer {}
// SAFETY: as above.
unsafe impl Sync for BlockPointer {}

/// Makes a block. Both sides of it are alive, unless `snapshot` says otherwise.
#[inline]
pub(crate) fn allocate<T: Send, W: Work<T>, O: Owner>(
    snapshot: Snapshot,
    result: Stored<T>,
    work: W,
    owner: O,
) -> BlockPointer {
    let memory = memory::allocate(Layout::new::<Block<T, W, O>>()).cast::<Block<T, W, O>>();
    let block = Block {
        front: Front {
            header: Header {
                state: State::new(snapshot),
                vtable: Vtable::of::<T, W, O>(),
                slot: SlotCell::new(),
                _leak_check: LeakCheck::new(),
            },
            result: UnsafeCell::new(result),
        },
        owner,
        work: UnsafeCell::new(MaybeUninit::new(work)),
    };
    // SAFETY: the memory is large enough, aligned, and nobody else's.
    unsafe { memory.write(block) };
    BlockPointer(memory.cast())
}

impl BlockPointer {
    /// The shared part.
    ///
    /// # Safety
    ///
    /// The caller has a side of the block, or knows that somebody keeps his for as long as the reference is used.
    #[inline]
    pub(crate) unsafe fn header<'a>(self) -> &'a Header {
        // SAFETY: the caller promises that the block is alive.
        unsafe { self.0.as_ref() }
    }

    /// # Safety
    ///
    /// As for `header`, and `T` is the task's type.
    #[inline]
    pub(crate) unsafe fn front<'a, T>(self) -> &'a Front<T> {
        // SAFETY: every block with this result begins with this, and the caller promises that it is alive.
        unsafe { self.0.cast().as_ref() }
    }

    /// What the task is called.
    ///
    /// # Safety
    ///
    /// As for `header`.
    pub(crate) unsafe fn name(self) -> &'static str {
        // SAFETY: passed on to the caller.
        (unsafe { self.header() }.vtable.name)()
    }

    /// The task that this turn of a shared future is for, if it is one and that task has not ended. It is not known to be
    /// alive after this.
    ///
    /// # Safety
    ///
    /// Somebody waits for this block by its future, and does not stop before this returns.
    pub(crate) unsafe fn turn_of(self) -> Option<BlockPointer> {
        // SAFETY: passed on to the caller.
        let header = unsafe { self.header() };
        // SAFETY: passed on to the caller.
        unsafe { (header.vtable.turn_of)(self) }
    }

    /// The block as what it was made.
    pub(crate) fn whole<T, W, O>(self) -> NonNull<Block<T, W, O>> {
        self.0.cast()
    }

    pub(crate) fn into_raw(self) -> *mut () {
        self.0.as_ptr().cast()
    }

    /// # Safety
    ///
    /// The pointer came from [`into_raw`](Self::into_raw).
    pub(crate) unsafe fn from_raw(pointer: *mut ()) -> Self {
        // SAFETY: passed on to the caller.
        Self(unsafe { NonNull::new_unchecked(pointer.cast()) })
    }

    /// The memory of the block.
    pub(crate) fn memory(self) -> NonNull<u8> {
        self.0.cast()
    }

    /// Stores the result of a task that is about to end.
    ///
    /// # Safety
    ///
    /// Its place is the caller's (R3). `T` is the task's type.
    #[inline]
    pub(crate) unsafe fn store<T>(self, result: Stored<T>) {
        // SAFETY: passed on to the caller.
        let front = unsafe { self.front::<T>() };
        // SAFETY: passed on to the caller.
        front.result.with_mut(|place| unsafe { place.write(result) });
    }

    /// Takes the stored result of a task that has ended so out of the block, as what `wrap` makes of it. A value is copied once
    /// then, to where the caller wants it.
    ///
    /// # Safety
    ///
    /// There is one, not lazy, and it is the caller's (R3). `T` is the task's type.
    #[inline]
    pub(crate) unsafe fn take_result<T, R>(self, phase: Phase, wrap: impl FnOnce(TaskResult<T>) -> R) -> R {
        // SAFETY: passed on to the caller.
        let front = unsafe { self.front::<T>() };
        if phase == Phase::Done {
            // SAFETY: in this phase it is a value. It is not read again.
            front
                .result
                .with_mut(|result| wrap(Ok(unsafe { result.cast::<T>().read() })))
        } else {
            // SAFETY: there is a result, which is not a value. It is not read again.
            front
                .result
                .with_mut(|result| wrap(Err(unsafe { result.cast::<TaskError>().read() })))
        }
    }

    /// Takes out of the slot what was given when the task ended.
    ///
    /// # Safety
    ///
    /// The caller has ended the task, `before` is the state before that (R2), and it does this once.
    pub(crate) unsafe fn take_slot(self, before: Snapshot) -> Slot {
        // SAFETY: the block is alive, because the caller has a side of it.
        let slot = &unsafe { self.header() }.slot;
        // SAFETY: passed on to the caller.
        unsafe { slot.take(before) }
    }
}
