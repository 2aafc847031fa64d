//! How a reply ends its task, whether the worker's attendant takes it or a leader: a thread that waits for a result.

use super::{Shared, kill, tell_of_room, wake_all};
use crate::frame::Reply;
use crate::message::{Opened, is_plain};
use crate::queue::Ticket;
use crate::system::Process;
use crate::task::Task;
use std::sync::Arc;
use std::time::Instant;

/// What is left to do once the table knows of replies.
#[derive(Default)]
struct Settled {
    /// The tasks that have ended, each with its reply.
    answered: Vec<(Ticket<Task>, Vec<u8>)>,
    /// The process, if it has more than the replies say.
    from: Option<Arc<Process>>,
    /// The worker has replied something else than to this task, and is being killed.
    unanswered: Option<Ticket<Task>>,
}

impl Shared {
    /// Replies of `worker`: ends the tasks that they are for. A worker that replies something else is killed.
    pub(crate) fn settle(&self, worker: usize, replies: Vec<Vec<u8>>) {
        self.conclude(worker, self.tell_replies(worker, None, replies));
    }

    /// Tells the table of replies. Those of a process that is not the worker any more, if it is given, are of no use.
    fn tell_replies(&self, worker: usize, process: Option<&Arc<Process>>, replies: Vec<Vec<u8>>) -> Settled {
        let now = Instant::now();
        let mut settled = Settled {
            answered: Vec::with_capacity(replies.len()),
            ..Settled::default()
        };
        let mut inside = self.inside.lock();
        let current = inside.processes[worker].as_ref();
        if process.is_some_and(|process| current.is_none_or(|current| !Arc::ptr_eq(current, process))) {
            return settled;
        }
        if !replies.iter().all(|reply| is_plain(reply)) {
            settled.from = current.cloned();
        }
        let mut is_nonsense = false;
        for reply in replies {
            let number = Opened::of(&reply).and_then(|opened| Reply::number(opened.frame));
            let Some(ticket) = number.and_then(|number| inside.table.answered(worker, number)) else {
                is_nonsense = true;
                break;
            };
            settled.answered.push((ticket, reply));
        }
        let count = u32::try_from(settled.answered.len()).unwrap_or(u32::MAX);
        let distrusted = inside.processes[worker].clone().filter(|_| is_nonsense);
        let ((unanswered, wakes), after) = inside.reach(|table, reach| {
            let unanswered = is_nonsense.then(|| table.distrust(worker, reach)).flatten();
            (unanswered, count > 0 && table.replied(worker, count, now, reach))
        });
        settled.unanswered = unanswered;
        let submitters = std::mem::take(&mut inside.submitters);
        let woken = if wakes { inside.bed(worker) } else { None };
        self.finish(inside, after);
        kill(distrusted);
        tell_of_room(submitters);
        wake_all(woken);
        settled
    }

    /// Ends the tasks of replies that the table has been told of.
    fn conclude(&self, worker: usize, settled: Settled) {
        self.callbacks.defer(|| {
            for (ticket, reply) in settled.answered {
                ticket.task.span.comes_to(self.settings.worker_name(worker));
                ticket.task.answer(reply, settled.from.as_deref());
            }
            if let Some(ticket) = settled.unanswered {
                ticket.task.fail_unanswered();
            }
        });
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
            let tell = |replies| self.tell_replies(worker, Some(&process), replies);
            let Some(settled) = process.receive_as_leader(tell) else {
                break;
            };
            let is_own = settled.answered.iter().any(|(ticket, _)| ticket.number == task);
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
