//! A scope: tasks that borrow, and that have ended before it ends.
//!
//! # What is counted
//!
//! Counting each task in one place would cost more than the tasks themselves. So a task is *local* at first: spawned on a
//! thread whose innermost scope this one is (`Worker::scope`), it stands on that thread's stack, and the thread doesn't
//! leave the scope before it has run all of them there. What `open` counts is what the local tasks can't vouch for:
//!
//! - the thread in the body of the scope,
//! - each task that was taken off the stack it was pushed on: the thief counts it before its owner can miss it. While the
//!   thief runs it, this scope is its innermost one, and its local tasks are run before it is counted off,
//! - each task that was not local from the start: spawned on a thread that is inside of another scope or of none.
//!
//! Whoever counts down to zero is the last one to touch the scope.

use crate::blocks::Blocks;
use crate::countdown::Countdown;
use crate::drop_beside::drop_beside_panic;
use crate::elsewhere;
use crate::job::{AbortOnUnwind, Job, Kind, ScopedHead};
use crate::queues::Queues;
use crate::worker::{Worker, with_current, with_worker};
use std::any::Any;
use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, mem};
use trine_future::{CurrentTask, Future, TaskSpan};
use trine_lock::Lock;
use trine_platform::spin_until;

/// How often the end of a scope looks for work of its own before it sleeps. In between it looks whether it is over.
const SEARCHES: u32 = 2;

/// Where tasks are spawned that borrow from the frames around. See [`ThreadPool::scope`](crate::ThreadPool::scope).
///
/// ```
/// use trine_threads::{Scope, ThreadPool};
///
/// /// Adds up a tree, each branch as a task.
/// fn add<'scope>(scope: &Scope<'scope>, depth: u32, leaves: &'scope std::sync::atomic::AtomicU32) {
///     if depth == 0 {
///         leaves.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
///         return;
///     }
///     scope.spawn(move |scope| add(scope, depth - 1, leaves));
///     add(scope, depth - 1, leaves);
/// }
///
/// let pool = ThreadPool::new(2)?;
/// let leaves = std::sync::atomic::AtomicU32::new(0);
/// pool.scope(|scope| add(scope, 4, &leaves));
/// assert_eq!(leaves.into_inner(), 16);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub struct Scope<'scope> {
    queues: Arc<Queues>,
    /// The one that waits for the scope's tasks, which are parts of it.
    task: CurrentTask,
    /// See the head of this file.
    open: Countdown,
    /// The first panic. A lock, because panics are rare.
    panic: Lock<Option<Payload>>,
    /// The tasks that were spawned on threads that are not the pool's. A lock, because there are hardly any.
    queued: Lock<Vec<Queued>>,
    /// Neither longer nor shorter: what a task may borrow is exactly what lives as long as `'scope`.
    marker: PhantomData<fn(&'scope ()) -> &'scope ()>,
}

type Payload = Box<dyn Any + Send>;

/// A task of a scope in the queue of the pool.
struct Queued {
    job: NonNull<Job>,
    future: Future<()>,
}

// SAFETY: the job's closure is `Send`; `Scope::spawn` asks for it.
unsafe impl Send for Queued {}

impl Queued {
    /// False, too, if the pool has not taken it.
    fn has_run(&mut self) -> bool {
        self.future.is_done()
            && self
                .future
                .result_timeout(Duration::ZERO)
                .is_some_and(|end| end.is_ok())
    }
}

/// A task of a scope, in memory of its own.
#[repr(C)]
struct ScopedJob<'scope, F> {
    head: ScopedHead,
    closure: F,
    marker: PhantomData<fn(&'scope ())>,
}

/// Runs `body` with a scope, on a worker of the pool, and waits for the tasks that it spawns.
pub(crate) fn scope<'scope, R: Send>(
    queues: &Arc<Queues>,
    body: impl FnOnce(&Scope<'scope>) -> R + Send,
) -> R {
    with_worker(queues, |worker| match worker {
        Some(worker) => scope_on(queues, Some(worker), body),
        None => elsewhere::run(queues, || {
            with_worker(queues, |worker| scope_on(queues, worker, body))
        }),
    })
}

