//! How a result comes to the holder of a future, and how the holder's side of the block ends: with that, or without.

use crate::block::TaskResult;
use crate::snapshot::Snapshot;
use crate::waiting::Patience;
use crate::{Future, TaskError};
use std::convert::identity;
use std::mem::ManuallyDrop;
use trine_platform::prefetch_for_write;

impl<T> Future<T> {
    /// Takes the result of a task that has ended, as what `wrap` makes of it, and keeps the future.
    #[inline]
    pub(crate) fn take<R>(&mut self, wrap: impl FnOnce(TaskResult<T>) -> R) -> R {
        let ended = self.state().load();
        self.state().take(ended);
        // SAFETY: the task has ended. A second call finds it taken.
        unsafe { self.read_result(ended, wrap) }
    }

    /// Has fetched what taking the result will touch: a line of the cache, or two if the block lies so.
    #[inline]
    pub(crate) fn prefetch(&self) {
        prefetch_for_write(self.state());
        // SAFETY: the future's side of the block is alive.
        prefetch_for_write(&unsafe { self.block().front::<T>() }.result);
    }

    #[cold]
    pub(crate) fn wait_and_take(mut self) -> TaskResult<T> {
        self.wait(Patience::UnlessDeadlocked)?;
        self.take_ended()
    }

    /// Takes the result of a task that has ended, and lets go of the block.
    #[inline]
    pub(crate) fn take_ended(self) -> TaskResult<T> {
        let ended = self.state().load();
        // A guard lets go of the block, so that nothing comes after the result: it is copied once, to where the caller
        // wants it.
        let future = Ended {
            future: ManuallyDrop::new(self),
            ended,
        };
        // SAFETY: the task has ended, and nobody takes its result after this.
        unsafe { future.future.read_result(ended, identity) }
    }

    /// # Safety
    ///
    /// The task has ended as `ended` says, and its result is not taken after this.
    #[inline]
    unsafe fn read_result<R>(&self, ended: Snapshot, wrap: impl FnOnce(TaskResult<T>) -> R) -> R {
        if ended.has_stored_result() {
            // SAFETY: the task has ended with a result, which is the future's (R3).
            return unsafe { self.block().take_result::<T, R>(ended.phase(), wrap) };
        }
        // SAFETY: passed on to the caller.
        wrap(unsafe { self.make_result(ended) })
    }

    /// `read_result`, if the result is not in the block.
    ///
    /// # Safety
    ///
    /// As for `read_result`.
    #[cold]
    unsafe fn make_result(&self, ended: Snapshot) -> TaskResult<T> {
        if ended.is_taken() {
            Err(TaskError::taken())
        } else if ended.is_lazy() {
            // SAFETY: the task has ended, and its result is the future's (R3, R4).
            unsafe { self.block().resolve::<T>() }
        } else {
            Err(TaskError::cancelled())
        }
    }

    /// Lets go of the block of a task that has ended as `ended` says, after its result.
    #[inline]
    fn release(&self, ended: Snapshot) {
        // Without a producer nobody else knows the block: no atomic operation is needed to let go of it.
        if !ended.has_producer() || self.state().release_future() {
            // SAFETY: the producer's side has gone, and the future's goes with this.
            unsafe { self.block().free() };
        }
    }

    #[cold]
    fn drop_untaken(&mut self) {
        loop {
            let now = self.state().load();
            if now.is_terminal() {
                // SAFETY: the task has ended, and its result is the future's (R3).
                unsafe { self.block().discard(now.phase(), now.is_lazy()) };
                self.release(now);
                return;
            }
            self.forget_waiter();
            match self.state().detach() {
                Ok(before) if before.has_producer() => return,
                Ok(_) => unreachable!("a task that has not ended has a producer"),
                // It ended meanwhile.
                Err(_) => {}
            }
        }
    }
}

impl<T> Drop for Future<T> {
    #[inline]
    fn drop(&mut self) {
        let now = self.state().load();
        if now.is_taken() {
            self.release(now);
        } else {
            self.drop_untaken();
        }
    }
}

/// A future whose task has ended so, and whose result is being taken: lets go of the block.
struct Ended<T> {
    future: ManuallyDrop<Future<T>>,
    ended: Snapshot,
}

impl<T> Drop for Ended<T> {
    #[inline]
    fn drop(&mut self) {
        self.future.release(self.ended);
    }
}
