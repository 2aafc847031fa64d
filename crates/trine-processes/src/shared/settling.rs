//! How a reply ends its task, whether the worker's attendant takes it or a leader: a thread that waits for a result.

use super::{Shared, Taking, kill, wake_all};
use crate::answers::Answered;
use crate::chunk::{Calls, Chunk};
use crate::frame::{Frame, Reply};
use crate::frames::Frames;
use crate::mailbox::Outcomes;
use crate::message::{Opened, is_plain};
use crate::queue::Ticket;
use crate::system::Process;
use crate::table::Table;
use crate::task::{Task, Work, receive};
use std::fmt::Display;
use std::mem;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};
use trine_future::Promise;

/// What is left to do once the table knows of replies.
#[derive(Default)]
pub(crate) struct Settled {
    /// The tasks that have ended, each with the place of its reply.
    answered: Vec<(Ticket<Task>, usize)>,
    /// The elements of maps that have ended.
    elements: Vec<Elements>,
    /// All replies that came together.
    replies: Arc<Frames>,
    /// How long each of the tasks took, if that is known.
    each: Option<Duration>,
    /// The process, if it has more than the replies say.
    from: Option<Arc<Process>>,
    /// The worker has replied something else than to this task, and is being killed.
    unanswered: Option<Ticket<Task>>,
    /// Tasks that were cancelled.
    dismissed: Vec<Ticket<Task>>,
    /// Those who are to be told that there is room.
    told: Vec<Promise<()>>,
}

/// Elements of a map that have ended, one after another.
struct Elements {
    calls: Arc<Calls>,
    /// Which of the calls the first is.
    first: u32,
    /// Where their replies are among those that came together.
    replies: Range<usize>,
    /// The ticket, if they are its last.
    ended: Option<Ticket<Task>>,
}

/// Replies to tasks whose numbers follow one another, from this one on.
struct Run {
    number: u64,
    /// Where they are among those that came together.
    places: Range<usize>,
}

impl Run {
    /// All that follow one another from this place on. `None` if the first is nonsense.
    fn at(replies: &Frames, place: usize) -> Option<Self> {
        let number_at = |place| Opened::of(replies.get(place)).and_then(|opened| Reply::number(opened.frame));
        let number = number_at(place)?;
        let mut places = place..place + 1;
        let mut next = number.wrapping_add(1);
        while places.end < replies.len() && number_at(places.end) == Some(next) {
            places.end += 1;
            next = next.wrapping_add(1);
        }
        Some(Self { number, places })
    }

    /// Takes the places of so many of the first of them.
    fn take(&mut self, count: u32) -> Range<usize> {
        let begin = self.places.start;
        self.places.start += count as usize;
        self.number = self.number.wrapping_add(count.into());
        begin..self.places.start
    }
}

impl Settled {
    /// How many tasks have ended.
    fn count(&self) -> u32 {
        let elements: usize = self.elements.iter().map(|elements| elements.replies.len()).sum();
        u32::try_from(self.answered.len() + elements).unwrap_or(u32::MAX)
    }

    /// Whether this one has.
    fn has(&self, task: u64) -> bool {
        let is_task = |(ticket, _): &(Ticket<Task>, usize)| ticket.number == task;
        self.answered.iter().any(is_task) || self.elements.iter().any(|elements| elements.have(task))
    }

    /// Tells the table of replies of `worker`. False if one is nonsense: then what comes after it is not told.
    fn tell(&mut self, table: &mut Table<Task>, worker: usize, replies: &Frames) -> bool {
        let mut told = 0;
        while told < replies.len() {
            let Some(mut run) = Run::at(replies, told) else {
                return false;
            };
            told = run.places.end;
            while !run.places.is_empty() {
                // No more than there are bytes in a ring.
                let count = run.places.len() as u32;
                match table.answered(worker, run.number, count) {
                    Some(Answered::Last(mut ticket)) => {
                        let places = run.take(ticket.count);
                        match &mut ticket.task.work {
                            Work::One { .. } => self.answered.push((ticket, places.start)),
                            Work::Chunk(chunk) => {
                                self.push(chunk, places);
                                self.elements.last_mut().map(|last| last.ended.insert(ticket));
                            }
                        }
                    }
                    Some(Answered::First(task)) => match &mut task.work {
                        Work::One { .. } => unreachable!("a task with a future is by itself"),
                        Work::Chunk(chunk) => self.push(chunk, run.take(count)),
                    },
                    None => return false,
                }
            }
        }
        true
    }

    /// Some elements of a map have ended, by the replies at these places.
    fn push(&mut self, chunk: &mut Chunk, places: Range<usize>) {
        // No more than there are tasks in a ticket.
        let index = chunk.advance(places.len() as u32);
        let calls = chunk.calls();
        if let Some(last) = self.elements.last_mut()
            && Arc::ptr_eq(&last.calls, calls)
            && last.first as usize + last.replies.len() == index as usize
            && last.replies.end == places.start
        {
            last.replies.end = places.end;
            return;
        }
        self.elements.push(Elements {
            calls: Arc::clone(calls),
            first: index,
            replies: places,
            ended: None,
        });
    }
}

