//! What has to know of which types a block was made.

use crate::block::{Block, BlockPointer, Side, TaskResult};
use crate::current::Current;
use crate::ending::{drop_unseen, finish};
use crate::failure;
use crate::memory::{self, Size};
use crate::owner::{Drive, Owner, Waiting};
use crate::snapshot::Phase;
use crate::work::Work;
use crate::{Outcome, TaskError};
use std::alloc::Layout;
use std::convert::identity;
use std::marker::PhantomData;

/// The functions of a block.
///
/// What each asks of its caller stands at the method of `BlockPointer` that calls it; all ask that the block is alive.
pub(crate) struct Vtable {
    /// Performs the work of a claimed task and completes it, for `Side`.
    pub(crate) run: unsafe fn(BlockPointer, Side) -> Outcome,
    /// Performs the work of a lazy result and writes a `TaskResult<T>` to the pointer.
    pub(crate) resolve: unsafe fn(BlockPointer, *mut ()),
    /// Moves what a lazy result is made from out of where the pointer says, into the work.
    pub(crate) give: unsafe fn(BlockPointer, *mut ()),
    pub(crate) drop_work: unsafe fn(BlockPointer),
    /// Drops a result that nobody will take, and reports it if it is a failure.
    pub(crate) drop_result: unsafe fn(BlockPointer, Phase),
    /// Completes a claimed task, whose work has been dropped, with an error.
    pub(crate) fail: unsafe fn(BlockPointer, TaskError, Side),
    pub(crate) drive: unsafe fn(BlockPointer, Waiting<'_>) -> Drive,
    pub(crate) take_back: unsafe fn(BlockPointer) -> bool,
    pub(crate) withdraw: unsafe fn(BlockPointer),
    pub(crate) stop: unsafe fn(BlockPointer),
    pub(crate) stops_running: bool,
    /// A thread runs the work.
    pub(crate) is_run: bool,
    /// The block that a mapped future follows.
    pub(crate) inner: unsafe fn(BlockPointer) -> Option<BlockPointer>,
    /// The task that a turn of a shared future is for, if it has not ended.
    pub(crate) turn_of: unsafe fn(BlockPointer) -> Option<BlockPointer>,
    /// What the work is called.
    pub(crate) name: fn() -> &'static str,
    /// The size of the memory, if that is all that there is to free.
    pub(crate) memory_only: Option<Size>,
    /// Drops what is left in the block, and frees it.
    pub(crate) free: unsafe fn(BlockPointer),
}

impl Vtable {
    pub(crate) fn of<T: Send, W: Work<T>, O: Owner>() -> &'static Self {
        &Table::<T, W, O>::VTABLE
    }
}

struct Table<T, W, O>(PhantomData<(T, W, O)>);

impl<T: Send, W: Work<T>, O: Owner> Table<T, W, O> {
    const VTABLE: Vtable = Vtable {
        run: run::<T, W, O>,
        resolve: resolve::<T, W, O>,
        give: give::<T, W, O>,
        drop_work: drop_work::<T, W, O>,
        drop_result: drop_result::<T>,
        fail: fail::<T>,
        drive: drive::<T, W, O>,
        take_back: take_back::<T, W, O>,
        withdraw: withdraw::<T, W, O>,
        stop: stop::<T, W, O>,
        stops_running: O::STOPS_RUNNING,
        is_run: W::IS_RUN,
        inner: inner::<T, W, O>,
        turn_of: turn_of::<T, W, O>,
        name: W::name,
        memory_only: if std::mem::needs_drop::<O>() {
            None
        } else {
            Size::of(Layout::new::<Block<T, W, O>>())
        },
        free: free::<T, W, O>,
    };
}

/// # Safety
///
/// `block` was made by `allocate::<T, W, O>` and has not been freed.
unsafe fn whole<'a, T, W, O>(block: BlockPointer) -> &'a Block<T, W, O> {
    // SAFETY: the caller promises the type and the life; the parts that are written to stand in cells.
    unsafe { block.whole().as_ref() }
}

/// # Safety
///
/// As for `whole`, and the work is there and the caller's (R4). It is gone after this.
unsafe fn take_work<T, W: Work<T>, O: Owner>(block: BlockPointer) -> W {
    // SAFETY: passed on to the caller.
    let block = unsafe { whole::<T, W, O>(block) };
    // SAFETY: the work is there, and nobody else reads it (R4).
    block.work.with_mut(|work| unsafe { work.cast::<W>().read() })
}

unsafe fn run<T: Send, W: Work<T>, O: Owner>(block: BlockPointer, side: Side) -> Outcome {
    // SAFETY: the caller has claimed the task, so the work is there and the caller's (R4).
    let work = unsafe { take_work::<T, W, O>(block) };
    // SAFETY: the caller's side of the block is alive until the task is finished.
    let result = unsafe { Current::run(block, || work.perform()) };
    let outcome = if result.is_ok() {
        Outcome::Done
    } else {
        Outcome::Failed
    };
    // SAFETY: the caller has claimed the task and is on `side`.
    if let Err(result) = unsafe { finish::<T>(block, result, side) } {
        // The task was cancelled while it ran.
        failure::contain(|| drop(result));
        return Outcome::Cancelled;
    }
    outcome
}