/// `worker` is the calling thread: `None` if the pool was shut down, and the caller is none of its threads.
fn scope_on<'scope, R>(
    queues: &Arc<Queues>,
    worker: Option<&Worker>,
    body: impl FnOnce(&Scope<'scope>) -> R,
) -> R {
    let scope = Scope::new(Arc::clone(queues));
    let guard = AbortOnUnwind;
    // PANIC: the body is the user's code. Its panic goes on when the tasks have ended.
    let result = match worker {
        Some(worker) => worker.inside(scope.erased(), |base| {
            let result = catch_unwind(AssertUnwindSafe(|| body(&scope)));
            scope.run_local(worker, base);
            result
        }),
        None => catch_unwind(AssertUnwindSafe(|| body(&scope))),
    };
    let value = result.map_err(|payload| scope.keep(payload)).ok();
    scope.wait(worker);
    mem::forget(guard);
    let panic = scope.panic.lock().take();
    match (panic, value) {
        (None, Some(value)) => value,
        (Some(payload), value) => {
            drop_beside_panic(|| drop(value));
            resume_unwind(payload)
        }
        (None, None) => unreachable!("the panic of the body was kept"),
    }
}

impl<'scope> Scope<'scope> {
    fn new(queues: Arc<Queues>) -> Self {
        Self {
            queues,
            task: CurrentTask::get(),
            open: Countdown::new(),
            panic: Lock::new(None),
            queued: Lock::new(Vec::new()),
            marker: PhantomData,
        }
    }

    /// Runs `closure` on some worker before the scope ends. It is given the scope, to spawn more.
    ///
    /// Never blocks. The first panic of a task goes on where the scope ends; the others are dropped.
    pub fn spawn(&self, closure: impl FnOnce(&Self) + Send + 'scope) {
        let span = self.queues.span(&TaskSpan::current(), &closure);
        let closure = move |scope: &Self| span.run(|| closure(scope));
        with_worker(&self.queues, |worker| match worker {
            Some(worker) => {
                let is_local = worker.is_inside(self.erased());
                worker.push(self.job(Some(&worker.blocks), closure, !is_local));
            }
            None => self.spawn_from_outside(self.job(None, closure, true)),
        });
    }

    #[inline]
    fn job<F>(&self, blocks: Option<&Blocks>, closure: F, is_counted: bool) -> NonNull<Job>
    where
        F: FnOnce(&Self) + Send + 'scope,
    {
        if is_counted {
            self.count();
        }
        let job = ScopedJob {
            head: ScopedHead {
                head: Job::new(ScopedJob::<'scope, F>::KIND),
                scope: self.erased(),
                is_counted: Cell::new(is_counted),
            },
            closure,
            marker: PhantomData,
        };
        Blocks::put(blocks, job).cast()
    }

    #[cold]
    fn spawn_from_outside(&self, job: NonNull<Job>) {
        // SAFETY: the job is alive until it has run. If the task ends without running it, `run_queued` does.
        let future = unsafe { elsewhere::submit(&self.queues, job) };
        {
            let mut queued = self.queued.lock();
            if queued.len() == queued.capacity() {
                queued.retain_mut(|task| !task.has_run());
                // Room for as many as are left, so that it is not looked through again for each of the next ones.
                let left = queued.len();
                queued.reserve(left);
            }
            queued.push(Queued { job, future });
        }
        self.open.interrupt();
    }

    /// The same scope, for those that know nothing of `'scope`.
    fn erased(&self) -> *const Scope<'static> {
        std::ptr::from_ref(self).cast()
    }

    /// Keeps the first panic.
    fn keep(&self, payload: Payload) {
        let superfluous = {
            let mut panic = self.panic.lock();
            if panic.is_none() {
                *panic = Some(payload);
                return;
            }
            payload
        };
        drop_beside_panic(|| drop(superfluous));
    }

    /// Counts a task. The caller keeps the scope from ending meanwhile.
    pub(crate) fn count(&self) {
        self.open.up();
    }

    /// Runs the tasks of this scope that the calling thread has spawned, from `base` upwards on its stack.
    fn run_local(&self, worker: &Worker, base: usize) {
        let scope = self.erased();
        // What is on the stack from `base` to here belongs to others. Else everything would be looked through for each task. What is run
        // leaves the stack as it is up to where it ends now, and may put tasks of this scope there.
        let mut begin = base;
        while let Some(job) = worker.stack.pop(base) {
            begin = begin.min(worker.stack.end());
            let job = if belongs_to(job, scope) {
                job
            } else {
                // It belongs to a scope around this one, where something may be locked until this one ends.
                worker.stack.push(job);
                match worker.stack.take(begin, |job| belongs_to(job, scope)) {
                    Some((index, job)) => {
                        begin = index + 1;
                        job
                    }
                    None => return,
                }
            };
            // SAFETY: the job was taken just now, and the scope waits for this thread.
            unsafe { run(job) };
        }
    }

