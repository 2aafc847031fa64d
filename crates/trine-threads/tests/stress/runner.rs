//! Does the steps of a program.

use crate::ledger::{Ledger, value_of};
use crate::plan::{Entry, Program, Step, TaskPlan};
use std::cell::Cell;
use std::hint::{black_box, spin_loop};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Weak};
use trine_fixture::block_on;
use trine_future::{Future, Promise, Shutdown};
use trine_threads::{Handle, SPARES, Scope, ThreadPool, blocking};

thread_local! {
    /// The thread belongs to no pool.
    pub(crate) static IS_OUTSIDE: Cell<bool> = const { Cell::new(false) };
    /// The thread submits a task, which it may have to run itself.
    static SUBMITS: Cell<bool> = const { Cell::new(false) };
}

/// What the threads and tasks of a program share.
pub(crate) struct Runner {
    pub(crate) handle: Handle,
    pool: Weak<ThreadPool>,
    pub(crate) ledger: Arc<Ledger>,
    workers: usize,
}

/// A capture of a task's closure: it tells when that is gone.
struct Capture {
    ledger: Arc<Ledger>,
    number: usize,
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.ledger.dropped(self.number);
    }
}

impl Runner {
    pub(crate) fn new(program: &Program, pool: &Arc<ThreadPool>, ledger: Arc<Ledger>) -> Arc<Self> {
        Arc::new(Self {
            handle: pool.handle(),
            pool: Arc::downgrade(pool),
            ledger,
            workers: program.workers,
        })
    }

    pub(crate) fn run_steps(self: &Arc<Self>, steps: &[Step]) {
        for step in steps {
            self.run_step(step);
        }
    }

    fn run_step(self: &Arc<Self>, step: &Step) {
        match step {
            Step::Task(task, entry, fate) => {
                if let Some(future) = self.enter(task, *entry) {
                    self.meet(*fate, task, future);
                }
            }
            Step::Group(tasks, together) => self.meet_all(*together, tasks),
            Step::Chain(tasks) => self.chain(tasks),
            Step::Promise(task) => self.promise(task),
            Step::Join(first, second) => self.join(first, second),
            Step::Scope { tasks, nested } => self.scope(tasks, *nested),
            Step::Map(map) => self.map(*map),
            Step::MapSlice { elements, panics_at } => self.map_slice(*elements, *panics_at),
            Step::Blocking(steps) => blocking(|| self.run_steps(steps)),
            Step::Look => {
                let stats = self.handle.stats();
                self.ledger.check(
                    stats.workers == self.workers && stats.spares <= SPARES as usize,
                    || format!("too many threads: {stats:?}"),
                );
            }
            Step::Shutdown(shutdown) => {
                if let Some(pool) = self.pool.upgrade() {
                    self.note(*shutdown);
                    pool.shutdown(*shutdown);
                }
            }
        }
    }

    /// A shutdown begins.
    pub(crate) fn note(&self, shutdown: Shutdown) {
        if shutdown == Shutdown::CancelQueued {
            self.ledger.is_cancelling.store(true, SeqCst);
        }
        self.ledger.is_closing.store(true, SeqCst);
    }

    /// What a task does.
    fn run(self: &Arc<Self>, task: &TaskPlan) -> u64 {
        self.ledger.runs(task);
        for _ in 0..task.spins {
            spin_loop();
        }
        self.run_steps(&task.steps);
        if task.panics {
            // Not `panic!`, which would print.
            resume_unwind(Box::new("planned"));
        }
        value_of(task)
    }

    fn capture(&self, task: &TaskPlan) -> Capture {
        self.ledger.made(task);
        Capture {
            ledger: Arc::clone(&self.ledger),
            number: task.number,
        }
    }

    /// Calls `submit`, which submits a task.
    pub(crate) fn submit<R>(&self, submit: impl FnOnce(&Handle) -> R) -> R {
        self.ledger.submitted.fetch_add(1, SeqCst);
        SUBMITS.set(true);
        let result = submit(&self.handle);
        SUBMITS.set(false);
        self.ledger.submitted();
        result
    }

    /// A task that was submitted begins.
    pub(crate) fn begin(&self) {
        let count = if SUBMITS.replace(false) {
            &self.ledger.ran_in_caller
        } else {
            &self.ledger.ran_in_pool
        };
        count.fetch_add(1, SeqCst);
    }

