//! The block: a task's state, waiter, result, owner and work in one allocation.
//!
//! # Who may touch what
//!
//! - R1: `state` and `vtable` and `owner` are shared, for as long as either side is alive.
//! - R2: `slot` belongs to the future's holder while the state is not WATCHED, and to the one who ended the task
//!   once it is terminal and was WATCHED before.
//! - R3: `result` belongs to whoever claimed the task (or holds the promise) until the state is terminal, and to
//!   the future's holder after; if the future had gone, to the one who completed.
//! - R4: `work` belongs to whoever claimed or cancelled the task. That of a lazy task (a mapped future, or a turn of
//!   a shared one) is never claimed: once it has ended, it belongs with the result (R3). Until the end whoever has a
//!   mapped future may look which block it follows.
//! - R5: the block is freed by whichever side goes last. Memory only: what is in it has been taken or dropped.
//!
//! "The future's holder" is whoever has the `Future` by value or by `&mut`, or, of a shared one, keeps it from being
//! taken; "the producer" has the `Promise` or the `Task`.

use crate::current::Current;
use crate::failure::{self, Failure};
use crate::memory;
use crate::owner::{Drive, Owner, Waiting};
use crate::snapshot::{Phase, Snapshot};
use crate::state::State;
use crate::waiter::Slot;
use crate::work::Work;
use crate::{Outcome, TaskError};
use std::alloc::Layout;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use trine_platform::{LeakCheck, UnsafeCell};

/// What a task ends with.
pub(crate) type TaskResult<T> = Result<T, TaskError>;

/// The part of a block that is the same for every task.
pub(crate) struct Header {
    pub(crate) state: State,
    vtable: &'static Vtable,
    slot: UnsafeCell<Slot>,
    _leak_check: LeakCheck,
}

/// The part that is the same for every task with this result.
#[repr(C)]
struct Front<T> {
    header: Header,
    result: UnsafeCell<MaybeUninit<TaskResult<T>>>,
}

/// The whole block.
#[repr(C)]
struct Block<T, W, O> {
    front: Front<T>,
    owner: O,
    work: UnsafeCell<MaybeUninit<W>>,
}

/// What needs to know the type of the work or of the owner.
struct Vtable {
    /// Performs the work of a claimed task and completes it, for `Side`.
    run: unsafe fn(BlockPointer, Side) -> Outcome,
    /// Performs the work of a lazy result and writes a `TaskResult<T>` to the pointer.
    resolve: unsafe fn(BlockPointer, *mut ()),
    drop_work: unsafe fn(BlockPointer),
    /// Drops a result that nobody will take, and reports it if it is a failure.
    drop_result: unsafe fn(BlockPointer),
    /// Completes a claimed task, whose work has been dropped, with an error.
    fail: unsafe fn(BlockPointer, TaskError, Side),
    drive: unsafe fn(BlockPointer, Waiting<'_>) -> Drive,
    stop: unsafe fn(BlockPointer),
    stops_running: bool,
    /// The block that a mapped future follows.
    inner: unsafe fn(BlockPointer) -> Option<BlockPointer>,
    free: unsafe fn(BlockPointer),
}

/// On whose behalf a task is completed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The producer's: its side of the block ends with the task.
    Producer,
    /// The future's holder, who ran the task itself: the queue keeps its pointer, and frees the block later.
    Future,
}

/// A pointer to a block whose types are not known here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockPointer(NonNull<Header>);

// SAFETY: R1 to R5 say who may touch what, whatever thread they are on; everything in a block is `Send`, and its
// shared parts are `Sync` (see the bounds of `allocate`).
unsafe impl Send for BlockPointer {}
// SAFETY: as above.
unsafe impl Sync for BlockPointer {}