impl Elements {
    fn have(&self, task: u64) -> bool {
        let first = self.calls.number + u64::from(self.first);
        (first..first + self.replies.len() as u64).contains(&task)
    }

    /// Ends them, each of which took so long, if that is known.
    fn deliver(
        self,
        all: &Arc<Frames>,
        each: Option<Duration>,
        worker: impl Display,
        from: Option<&Process>,
    ) {
        let Self {
            calls,
            first,
            replies,
            ended,
        } = self;
        if let Some(ticket) = &ended {
            ticket.task.span.comes_to(worker);
        }
        let outcomes = match from {
            None => Outcomes::Replies(Arc::clone(all), replies),
            Some(_) => {
                let received = |place| receive(calls.alone(), Frame::from_slice(all.get(place)), from);
                Outcomes::Others(replies.map(received).collect())
            }
        };
        // Its span has ended when the results are there.
        drop(ended);
        calls.deliver(first, outcomes, each);
    }
}

impl Shared {
    /// Replies of `worker`: ends the tasks that they are for. A worker that replies something else is killed.
    pub(crate) fn settle(&self, worker: usize, replies: Frames) {
        self.conclude(worker, self.tell_replies(worker, None, replies));
    }

    /// Tells the table of replies. Those of a process that is not the worker any more, if it is given, are of no use.
    ///
    /// It is called while the reader is locked: what calls wakers or subscribers is left to `conclude`.
    pub(crate) fn tell_replies(
        &self,
        worker: usize,
        process: Option<&Arc<Process>>,
        replies: Frames,
    ) -> Settled {
        let now = Instant::now();
        let mut settled = Settled::default();
        let mut inside = self.inside.lock();
        let current = inside.processes[worker].as_ref();
        if process.is_some_and(|process| current.is_none_or(|current| !Arc::ptr_eq(current, process))) {
            return settled;
        }
        let busy = current.and_then(|process| process.busy());
        if !replies.iter().all(is_plain) {
            settled.from = current.cloned();
        }
        let is_nonsense = !settled.tell(&mut inside.table, worker, &replies);
        let count = settled.count();
        let ((unanswered, is_stopped, wakes), mut after) = inside.reach(|table, reach| {
            let unanswered = is_nonsense.then(|| table.distrust(worker, reach)).flatten();
            let is_stopped = table.stop_cancelled(worker, reach);
            if count > 0 {
                settled.each = table.measure(worker, count, busy, now);
            }
            let wakes = count > 0 && table.replied(worker, now, reach);
            (unanswered, is_stopped, wakes)
        });
        let stopped = inside.processes[worker]
            .clone()
            .filter(|_| is_nonsense || is_stopped);
        settled.replies = Arc::new(replies);
        settled.unanswered = unanswered;
        settled.dismissed = mem::take(&mut after.dismissed);
        settled.told = inside.who_has_room();
        let woken = if wakes { inside.bed(worker) } else { None };
        self.finish(inside, after);
        kill(stopped);
        wake_all(woken);
        settled
    }

    /// Ends the tasks of replies that the table has been told of.
    pub(crate) fn conclude(&self, worker: usize, settled: Settled) {
        drop(settled.dismissed);
        self.tell_of_room(settled.told);
        self.callbacks.defer(|| {
            let mut replies = settled.replies;
            for (ticket, place) in settled.answered {
                ticket.task.span.comes_to(self.settings.worker_name(worker));
                let reply = match Arc::get_mut(&mut replies) {
                    Some(replies) if replies.len() == 1 => Frame::from(replies.pop().unwrap_or_default()),
                    _ => Frame::from_slice(replies.get(place)),
                };
                ticket.task.answer(reply, settled.from.as_deref());
            }
            for elements in settled.elements {
                elements.deliver(
                    &replies,
                    settled.each,
                    self.settings.worker_name(worker),
                    settled.from.as_deref(),
                );
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
        // What travels together is taken together, by the attendant.
        let is_alone = |worker: &usize| !inside.table.is_at_several(*worker, Instant::now());
        let worker = inside.table.worker_of(task).filter(is_alone);
        let found = worker.and_then(|worker| Some((worker, inside.processes[worker].clone()?)));
        let Some((worker, process)) = found else {
            return;
        };
        let _leading = self.attendance.lead();
        drop(inside);
        // Without it what is called below could not end the pool.
        let Some(_taking) = Taking::begin(self) else {
            return;
        };
        loop {
            let tell = |replies| self.tell_replies(worker, Some(&process), replies);
            let Some(settled) = process.receive_as_leader(tell) else {
                break;
            };
            let is_own = settled.has(task);
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
