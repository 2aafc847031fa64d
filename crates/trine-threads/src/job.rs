//! What waits on a worker's stack: a closure that borrows, in memory whose owner waits until it has run.

use crate::latch::Latch;
use crate::scope::Scope;
use std::cell::Cell;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::abort;
use std::ptr::NonNull;
use std::thread;
use trine_future::CurrentTask;
use trine_platform::UnsafeCell;

/// The head of a job, whatever its closure is.
#[repr(C)]
pub(crate) struct Job {
    kind: &'static Kind,
}

/// What all jobs with the same closure have in common: one word in each of them.
pub(crate) struct Kind {
    pub(crate) run: unsafe fn(NonNull<Job>),
    /// Whether the job is a `ScopedHead` and what follows that. If not, it is the half of a join.
    pub(crate) is_scoped: bool,
}

/// The head of a task of a scope.
#[repr(C)]
pub(crate) struct ScopedHead {
    pub(crate) head: Job,
    /// It waits for the task.
    pub(crate) scope: *const Scope<'static>,
    /// Whether the scope counts the task (see `Scope`). Changed by whoever takes it off the stack.
    pub(crate) is_counted: Cell<bool>,
}

impl Job {
    #[inline]
    pub(crate) fn new(kind: &'static Kind) -> Self {
        Self { kind }
    }

    /// The head of the task of a scope, if this is one.
    ///
    /// # Safety
    ///
    /// The job is alive as long as `'a`, and is not taken by anybody else meanwhile.
    pub(crate) unsafe fn scoped<'a>(job: NonNull<Self>) -> Option<&'a ScopedHead> {
        // SAFETY: the job is alive.
        let kind = unsafe { job.as_ref() }.kind;
        // SAFETY: the kind says that this is the beginning of such a head.
        kind.is_scoped.then(|| unsafe { job.cast().as_ref() })
    }

    /// Runs the job's closure, whose panic is kept for the job's owner.
    ///
    /// # Safety
    ///
    /// The job was taken off a stack or a queue by the caller, and so is run once. Then it may be gone.
    pub(crate) unsafe fn run(job: NonNull<Self>) {
        // SAFETY: the job is alive until it has run.
        let run = unsafe { job.as_ref() }.kind.run;
        // SAFETY: `run` is the function for this kind of job; the rest is promised by the caller.
        unsafe { run(job) };
    }
}

impl ScopedHead {
    /// Called when the task is about to be taken off the stack of the thread that spawned it, by another one.
    pub(crate) fn leaves(&self) {
        if !self.is_counted.replace(true) {
            // SAFETY: the scope waits for this task.
            unsafe { &*self.scope }.count();
        }
    }
}

/// A job in the frame of a function that does not return before it has run or was taken back.
///
/// Nothing of it is dropped with the frame: closure and result are moved out by those that the functions below name.
#[repr(C)]
pub(crate) struct FrameJob<F, R> {
    head: Job,
    /// The task that the frame belongs to.
    task: CurrentTask,
    /// Set when the job has run.
    pub(crate) latch: Latch,
    /// Moved out by whoever has taken the job.
    closure: UnsafeCell<ManuallyDrop<F>>,
    /// Written before the latch is set, by whoever has taken the job. Moved out afterwards by the owner of the frame.
    result: UnsafeCell<MaybeUninit<thread::Result<R>>>,
}

impl<F: FnOnce() -> R, R> FrameJob<F, R> {
    const KIND: &'static Kind = &Kind {
        run: Self::run,
        is_scoped: false,
    };

    #[inline]
    pub(crate) fn new(closure: F) -> Self {
        Self {
            head: Job::new(Self::KIND),
            task: CurrentTask::get(),
            latch: Latch::new(),
            closure: UnsafeCell::new(ManuallyDrop::new(closure)),
            result: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    #[inline]
    pub(crate) fn job(&self) -> NonNull<Job> {
        // The pointer is to the whole, of which the head is the beginning.
        NonNull::from(self).cast()
    }

    /// # Safety
    ///
    /// As for `Job::run`, with the head of such a job.
    unsafe fn run(job: NonNull<Job>) {
        let job = job.cast::<Self>().as_ptr().cast_const();
        // SAFETY: the frame is alive until the latch is set. This reference is not used after that.
        let this = unsafe { &*job };
        // SAFETY: the caller has taken the job.
        let closure = unsafe { this.closure() };
        // SAFETY: the owner of the frame is in its task, and waits for the latch.
        let run = || unsafe { this.task.inside(closure) };
        // PANIC: the closure is the user's code. Its panic goes on in the thread that waits for it.
        let result = catch_unwind(AssertUnwindSafe(run));
        this.result.with_mut(|place| {
            // SAFETY: the owner of the frame does not look before the latch is set.
            unsafe { (*place).write(result) };
        });
        // SAFETY: the frame is alive; the field of a struct is where the struct is.
        let latch = unsafe { &raw const (*job).latch };
        // SAFETY: the waiter keeps the frame until it knows; this is the only call, because the job is run once.
        unsafe { Latch::set(latch) };
    }

    /// Moves the closure out.
    ///
    /// # Safety
    ///
    /// The caller has taken the job, or taken it back, and calls this once.
    #[inline]
    pub(crate) unsafe fn closure(&self) -> F {
        // SAFETY: the caller is the only one who accesses the closure, and does it once.
        let closure = self.closure.with(|closure| unsafe { closure.read() });
        ManuallyDrop::into_inner(closure)
    }

    /// Moves out what the closure returned, or its panic.
    ///
    /// # Safety
    ///
    /// The latch is set, and the owner of the frame calls this once.
    pub(crate) unsafe fn result(&self) -> thread::Result<R> {
        // SAFETY: nobody else accesses the result once the latch is set, and the caller does it once.
        let result = self.result.with(|result| unsafe { result.read() });
        // SAFETY: it was written before the latch was set.
        unsafe { result.assume_init() }
    }
}

/// Ends the program if it is dropped, and not forgotten: put beside what has to be done before a frame is left, because others have
/// pointers into it.
pub(crate) struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        abort();
    }
}
