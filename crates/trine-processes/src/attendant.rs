//! The thread beside each worker: it starts the worker, gives it tasks, takes the replies, and buries it.
//!
//! It lives as long as the pool, because the kernel ends a worker with the thread that has started it. It runs no code of
//! users.

use crate::answers::{GivenBack, Next};
use crate::queue::Ticket;
use crate::shared::{Presence, Shared};
use crate::system::{NoReply, Worker};
use crate::task::Task;
use trine_future::{TaskError, WorkerDeath};

/// Attends to the worker with `index` until the pool ends.
pub(crate) fn attend(shared: &Shared, index: usize) {
    let _presence = Presence::new(shared, index);
    let attendant = Attendant { shared, index };
    let mut worker: Option<Worker> = None;
    loop {
        if let Some(dead) = worker.take_if(|worker| worker.has_exited()) {
            let hopeless = shared.tell(|table| table.died_idle(index));
            let death = attendant.bury(dead);
            attendant.fail_all(hopeless, &format!("workers die before their first task: {death}"));
        }
        match shared.next(index) {
            None | Some(Next::Sleep { .. }) => {}
            Some(Next::Start) => worker = attendant.start(),
            Some(Next::Run(ticket)) => worker = attendant.run(worker, ticket),
            Some(Next::Retire) => {
                if let Some(spent) = worker.take() {
                    attendant.stop(spent);
                }
                shared.tell(|table| table.retired(index));
            }
            Some(Next::Leave) => break,
        }
    }
    if let Some(worker) = worker {
        attendant.stop(worker);
    }
}

struct Attendant<'a> {
    shared: &'a Shared,
    index: usize,
}

impl Attendant<'_> {
    fn start(&self) -> Option<Worker> {
        let Self { shared, index } = *self;
        let started = Worker::start(&shared.settings, index, |process| shared.register(index, process));
        match started.and_then(|worker| self.initialize(worker)) {
            Ok(worker) => {
                shared.tell(|table| table.started(index));
                Some(worker)
            }
            Err(cause) => {
                shared.forget(index);
                self.fail_all(shared.start_failed(index, &cause), &cause);
                None
            }
        }
    }

    /// Has the worker run the initializer, if there is one.
    fn initialize(&self, mut worker: Worker) -> Result<Worker, String> {
        let Some(initializer) = &self.shared.settings.initializer else {
            return Ok(worker);
        };
        match worker.exchange(&initializer.request) {
            Ok(reply) => match initializer.check(&reply) {
                Ok(()) => Ok(worker),
                Err(cause) => {
                    worker.kill();
                    Err(cause)
                }
            },
            Err(NoReply::NotStarted | NoReply::Lost) => Err(initializer.ended_its_worker(&worker.bury())),
        }
    }

    /// Runs one task, and returns the worker if it can run more.
    ///
    /// The table is told before the future is: whoever has seen the result finds the pool as it is after it.
    fn run(&self, worker: Option<Worker>, ticket: Ticket<Task>) -> Option<Worker> {
        let Self { shared, index } = *self;
        let Some(mut worker) = worker else {
            unreachable!("the table gives tasks to workers that are ready");
        };
        let Ticket {
            number,
            bytes,
            mut task,
        } = ticket;
        if !task.promise.start() {
            shared.tell(|table| table.skipped(index));
            return Some(worker);
        }
        if let Some(timeout) = task.timeout {
            shared.time(index, timeout);
        }
        match worker.exchange(&task.request) {
            Ok(reply) if task.is_answered_by(&reply) => {
                task.request = Vec::new();
                let kept = if shared.tell(|table| table.finished(index)) {
                    self.bury(worker);
                    None
                } else {
                    Some(worker)
                };
                shared.callbacks.defer(|| task.answer(reply));
                kept
            }
            Ok(nonsense) => {
                let _ = shared.tell(|table| table.lost(index));
                worker.kill();
                shared.forget(index);
                shared.callbacks.defer(|| task.answer(nonsense));
                None
            }
            Err(NoReply::NotStarted) => {
                let given_back = shared.tell(|table| table.give_back(index, Ticket { number, bytes, task }));
                let death = self.bury(worker);
                match given_back {
                    GivenBack::Queued { hopeless } => {
                        self.fail_all(hopeless, &format!("workers die before their first task: {death}"))
                    }
                    GivenBack::Stopped(ticket, stop) => {
                        shared.callbacks.defer(|| ticket.task.lose(Some(stop), death));
                    }
                }
                None
            }
            Err(NoReply::Lost) => {
                let stop = shared.tell(|table| table.lost(index));
                let death = self.bury(worker);
                shared.callbacks.defer(|| task.lose(stop, death));
                None
            }
        }
    }

    fn bury(&self, worker: Worker) -> WorkerDeath {
        let death = worker.bury();
        self.shared.forget(self.index);
        death
    }

    fn stop(&self, worker: Worker) {
        worker.stop();
        self.shared.forget(self.index);
    }

    /// Fails tasks for which no worker can be started.
    fn fail_all(&self, tickets: impl IntoIterator<Item = Ticket<Task>>, cause: &str) {
        for ticket in tickets {
            let reason = format!("the pool is unhealthy, no worker can be started: {cause}");
            let fail = || ticket.task.promise.fail(TaskError::refused(reason));
            self.shared.callbacks.defer(fail);
        }
    }
}
