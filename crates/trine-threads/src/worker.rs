//! A thread of the pool: how it starts and ends, what it runs, and who takes its place while it sleeps.

use crate::blocks::Blocks;
use crate::finding::{Found, Turns};
use crate::initializer::InitializerError;
use crate::job::Job;
use crate::queued::Queued;
use crate::queues::Queues;
use crate::scope::{self, Scope};
use crate::stack::Stack;
use crate::stacks::NumberedStack;
use crate::statistics::Counters;
use crate::sweep::Sweep;
use crossbeam_deque::Worker as Deque;
use std::cell::Cell;
use std::io;
use std::ptr::{NonNull, null};
use std::sync::Arc;
use std::thread;
use trine_future::{
    BlockingHook, Drive, Failure, Future, Owner, Promise, Substitute, Waiting, catch_panic,
    set_blocking_hook, set_executor_failure_hook,
};

/// A thread of a pool, as it knows itself.
pub(crate) struct Worker {
    pub(crate) queues: Arc<Queues>,
    role: Role,
    pub(crate) counters: Arc<Counters>,
    /// The number of its stack.
    pub(crate) number: usize,
    /// Its jobs: halves of joins, and tasks of scopes.
    pub(crate) stack: Stack<Job>,
    pub(crate) blocks: Blocks,
    /// The innermost scope whose body or task the thread is in, or null.
    scope: Cell<*const Scope<'static>>,
    pub(crate) turns: Turns,
    sweep: Sweep,
    /// Where the thread's stack begins.
    pub(crate) bottom: usize,
}

enum Role {
    /// One of the pool's workers, with its number and its own tasks.
    Regular { number: usize, deque: Deque<Queued> },
    /// Stands in for one that sleeps. It has no tasks of its own, so that it can leave between any two.
    Spare,
}

thread_local! {
    /// The worker that the calling thread is.
    static CURRENT: Cell<*const Worker> = const { Cell::new(null()) };
    /// What the calling thread was started for, to its very end: destructors of its thread locals come after `CURRENT` is
    /// null. Never dereferenced.
    static STARTED_FOR: Cell<*const Queues> = const { Cell::new(null()) };
}

/// Starts the worker with this number. The future says whether its initializer succeeded.
pub(crate) fn start(
    queues: &Arc<Queues>,
    number: usize,
    deque: Deque<Queued>,
) -> io::Result<Future<Result<(), InitializerError>>> {
    let name = format!("{}-{number}", queues.settings.name);
    let (promise, initialized) = Promise::new();
    start_thread(queues, name, Role::Regular { number, deque }, |result| {
        let _ = promise.complete(result);
    })?;
    Ok(initialized)
}

/// Starts a thread that takes the name and, if its initializer succeeds, works. `initialized` is told how that was, on it.
fn start_thread(
    queues: &Arc<Queues>,
    name: String,
    role: Role,
    initialized: impl FnOnce(Result<(), InitializerError>) + Send + 'static,
) -> io::Result<()> {
    let Some(stack) = StackForThread::new(queues) else {
        // Spares that were told to end run what is left.
        return Err(io::ErrorKind::QuotaExceeded.into());
    };
    queues.closing.thread_starts();
    let builder = thread::Builder::new()
        .name(name.clone())
        .stack_size(queues.settings.stack_size);
    let shared = Arc::clone(queues);
    let thread = builder.spawn(move || {
        let here = 0_u8;
        let NumberedStack { number, stack } = stack.take();
        let worker = Worker {
            queues: Arc::clone(&shared),
            role,
            counters: shared.statistics.thread_starts(),
            number,
            stack,
            blocks: Blocks::new(),
            scope: Cell::new(null()),
            turns: Turns::default(),
            sweep: Sweep::new(),
            bottom: (&raw const here).addr(),
        };
        // Taken away below: nothing in between unwinds, because all of the user's panics are caught.
        CURRENT.set(&raw const worker);
        STARTED_FOR.set(Arc::as_ptr(&shared));
        set_executor_failure_hook(Some(Arc::clone(&shared.settings.failure_hook)));
        let result = match &shared.settings.initializer {
            Some(initializer) => initializer.run(&name),
            None => Ok(()),
        };
        let works = result.is_ok();
        initialized(result);
        if works {
            worker.work();
        }
        CURRENT.set(null());
        // PANIC: a task may have left another hook here, whose destructor is the user's code.
        drop(catch_panic(|| drop(set_executor_failure_hook(None))));
        shared.statistics.thread_ends(&worker.counters);
        let Worker {
            number, stack, role, ..
        } = worker;
        shared.stacks.give_back(NumberedStack { number, stack });
        if matches!(role, Role::Spare) {
            shared.threads.join_ended();
        }
        shared.thread_ended();
    });
    match thread {
        Ok(thread) => {
            queues.threads.add(thread);
            Ok(())
        }
        Err(error) => {
            queues.thread_ended();
            Err(error)
        }
    }
}

