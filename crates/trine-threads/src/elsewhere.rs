//! Having a worker run a closure that borrows, while the calling thread waits.

use crate::job::{AbortOnUnwind, FrameJob, Job};
use crate::queued::Queued;
use crate::queues::Queues;
use crate::scope;
use crate::worker::{self, PoolOfTask};
use std::mem;
use std::panic::resume_unwind;
use std::ptr::NonNull;
use std::sync::Arc;
use trine_future::{Future, Task, TaskSpan};

/// Runs `closure` on a worker, and waits for it. A pool that was shut down does not take it, and one that is shut down
/// may cancel it: then it runs on the calling thread, because the caller wants a value and not an error.
pub(crate) fn run<R>(queues: &Arc<Queues>, closure: impl FnOnce() -> R + Send) -> R
where
    R: Send,
{
    let submitter = TaskSpan::current();
    let job = FrameJob::new(move || submitter.inside(closure));
    // SAFETY: this waits for the end of the task, after which the pointer is not used.
    let future = unsafe { submit(queues, job.job()) };
    let guard = AbortOnUnwind;
    let end = future.result_at_end();
    mem::forget(guard);
    match end {
        Ok(()) => {
            // SAFETY: the job has run, so its latch is set.
            let result = unsafe { job.result() };
            result.unwrap_or_else(|payload| resume_unwind(payload))
        }
        Err(_not_run) => {
            // SAFETY: the queue has let go of the job without running it.
            let closure = unsafe { job.closure() };
            closure()
        }
    }
}

/// Queues a job as a task. It has run if the future ends without an error, and never will if with one.
///
/// # Safety
///
/// The job is alive until the task has ended.
pub(crate) unsafe fn submit(queues: &Arc<Queues>, job: NonNull<Job>) -> Future<()> {
    struct Sent(NonNull<Job>);
    // SAFETY: what makes a job lets only closures in that are `Send`.
    unsafe impl Send for Sent {}

    let sent = Sent(job);
    let run = move || {
        let Sent(job) = { sent };
        // SAFETY: the task runs once, and the job is alive, as the caller of `submit` promises.
        unsafe { scope::run(job) };
    };
    let (task, future) = Task::new(run, PoolOfTask::new(queues));
    worker::push(queues, Queued::Task(task));
    future
}