unsafe fn resolve<T, W: Work<T>, O: Owner>(block: BlockPointer, result: *mut ()) {
    // SAFETY: the caller has found a lazy result that is its own (R4).
    let work = unsafe { take_work::<T, W, O>(block) };
    // SAFETY: the caller passes a place for a `TaskResult<T>`.
    unsafe { result.cast::<TaskResult<T>>().write(work.perform()) };
}

unsafe fn give<T, W: Work<T>, O: Owner>(block: BlockPointer, given: *mut ()) {
    // SAFETY: passed on to the caller.
    let block = unsafe { whole::<T, W, O>(block) };
    block.work.with_mut(|work| {
        // SAFETY: the caller has claimed the task, so the work is there and the caller's (R4).
        let work = unsafe { &mut *work.cast::<W>() };
        // SAFETY: passed on to the caller.
        unsafe { work.give(given) };
    });
}

unsafe fn drop_work<T, W: Work<T>, O: Owner>(block: BlockPointer) {
    // SAFETY: passed on to the caller.
    let work = unsafe { take_work::<T, W, O>(block) };
    // PANIC: the work's destructor is the user's code; the task's end has been decided without it.
    failure::contain(|| drop(work));
}

unsafe fn drop_result<T>(block: BlockPointer, phase: Phase) {
    // SAFETY: the caller knows that there is a result and that it is its own (R3).
    drop_unseen(unsafe { block.take_result::<T, _>(phase, identity) });
}

unsafe fn fail<T>(block: BlockPointer, error: TaskError, side: Side) {
    // A task that was cancelled in between is cancelled, not failed.
    // SAFETY: the caller has claimed the task and is on `side`.
    let _ = unsafe { finish::<T>(block, Err(error), side) };
}

unsafe fn drive<T, W: Work<T>, O: Owner>(block: BlockPointer, waiting: Waiting<'_>) -> Drive {
    // SAFETY: the caller has a side of the block, so it is alive (R5).
    let drive = unsafe { whole::<T, W, O>(block) }.owner.drive(waiting);
    // The producer of any other work may have it, whatever the state says (R4).
    if W::IS_RUN { drive } else { Drive::Sleep }
}

unsafe fn take_back<T, W: Work<T>, O: Owner>(block: BlockPointer) -> bool {
    // SAFETY: the caller has a side of the block, so it is alive (R5).
    unsafe { whole::<T, W, O>(block) }.owner.take_back()
}

unsafe fn withdraw<T, W: Work<T>, O: Owner>(block: BlockPointer) {
    // SAFETY: the caller has a side of the block, so it is alive (R5).
    unsafe { whole::<T, W, O>(block) }.owner.withdraw();
}

unsafe fn stop<T, W: Work<T>, O: Owner>(block: BlockPointer) {
    // SAFETY: the caller has a side of the block, so it is alive (R5).
    unsafe { whole::<T, W, O>(block) }.owner.stop();
}

unsafe fn inner<T, W: Work<T>, O: Owner>(block: BlockPointer) -> Option<BlockPointer> {
    if !W::FOLLOWS {
        return None;
    }
    // SAFETY: the caller has a side of the block, so it is alive (R5).
    let block = unsafe { whole::<T, W, O>(block) };
    // SAFETY: the work of a task that follows another is there until its result is taken, which needs `&mut` of
    // the future that the caller has, or discarded, which needs that future to be gone (R4).
    block.work.with(|work| unsafe { &*work.cast::<W>() }.follows())
}

unsafe fn turn_of<T, W: Work<T>, O: Owner>(block: BlockPointer) -> Option<BlockPointer> {
    if !W::IS_TURN {
        return None;
    }
    // SAFETY: the caller has a side of the block, or keeps one who has it in its wait, so it is alive (R5).
    let block = unsafe { whole::<T, W, O>(block) };
    // SAFETY: the work of a turn is there until its result is taken, which comes after the wait (R4).
    block.work.with(|work| unsafe { &*work.cast::<W>() }.turn_of())
}

unsafe fn free<T, W: Work<T>, O: Owner>(block: BlockPointer) {
    let mut pointer = block.whole::<T, W, O>();
    // SAFETY: the caller is the last one to know the block (R5), so this reference is the only one.
    let block = unsafe { pointer.as_mut() };
    block.front.header.state.assert_exclusive();
    block.front.header.slot.assert_exclusive();
    block.front.result.with_mut(|_| ());
    block.work.with_mut(|_| ());
    // SAFETY: as above. Result, work and slot are dropped by hand, before; what is left is the owner.
    unsafe { pointer.drop_in_place() };
    // SAFETY: the memory came from `allocate` with this layout.
    unsafe { memory::free(pointer.cast(), Layout::new::<Block<T, W, O>>()) };
}