    /// The closure of a task that is to be submitted.
    pub(crate) fn closure(
        self: &Arc<Self>,
        task: &Arc<TaskPlan>,
    ) -> impl FnOnce(u64) -> u64 + Send + 'static + use<> {
        let (runner, task, capture) = (Arc::clone(self), Arc::clone(task), self.capture(task));
        move |nothing| {
            let _capture = capture;
            runner.begin();
            runner.run(&task) ^ nothing
        }
    }

    /// Submits a task. `None`: it has no future, or was not taken.
    fn enter(self: &Arc<Self>, task: &Arc<TaskPlan>, entry: Entry) -> Option<Future<u64>> {
        let closure = self.closure(task);
        match entry {
            Entry::Async if IS_OUTSIDE.get() => {
                Some(self.submit(|handle| block_on(handle.task(closure, 0).submit_async())))
            }
            Entry::Spawn | Entry::Async => Some(self.submit(|handle| handle.spawn(move || closure(0)))),
            Entry::Submit => Some(self.submit(|handle| handle.submit(closure, 0))),
            Entry::Task(priority) => {
                Some(self.submit(|handle| handle.task(closure, 0).priority(priority).submit()))
            }
            Entry::Try(priority) => {
                let entered = self.submit(|handle| handle.task(closure, 0).priority(priority).try_submit());
                if let Err(rejected) = &entered {
                    self.ledger.submitted.fetch_sub(1, SeqCst);
                    self.ledger.rejected(task);
                    let is_closing = self.ledger.is_closing.load(SeqCst);
                    self.ledger.check(rejected.is_full() || is_closing, || {
                        format!("task {} was rejected: {rejected}", task.number)
                    });
                }
                entered.ok()
            }
            Entry::Detached => {
                self.submit(|handle| {
                    handle.spawn_detached(move || {
                        black_box(closure(0));
                    });
                });
                None
            }
        }
    }

    fn chain(self: &Arc<Self>, tasks: &[Arc<TaskPlan>]) {
        let mut before: Option<(Arc<TaskPlan>, Future<u64>)> = None;
        for task in tasks {
            let closure = self.closure(task);
            let (runner, waits_for) = (Arc::clone(self), before.take());
            let future = self.submit(|handle| {
                handle.spawn(move || {
                    if let Some((task, future)) = waits_for {
                        runner.meet_result(&task, future.result());
                    }
                    closure(0)
                })
            });
            before = Some((Arc::clone(task), future));
        }
        if let Some((task, future)) = before {
            self.meet_result(&task, future.result());
        }
    }

    fn promise(self: &Arc<Self>, task: &Arc<TaskPlan>) {
        let closure = self.closure(task);
        let (promise, promised) = Promise::new();
        let future = self.submit(|handle| {
            handle.spawn(move || {
                let value = closure(0);
                let _ = promise.complete(value);
                value
            })
        });
        let promised = promised.result();
        let result = future.result();
        let agree = match (&promised, &result) {
            (Ok(promised), Ok(value)) => promised == value,
            (Err(error), Err(_)) => error.is_abandoned(),
            _ => false,
        };
        self.ledger.check(agree, || {
            format!("task {} promised {promised:?}, and gave {result:?}", task.number)
        });
        self.meet_result(task, result);
    }

    /// Runs something that borrows; from outside of the pool it becomes a task.
    fn lend<R>(&self, run: impl FnOnce() -> R) -> Option<R> {
        if IS_OUTSIDE.get() {
            self.ledger.submitted.fetch_add(1, SeqCst);
        }
        // PANIC: some of the tasks in there are planned to.
        let result = catch_unwind(AssertUnwindSafe(run)).ok();
        self.ledger.submitted();
        result
    }

    /// What was lent begins. `was_outside`: it was lent from there.
    fn begin_lent(&self, was_outside: bool) {
        if was_outside && !IS_OUTSIDE.get() {
            self.ledger.ran_in_pool.fetch_add(1, SeqCst);
        }
    }

    fn join(self: &Arc<Self>, first: &TaskPlan, second: &TaskPlan) {
        let was_outside = IS_OUTSIDE.get();
        let captures = [first, second].map(|task| self.capture(task));
        let [first_capture, second_capture] = captures;
        let joined = self.lend(|| {
            self.handle.join(
                || {
                    let _capture = first_capture;
                    self.begin_lent(was_outside);
                    self.run(first)
                },
                || {
                    let _capture = second_capture;
                    self.run(second)
                },
            )
        });
        let is_right = match joined {
            Some(values) => values == (value_of(first), value_of(second)) && !first.panics && !second.panics,
            None => (first.panics || second.panics) && self.ledger.has_run(first),
        };
        self.ledger.check(is_right, || {
            format!(
                "tasks {} and {} joined to {joined:?}",
                first.number, second.number
            )
        });
    }

    fn scope(self: &Arc<Self>, tasks: &[Arc<TaskPlan>], nested: bool) {
        let was_outside = IS_OUTSIDE.get();
        let ended = self.lend(|| {
            self.handle.scope(|scope| {
                self.begin_lent(was_outside);
                if nested {
                    self.spawn_nested(scope, tasks);
                } else {
                    tasks.iter().for_each(|task| self.spawn_in(scope, task, &[]));
                }
            });
        });
        let panics = tasks.iter().any(|task| task.panics);
        let all_ran = tasks.iter().all(|task| self.ledger.has_run(task));
        self.ledger.check(all_ran && ended.is_none() == panics, || {
            format!("a scope ended with {ended:?}, all tasks ran: {all_ran}, some panicked: {panics}")
        });
    }

    /// Spawns the first of `tasks`, which spawns the others.
    fn spawn_nested<'scope>(self: &'scope Arc<Self>, scope: &Scope<'scope>, tasks: &'scope [Arc<TaskPlan>]) {
        if let Some((first, others)) = tasks.split_first() {
            self.spawn_in(scope, first, others);
        }
    }

    fn spawn_in<'scope>(
        self: &'scope Arc<Self>,
        scope: &Scope<'scope>,
        task: &'scope TaskPlan,
        others: &'scope [Arc<TaskPlan>],
    ) {
        let capture = self.capture(task);
        scope.spawn(move |scope| {
            let _capture = capture;
            self.spawn_nested(scope, others);
            black_box(self.run(task));
        });
    }
}
