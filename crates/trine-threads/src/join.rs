//! Two closures side by side.

use crate::drop_beside::drop_beside_panic;
use crate::job::{AbortOnUnwind, FrameJob};
use crate::queues::Queues;
use crate::worker::{Worker, with_worker};
use crate::{elsewhere, latch::Latch};
use std::mem::{ManuallyDrop, forget, needs_drop};
use std::panic::resume_unwind;
use std::sync::Arc;
use trine_future::TaskSpan;
use trine_platform::spin_until;

/// Runs `first` on this thread, and `second` as well unless another worker takes it meanwhile.
#[inline]
pub(crate) fn join<A, B, RA, RB>(queues: &Arc<Queues>, first: A, second: B) -> (RA, RB)
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    with_worker(queues, |worker| match worker {
        Some(worker) => join_on(worker, first, second),
        None => join_from_outside(queues, first, second),
    })
}

/// Not inlined, so that a recursion which ends without a join does not pay for the registers that this one needs.
#[inline(never)]
fn join_on<A, B, RA, RB>(worker: &Worker, first: A, second: B) -> (RA, RB)
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB,
{
    let submitter = TaskSpan::current();
    let job = FrameJob::new(move || submitter.inside(second));
    let index = worker.push(job.job());
    let unwinding = Unwinding {
        worker,
        index,
        job: &job,
    };
    // PANIC: the closure is the user's code. When it unwinds, `unwinding` sees to the other half.
    let first = Returned::new(first());
    forget(unwinding);
    let second = if worker.stack.take_back(index) {
        // SAFETY: the job was taken back.
        let second = unsafe { job.closure() };
        second()
    } else {
        wait(worker, &job.latch);
        // SAFETY: the latch is set.
        let second = unsafe { job.result() };
        second.unwrap_or_else(|payload| resume_unwind(payload))
    };
    (first.into_value(), second)
}

/// The whole becomes a task, so that both halves have workers around them.
#[cold]
fn join_from_outside<A, B, RA, RB>(queues: &Arc<Queues>, first: A, second: B) -> (RA, RB)
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    elsewhere::run(queues, || {
        with_worker(queues, |worker| match worker {
            Some(worker) => join_on(worker, first, second),
            // A pool that was shut down.
            None => {
                let first = Returned::new(first());
                let second = second();
                (first.into_value(), second)
            }
        })
    })
}

/// Has the second half end, or never begin, before a panic of the first one leaves the frame.
struct Unwinding<'a, F: FnOnce() -> R, R> {
    worker: &'a Worker,
    index: usize,
    job: &'a FrameJob<F, R>,
}

impl<F: FnOnce() -> R, R> Drop for Unwinding<'_, F, R> {
    #[inline]
    fn drop(&mut self) {
        give_up(self.worker, self.index, self.job);
    }
}

#[cold]
fn give_up<F: FnOnce() -> R, R>(worker: &Worker, index: usize, job: &FrameJob<F, R>) {
    if worker.stack.take_back(index) {
        // SAFETY: the job was taken back.
        let second = unsafe { job.closure() };
        drop_beside_panic(|| drop(second));
    } else {
        wait(worker, &job.latch);
        // SAFETY: the latch is set.
        let second = unsafe { job.result() };
        drop_beside_panic(|| drop(second));
    }
}

/// What the first half has returned, as long as the second one may panic.
struct Returned<R>(ManuallyDrop<R>);

impl<R> Returned<R> {
    #[inline]
    fn new(value: R) -> Self {
        Self(ManuallyDrop::new(value))
    }

    #[inline]
    fn into_value(self) -> R {
        let mut returned = ManuallyDrop::new(self);
        // SAFETY: it is there, and nobody reaches it after this.
        unsafe { ManuallyDrop::take(&mut returned.0) }
    }
}

impl<R> Drop for Returned<R> {
    #[inline]
    fn drop(&mut self) {
        if needs_drop::<R>() {
            // SAFETY: it is there, because `into_value` does not get here, and nobody reaches it after this.
            drop_beside_panic(|| unsafe { ManuallyDrop::drop(&mut self.0) });
        }
    }
}

/// Waits for a half that another thread has taken.
#[cold]
fn wait(worker: &Worker, latch: &Latch) {
    let guard = AbortOnUnwind;
    if !spin_until(|| latch.is_set()) {
        worker.blocked(|| {
            while !latch.is_set() {
                latch.sleep();
            }
        });
    }
    forget(guard);
}
