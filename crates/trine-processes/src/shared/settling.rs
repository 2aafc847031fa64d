//! How a reply ends its task, whether the worker's attendant takes it or a leader: a thread that waits for a result.

use super::{Shared, kill, tell_of_room, wake_all};
use crate::answers::Answered;
use crate::frame::Reply;
use crate::message::{Opened, is_plain};
use crate::queue::Ticket;
use crate::system::Process;
use crate::task::Task;
use std::sync::Arc;
use std::time::Instant;

/// What is left to do once the table knows of a reply.
enum Settled {
    /// The process has more, unless the reply is all.
    Answered(Ticket<Task>, Vec<u8>, Option<Arc<Process>>),
    /// The worker has replied something else, and is being killed.
    Unanswered(Ticket<Task>),
    Nothing,
}

impl Shared {
    /// A reply of `worker`: ends the task that it is for. A worker that replies something else is killed.
    pub(crate) fn settle(&self, worker: usize, reply: Vec<u8>) {
        self.conclude(worker, self.tell_reply(worker, None, reply));
    }

    /// Tells the table of a reply. That of a process that is not the worker any more, if it is given, is of no use.
    fn tell_reply(&self, worker: usize, process: Option<&Arc<Process>>, reply: Vec<u8>) -> Settled {
        let now = Instant::now();
        let number = Opened::of(&reply).and_then(|opened| Reply::number(opened.frame));
        let mut inside = self.inside.lock();
        let current = inside.processes[worker].as_ref();
        if process.is_some_and(|process| current.is_none_or(|current| !Arc::ptr_eq(current, process))) {
            return Settled::Nothing;
        }
        let from = current.filter(|_| !is_plain(&reply)).cloned();
        let (answered, after) = inside.reach(|table, reach| table.answered(worker, number?, now, reach));
        let Some(Answered { ticket, wake }) = answered else {
            let first = inside.table.distrust(worker);
            let process = inside.processes[worker].clone();
            self.finish(inside, after);
            kill(process);
            return first.map_or(Settled::Nothing, Settled::Unanswered);
        };
        let submitters = std::mem::take(&mut inside.submitters);
        let woken = if wake { inside.bed(worker) } else { None };
        self.finish(inside, after);
        tell_of_room(submitters);
        wake_all(woken);
        Settled::Answered(ticket, reply, from)
    }

    /// Ends the task of a reply that the table has been told of.
    fn conclude(&self, worker: usize, settled: Settled) {
        match settled {
            Settled::Answered(ticket, reply, from) => {
                ticket.task.span.comes_to(self.settings.worker_name(worker));
                self.callbacks
                    .defer(|| ticket.task.answer(reply, from.as_deref()));
            }
            Settled::Unanswered(ticket) => self.callbacks.defer(|| ticket.task.fail_unanswered()),
            Settled::Nothing => {}
        }
    }

    /// Waits for the reply to a task for some microseconds, if a worker has it, and takes what comes.
    pub(crate) fn lead(&self, task: u64) {
        if !self.is_home() {
            return;
        }
        let inside = self.inside.lock();
        let worker = inside.table.worker_of(task);
        let found = worker.and_then(|worker| Some((worker, inside.processes[worker].clone()?)));
        let Some((worker, process)) = found else {
            return;
        };
        let _leading = self.attendance.lead();
        drop(inside);
        loop {
            let tell = |reply| self.tell_reply(worker, Some(&process), reply);
            let Some(settled) = process.receive_as_leader(tell) else {
                break;
            };
            let is_own = matches!(&settled, Settled::Answered(ticket, ..) if ticket.number == task);
            self.conclude(worker, settled);
            if is_own {
                break;
            }
        }
    }
}

#[cfg(all(test, not(trine_loom)))]
#[path = "settling_tests.rs"]
mod tests;
