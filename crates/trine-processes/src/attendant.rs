//! The thread beside each worker: it starts the worker, takes the replies that nobody waits for, and buries it.
//!
//! It lives as long as the pool, because the kernel ends a worker with the thread that has started it. It runs callbacks only where the
//! system has no thread for them; it calls wakers and failure hooks.

use crate::answers::{Died, Next};
use crate::frames::Frames;
use crate::queue::Ticket;
use crate::shared::{Presence, Shared, Taking};
use crate::system::{Sent, Worker};
use crate::task::Task;
use std::time::Instant;
use trine_future::TaskError;

/// Attends to the worker with `index` until the pool ends.
pub(crate) fn attend(shared: &Shared, index: usize) {
    let _taking = Taking::begin(shared);
    let _presence = Presence::new(shared, index);
    let attendant = Attendant { shared, index };
    let mut worker: Option<Worker> = None;
    loop {
        if let Some(dead) = worker.take_if(|worker| attendant.take_replies(worker)) {
            attendant.bury(dead, false);
        }
        match shared.next(index) {
            Next::Start => worker = attendant.start(),
            Next::Send => worker = worker.and_then(|worker| attendant.send(worker)),
            Next::Sleep { naps, .. } => shared.sleep(index, worker.as_ref(), naps),
            Next::Retire => {
                if let Some(spent) = worker.take() {
                    attendant.stop(spent);
                }
                shared.tell(|table| table.retired(index));
            }
            Next::Leave => break,
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
                shared.started(index);
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
    fn initialize(&self, worker: Worker) -> Result<Worker, String> {
        let Some(initializer) = &self.shared.settings.initializer else {
            return Ok(worker);
        };
        match worker.exchange(&initializer.request) {
            Some(reply) => match initializer.check(&reply) {
                Ok(()) => Ok(worker),
                Err(cause) => {
                    worker.kill();
                    Err(cause)
                }
            },
            None => Err(initializer.unended(&worker.bury())),
        }
    }

    /// Takes what the worker has replied. True if that was all, because it has exited.
    fn take_replies(&self, worker: &Worker) -> bool {
        let Self { shared, index } = *self;
        // Before the last look: what was written before the end comes through.
        let has_exited = worker.has_exited();
        loop {
            match worker.replies(|replies| shared.tell_replies(index, None, replies)) {
                Ok(None) => return has_exited,
                Ok(Some(settled)) => shared.conclude(index, settled),
                Err(_) => {
                    // Once is enough: nothing that comes after it makes sense.
                    shared.settle(index, Frames::of(Vec::new()));
                    return true;
                }
            }
            if !has_exited {
                // What has come since then is seen before the next sleep, or comes together with more.
                return false;
            }
        }
    }

    /// Sends the task that could not be handed to the worker, and returns the worker if it can run more.
    fn send(&self, worker: Worker) -> Option<Worker> {
        let Self { shared, index } = *self;
        let is_sent = || shared.tell(|table| table.sent(index, Instant::now()));
        let Some(request) = shared.request_to_send(index) else {
            // It was taken back meanwhile.
            worker.renounce();
            is_sent();
            return Some(worker);
        };
        match worker.send(&request, is_sent) {
            Sent::Pending => Some(worker),
            Sent::Answered(reply) => {
                shared.settle(index, Frames::of(reply));
                Some(worker)
            }
            Sent::NotStarted => {
                self.bury(worker, true);
                None
            }
            Sent::Lost => {
                shared.kill_worker(index);
                self.bury(worker, false);
                None
            }
        }
    }

    /// Takes leave of a worker that has died. It has begun none of its tasks, if `unstarted`.
    fn bury(&self, worker: Worker, unstarted: bool) {
        let Self { shared, index } = *self;
        let Died { lost, stop, hopeless } = shared.died(index, unstarted);
        let death = worker.bury();
        shared.forget(index);
        self.fail_all(hopeless, &format!("workers die before their first task: {death}"));
        let mut stop = stop;
        for ticket in lost {
            let stop = stop.take();
            ticket.task.span.comes_to(shared.settings.worker_name(index));
            shared
                .callbacks
                .defer(|| ticket.task.lose(stop, ticket.timeout, &death));
        }
    }

    fn stop(&self, worker: Worker) {
        worker.stop();
        self.shared.forget(self.index);
    }

    /// Fails tasks for which no worker can be started.
    fn fail_all(&self, tickets: impl IntoIterator<Item = Ticket<Task>>, cause: &str) {
        for ticket in tickets {
            let reason = format!(
                "the pool is unhealthy, no worker can be started: {cause}. Mend that, and submit again"
            );
            let fail = || ticket.task.fail(|| TaskError::refused(reason.clone()));
            self.shared.callbacks.defer(fail);
        }
    }
}