/// Makes a block. Both sides of it are alive, unless `snapshot` says otherwise.
pub(crate) fn allocate<T: Send, W: Work<T>, O: Owner>(
    snapshot: Snapshot,
    result: MaybeUninit<TaskResult<T>>,
    work: W,
    owner: O,
) -> BlockPointer {
    let memory = memory::allocate(Layout::new::<Block<T, W, O>>()).cast::<Block<T, W, O>>();
    let block = Block {
        front: Front {
            header: Header {
                state: State::new(snapshot),
                vtable: &Table::<T, W, O>::VTABLE,
                slot: UnsafeCell::new(Slot::default()),
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

struct Table<T, W, O>(PhantomData<(T, W, O)>);

impl<T: Send, W: Work<T>, O: Owner> Table<T, W, O> {
    const VTABLE: Vtable = Vtable {
        run: run::<T, W, O>,
        resolve: resolve::<T, W, O>,
        drop_work: drop_work::<T, W, O>,
        drop_result: drop_result::<T>,
        fail: fail::<T>,
        drive: drive::<T, W, O>,
        stop: stop::<T, W, O>,
        stops_running: O::STOPS_RUNNING,
        inner: inner::<T, W, O>,
        free: free::<T, W, O>,
    };
}

/// # Safety
///
/// `block` was made by `allocate::<T, W, O>` and has not been freed.
unsafe fn whole<'a, T, W, O>(block: BlockPointer) -> &'a Block<T, W, O> {
    // SAFETY: the caller promises the type and the life; the parts that are written to stand in cells.
    unsafe { block.0.cast().as_ref() }
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
    let current = unsafe { Current::enter(block) };
    let result = work.perform();
    drop(current);
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

unsafe fn drop_work<T, W: Work<T>, O: Owner>(block: BlockPointer) {
    // SAFETY: passed on to the caller.
    let work = unsafe { take_work::<T, W, O>(block) };
    // PANIC: the work's destructor is the user's code; the task's end has been decided without it.
    failure::contain(|| drop(work));
}

unsafe fn drop_result<T>(block: BlockPointer) {
    // SAFETY: the caller knows that there is a result and that it is its own (R3).
    let result = unsafe { block.take_result::<T>() };
    // PANIC: the destructors of the value and of an error's cause are the user's code; the block still has to be let
    // go of.
    failure::contain(|| match result {
        Err(error) if error.is_worth_reporting() => failure::report(&Failure::Unseen(error)),
        result => drop(result),
    });
}

unsafe fn fail<T>(block: BlockPointer, error: TaskError, side: Side) {
    // A task that was cancelled in between is cancelled, not failed.
    // SAFETY: the caller has claimed the task and is on `side`.
    let _ = unsafe { finish::<T>(block, Err(error), side) };
}

unsafe fn drive<T, W: Work<T>, O: Owner>(block: BlockPointer, waiting: Waiting<'_>) -> Drive {
    // SAFETY: the caller has a side of the block, so it is alive (R5).
    unsafe { whole::<T, W, O>(block) }.owner.drive(waiting)
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

unsafe fn free<T, W: Work<T>, O: Owner>(block: BlockPointer) {
    let mut pointer = block.0.cast::<Block<T, W, O>>();
    // SAFETY: the caller is the last one to know the block (R5), so this reference is the only one.
    let block = unsafe { pointer.as_mut() };
    block.front.header.state.assert_exclusive();
    block.front.header.slot.with_mut(|_| ());
    block.front.result.with_mut(|_| ());
    block.work.with_mut(|_| ());
    // SAFETY: as above. Result and work are dropped by hand, before; what is left are the slot and the owner.
    unsafe { pointer.drop_in_place() };
    // SAFETY: the memory came from `allocate` with this layout.
    unsafe { memory::free(pointer.cast(), Layout::new::<Block<T, W, O>>()) };
}

/// Ends a task with `result`, and tells whoever waits. Gives the result back if the task had been cancelled.
///
/// # Safety
///
/// The caller has claimed the task or holds its promise, is on `side` of it, and does not use the block after this
/// if that is the producer's. `T` is the task's type.
pub(crate) unsafe fn finish<T>(
    block: BlockPointer,
    result: TaskResult<T>,
    side: Side,
) -> Result<(), TaskResult<T>> {
    let phase = if result.is_ok() {
        Phase::Done
    } else {
        Phase::Failed
    };
    // SAFETY: the block is alive, because the caller has a side of it.
    let front = unsafe { block.front::<T>() };
    // SAFETY: the result is the caller's before the end (R3).
    front
        .result
        .with_mut(|place| unsafe { place.write(MaybeUninit::new(result)) });
    match front.header.state.complete(phase, false, side == Side::Producer) {
        Ok(before) => {
            // SAFETY: this call has ended the task.
            unsafe { block.ended(before, phase, false, side) };
            Ok(())
        }
        Err(_) => {
            // SAFETY: nobody reads the result of a cancelled task, so it is still the caller's.
            let result = unsafe { block.take_result::<T>() };
            if side == Side::Producer {
                // SAFETY: the caller's side ends here.
                unsafe { block.release_producer() };
            }
            Err(result)
        }
    }
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
    unsafe fn front<'a, T>(self) -> &'a Front<T> {
        // SAFETY: every block with this result begins with this, and the caller promises that it is alive.
        unsafe { self.0.cast().as_ref() }
    }

    /// Takes the stored result out of the block.
    ///
    /// # Safety
    ///
    /// There is one, not lazy, and it is the caller's (R3). `T` is the task's type.
    #[inline]
    pub(crate) unsafe fn take_result<T>(self) -> TaskResult<T> {
        // SAFETY: passed on to the caller.
        let front = unsafe { self.front::<T>() };
        // SAFETY: passed on to the caller.
        front
            .result
            .with_mut(|result| unsafe { result.cast::<TaskResult<T>>().read() })
    }

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

    /// Replaces the slot's content.
    ///
    /// # Safety
    ///
    /// The slot is the caller's (R2).
    pub(crate) unsafe fn with_slot<R>(self, access: impl FnOnce(&mut Slot) -> R) -> R {
        // SAFETY: the block is alive, because the caller has a side of it.
        let header = unsafe { self.header() };
        // SAFETY: the slot is the caller's (R2).
        header.slot.with_mut(|slot| access(unsafe { &mut *slot }))
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

    /// Cancels the task if it has not started, or if its owner can stop it. True if it is cancelled now.
    ///
    /// # Safety
    ///
    /// The caller has a side of the block.
    pub(crate) unsafe fn cancel(self) -> bool {
        // SAFETY: passed on to the caller.
        let (cancelled, slot) = unsafe { self.cancel_untold() };
        slot.notify(Outcome::Cancelled);
        cancelled
    }

    /// `cancel`, but for telling those in the slot that comes back.
    ///
    /// # Safety
    ///
    /// The caller has a side of the block.
    pub(crate) unsafe fn cancel_untold(self) -> (bool, Slot) {
        // SAFETY: passed on to the caller.
        let deciding = unsafe { self.deciding() };
        // SAFETY: the deciding block lives for as long as this one.
        let header = unsafe { deciding.header() };
        match header.state.cancel(header.vtable.stops_running) {
            Err(after) => (after.phase() == Phase::Cancelled, Slot::default()),
            Ok(before) => {
                if before.phase() == Phase::Pending {
                    // SAFETY: this call has cancelled a task that nobody had claimed, so the work is its own (R4).
                    unsafe { (header.vtable.drop_work)(deciding) };
                } else {
                    // SAFETY: the block is alive.
                    unsafe { (header.vtable.stop)(deciding) };
                }
                let slot = if before.is_watched() {
                    // SAFETY: this call has ended a watched task, so the slot is its own (R2).
                    unsafe { deciding.with_slot(std::mem::take) }
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
        if state.is_terminal() {
            return state.phase();
        }
        // SAFETY: passed on to the caller.
        let deciding = unsafe { self.deciding() };
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
    unsafe fn deciding(self) -> BlockPointer {
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
        let slot = before.is_watched().then(|| {
            // SAFETY: the task was watched, so the slot is the completer's (R2).
            unsafe { self.with_slot(std::mem::take) }
        });
        if side == Side::Producer {
            if before.is_watched() {
                // SAFETY: `complete` has left the producer's side alive, because the task was watched.
                unsafe { self.release_producer() };
            } else if !before.has_future() {
                // SAFETY: `complete` has let go of the producer's side, and the future had gone before.
                unsafe { self.free() };
            }
        }
        // From here on the block may be gone.
        if let Some(slot) = slot {
            slot.notify(Outcome::of(phase));
        }
    }

    /// Ends a task whose result will be made by the one who takes it, out of the work. Nothing happens if it was
    /// cancelled.
    ///
    /// # Safety
    ///
    /// The caller has the producer's side of a task that nobody has claimed, and does not use it after this.
    pub(crate) unsafe fn finish_lazy(self, phase: Phase) {
        // SAFETY: the caller has a side of the block.
        let header = unsafe { self.header() };
        match header.state.complete(phase, true, true) {
            // SAFETY: this call has ended the task.
            Ok(before) => unsafe { self.ended(before, phase, true, Side::Producer) },
            // SAFETY: the caller's side ends here.
            Err(_) => unsafe { self.release_producer() },
        }
    }

    /// Drops the result of an ended task that nobody will take, and reports a failure.
    ///
    /// # Safety
    ///
    /// The task has ended, and its result is there and the caller's (R3).
    pub(crate) unsafe fn discard(self, phase: Phase, lazy: bool) {
        // SAFETY: the caller has a side of the block.
        let vtable = unsafe { self.header() }.vtable;
        if lazy {
            // A mapped future that failed holds the one it follows, which reports when it is dropped in turn.
            // SAFETY: under LAZY the work belongs with the result (R4).
            unsafe { (vtable.drop_work)(self) };
        } else if phase != Phase::Cancelled {
            // SAFETY: passed on to the caller.
            unsafe { (vtable.drop_result)(self) };
        }
    }

    /// Lets go of the producer's side.
    ///
    /// # Safety
    ///
    /// The caller has it, and does not use the block after this.
    pub(crate) unsafe fn release_producer(self) {
        // SAFETY: the caller has a side of the block.
        if unsafe { self.header() }.state.release_producer() {
            // SAFETY: the future has gone.
            unsafe { self.free() };
        }
    }

    /// Frees the memory.
    ///
    /// # Safety
    ///
    /// Both sides have gone (R5).
    pub(crate) unsafe fn free(self) {
        // SAFETY: the block is alive until this call.
        let free = unsafe { self.header() }.vtable.free;
        // SAFETY: passed on to the caller.
        unsafe { free(self) };
    }
}

/// The producer's side of a mapped task, as the task that it follows holds it.
pub(crate) struct Producer(pub(crate) BlockPointer);

impl Producer {
    /// The followed task has ended.
    pub(crate) fn finish_mapped(self, outcome: Outcome) {
        // SAFETY: this is the producer's side of a mapped task; dropping `self` does nothing.
        unsafe { self.0.finish_lazy(outcome.phase()) };
    }
}