/// The stack of a thread that is about to start. It is given back if that fails.
struct StackForThread {
    queues: Arc<Queues>,
    stack: Option<NumberedStack>,
}

impl StackForThread {
    /// `None` if there is no stack left, in a pool that ends: else threads that end run nothing before they give theirs back.
    fn new(queues: &Arc<Queues>) -> Option<Self> {
        let stack = queues.stacks.own(|| queues.closing.is_closed())?;
        Some(Self {
            queues: Arc::clone(queues),
            stack: Some(stack),
        })
    }

    fn take(mut self) -> NumberedStack {
        self.stack.take().expect("it is taken once")
    }
}

impl Drop for StackForThread {
    fn drop(&mut self) {
        if let Some(stack) = self.stack.take() {
            self.queues.stacks.give_back(stack);
        }
    }
}

impl Worker {
    fn work(&self) {
        let [before, meanwhile, after, queues] = [(); 4].map(|()| Arc::clone(&self.queues));
        let is_spare = matches!(self.role, Role::Spare);
        set_blocking_hook(Some(BlockingHook {
            begin: Box::new(move || block(&before)),
            substitute: Box::new(move || meanwhile.spares.substitute()),
            end: Box::new(move || after.spares.unblock()),
            runs_members: Box::new(move || is_spare || queues.spares.are_many()),
        }));
        self.queues.closing.starts_work();
        loop {
            match self.next() {
                Some(found) => self.run(found),
                None => {
                    if is_spare {
                        self.queues.spares.is_gone();
                    }
                    break;
                }
            }
            if is_spare && self.stack.is_empty() && self.queues.spares.retire() {
                break;
            }
        }
        if self.queues.closing.stops_work() {
            while let Some(found) = self.at_hand().or_else(|| self.search()) {
                self.run(found);
            }
        }
        set_blocking_hook(None);
    }

    fn run(&self, found: Found) {
        match found {
            Found::Task(task) => self.run_task(task),
            // SAFETY: the job was taken off a stack, and is run here only.
            Found::Job(job) => unsafe { scope::run(job) },
        }
    }

    fn run_task(&self, task: Queued) {
        self.counters.task_taken();
        self.counters.task_ended(if self.queues.closing.is_cancelling() {
            task.cancel()
        } else {
            task.run()
        });
    }

    /// Puts a job on the worker's stack, and wakes somebody who may steal it.
    #[inline]
    pub(crate) fn push(&self, job: NonNull<Job>) -> usize {
        let index = self.stack.push(job);
        self.queues.sleep.notify_of_job();
        index
    }

    /// Calls `function` while `scope` is the innermost one. It is told where on the stack its jobs begin.
    pub(crate) fn inside<R>(&self, scope: *const Scope<'static>, function: impl FnOnce(usize) -> R) -> R {
        let outer = self.scope.replace(scope);
        let result = function(self.stack.end());
        self.scope.set(outer);
        result
    }

    #[inline]
    pub(crate) fn is_inside(&self, scope: *const Scope<'static>) -> bool {
        self.scope.get() == scope
    }

    /// Calls `sleep`, which may sleep for long, with a spare in this thread's place.
    pub(crate) fn blocked(&self, sleep: impl FnOnce()) {
        block(&self.queues);
        sleep();
        self.queues.spares.unblock();
    }

    /// The worker's own tasks, before one is put with them. Not inlined, so that who pushes from outside does not pay for it.
    #[inline(never)]
    fn swept_deque(&self) -> Option<&Deque<Queued>> {
        let deque = self.deque()?;
        if self.sweep.is_due(deque) {
            self.sweep_now(deque);
        }
        Some(deque)
    }