    /// Waits until all tasks have ended. Runs those that nobody has started.
    fn wait(&self, worker: Option<&Worker>) {
        self.run_queued();
        // SAFETY: this is the owner's, for the first time.
        unsafe { Countdown::down(&raw const self.open) };
        while !self.open.has_ended() {
            self.run_queued();
            if !worker.is_some_and(|worker| self.run_others(worker)) && !self.open.has_ended() {
                match worker {
                    Some(worker) => worker.blocked(|| self.open.sleep()),
                    None => self.open.sleep(),
                }
            }
        }
    }

    /// Waits for the tasks that were spawned outside of the pool. What the pool didn't take or cancelled is run here.
    fn run_queued(&self) {
        loop {
            // Not in the condition of the loop: the lock would be held meanwhile.
            let Some(Queued { job, future }) = self.queued.lock().pop() else {
                return;
            };
            if future.result_at_end().is_err() {
                // SAFETY: the queue has let go of the job without running it.
                unsafe { run(job) };
            }
        }
    }

    /// Runs a task of this scope that waits on another thread's stack. False if there is none for a while.
    fn run_others(&self, worker: &Worker) -> bool {
        let scope = self.erased();
        for _ in 0..SEARCHES {
            if let Some(job) = self.queues.stacks.take(worker.number, scope) {
                // SAFETY: the job was taken just now, and this thread waits for the scope.
                unsafe { run(job) };
                return true;
            }
            if spin_until(|| self.open.has_ended()) {
                return true;
            }
        }
        false
    }
}

/// Runs a job that was taken off a stack. One that its scope counts is counted off when its local tasks have run, too.
///
/// # Safety
///
/// As for `Job::run`.
pub(crate) unsafe fn run(job: NonNull<Job>) {
    // SAFETY: the caller has taken the job.
    let task = unsafe { Job::scoped(job) }.filter(|task| task.is_counted.get());
    let Some(scope) = task.map(|task| task.scope) else {
        // SAFETY: the caller promises it.
        unsafe { Job::run(job) };
        return;
    };
    // SAFETY: the scope counts this job, and so is alive.
    let queues = unsafe { &(*scope).queues };
    with_worker(queues, |worker| match worker {
        Some(worker) => worker.inside(scope, |base| {
            // SAFETY: the caller promises it.
            unsafe { Job::run(job) };
            // SAFETY: the scope still counts this job.
            unsafe { &*scope }.run_local(worker, base);
        }),
        // SAFETY: the caller promises it.
        None => unsafe { Job::run(job) },
    });
    // SAFETY: the job is still counted.
    let open = unsafe { &raw const (*scope).open };
    // SAFETY: as above. The scope is not used after this.
    unsafe { Countdown::down(open) };
}

/// Whether a job that nobody else can take meanwhile is a task of this scope.
fn belongs_to(job: NonNull<Job>, scope: *const Scope<'static>) -> bool {
    #[cfg(test)]
    LOOKS.set(LOOKS.get() + 1);
    // SAFETY: nobody else takes the job, and it has not run.
    unsafe { Job::scoped(job) }.is_some_and(|task| task.scope == scope)
}

impl<'scope, F: FnOnce(&Scope<'scope>) + Send + 'scope> ScopedJob<'scope, F> {
    const KIND: &'static Kind = &Kind {
        run: Self::run,
        is_scoped: true,
    };

    /// # Safety
    ///
    /// As for `Job::run`, with the head of such a job.
    unsafe fn run(job: NonNull<Job>) {
        let Self { head, closure, .. } = with_current(|worker| {
            // SAFETY: `Scope::job` has put the job there, and it is run once.
            unsafe { Blocks::take(worker.map(|worker| &worker.blocks), job.cast()) }
        });
        // SAFETY: the scope waits for this job; it was spawned there with this lifetime.
        let scope = unsafe { &*head.scope.cast::<Scope<'scope>>() };
        // SAFETY: the thread that has opened the scope is in its task, and waits for this job.
        let run = || unsafe { scope.task.inside(|| closure(scope)) };
        // PANIC: the closure is the user's code. Its captures are dropped before this returns, also then.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
            scope.keep(payload);
        }
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Scope").finish_non_exhaustive()
    }
}

#[cfg(test)]
thread_local! {
    /// How often this thread has asked whose task one is.
    static LOOKS: Cell<usize> = const { Cell::new(0) };
}

#[cfg(all(test, not(trine_loom)))]
mod tests;