    #[cold]
    fn sweep_now(&self, deque: &Deque<Queued>) {
        self.queues
            .sweep(|| self.sweep.run(deque, |stale| self.run_task(stale)));
        // What is left was pushed anew: somebody may have fallen asleep without having seen it.
        self.queues.sleep.notify();
    }

    /// 0 for a thread that has none.
    pub(crate) fn number_of_deque(&self) -> usize {
        match self.role {
            Role::Regular { number, .. } => number,
            Role::Spare => 0,
        }
    }

    pub(crate) fn deque(&self) -> Option<&Deque<Queued>> {
        match &self.role {
            Role::Regular { deque, .. } => Some(deque),
            Role::Spare => None,
        }
    }
}

/// Whether the calling thread is one that the end of this pool waits for.
pub(crate) fn is_started_for(queues: &Queues) -> bool {
    std::ptr::eq(STARTED_FOR.get(), queues)
}

/// Whether the calling thread works for this pool.
pub(crate) fn is_current(queues: &Queues) -> bool {
    with_worker(queues, |worker| worker.is_some())
}

/// Queues a task: with the calling thread's own ones, if it is a worker of this pool.
pub(crate) fn push(queues: &Queues, task: Queued) {
    with_worker(queues, |own| queues.push(task, own.and_then(Worker::swept_deque)));
}

/// Calls `function` with the worker that the calling thread is, if it is one of this pool.
#[inline]
pub(crate) fn with_worker<R>(queues: &Queues, function: impl FnOnce(Option<&Worker>) -> R) -> R {
    with_current(|worker| function(worker.filter(|worker| std::ptr::eq(&raw const *worker.queues, queues))))
}

/// Calls `function` with the worker that the calling thread is, of whatever pool.
#[inline]
pub(crate) fn with_current<R>(function: impl FnOnce(Option<&Worker>) -> R) -> R {
    // It is always there. Said so it is read in place, where `get` would be a call, a tenth of a join.
    let current = CURRENT.try_with(Cell::get).unwrap_or(null());
    // SAFETY: null, or the worker whose `work` this thread is in.
    function(unsafe { current.as_ref() })
}

/// The calling thread of the pool goes to sleep in a wait: has a spare take its place.
fn block(queues: &Arc<Queues>) -> Substitute {
    if queues.spares.block() {
        queues.spares.starts();
        if start_spare(queues).is_err() {
            // The system has no thread left. The wait goes on without a spare, as beyond the limit.
            queues.spares.is_gone();
            queues.spares.has_started();
        }
    }
    queues.spares.substitute()
}

fn start_spare(queues: &Arc<Queues>) -> io::Result<()> {
    let name = format!("{}-spare", queues.settings.name);
    let shared = Arc::clone(queues);
    start_thread(queues, name, Role::Spare, move |result| {
        if result.is_err() {
            shared.spares.is_gone();
        }
        // Before the hook, which may wait for a task that counts on this spare.
        shared.spares.has_started();
        if let Err(error) = result {
            // PANIC: the hook is the user's code. There is nobody left to tell.
            let _ = catch_panic(|| (shared.settings.failure_hook)(&Failure::Initializer(Box::new(error))));
        }
    })
}

/// What a task knows of its pool: which one it is. Never dereferenced, because futures outlive pools.
pub(crate) struct PoolOfTask(usize);

impl PoolOfTask {
    pub(crate) fn new(queues: &Arc<Queues>) -> Self {
        Self(Arc::as_ptr(queues).addr())
    }
}

impl Owner for PoolOfTask {
    /// A worker that waits without a time-out for an unstarted task of its own pool runs it, while it has stack for that.
    fn drive(&self, waiting: Waiting<'_>) -> Drive {
        let is_own = |worker: &&Worker| Arc::as_ptr(&worker.queues).addr() == self.0;
        let runs =
            || with_current(|worker| worker.filter(is_own).is_some_and(Worker::runs_what_it_waits_for));
        match waiting {
            Waiting::Untimed if runs() => Drive::Run,
            _ => Drive::Sleep,
        }
    }
}
