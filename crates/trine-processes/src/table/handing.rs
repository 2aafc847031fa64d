//! Which worker gets which task, and what is taken back.

use super::Table;
use super::worker::{Life, Worker};
use crate::answers::{Handing, Reach};
use crate::queue::Ticket;
use std::time::Instant;

impl<T> Table<T> {
    /// A worker that a new ticket for so many tasks can be handed to.
    pub(super) fn free_worker(&self, count: u32) -> Option<usize> {
        if let Some(worker) = self.ready.last() {
            return Some(*worker).filter(|worker| self.room(*worker) >= count);
        }
        // Asked once: for each worker, of all others, it would take long where there are many.
        let all_are_busy = self.all_are_busy();
        (0..self.workers.len())
            .filter(|worker| self.room_if(*worker, || all_are_busy) >= count)
            .min_by_key(|worker| self.workers[*worker].handed.tasks())
    }

    /// For how many tasks a ticket may stand that is given to the worker now.
    pub(super) fn room(&self, worker: usize) -> u32 {
        self.room_if(worker, || self.all_are_busy())
    }

    /// [`room`](Self::room), for who knows whether [`all_are_busy`](Self::all_are_busy).
    fn room_if(&self, worker: usize, all_are_busy: impl FnOnce() -> bool) -> u32 {
        let serving = &self.workers[worker];
        if serving.life != Life::Serving || serving.stop.is_some() {
            return 0;
        }
        let handed = serving.handed.tasks();
        let takes_more = || serving.pace.takes_more(serving.handed.len(), handed) && all_are_busy();
        if handed > 0 && !takes_more() {
            return 0;
        }
        let limit = self.rules.tasks_per_worker.unwrap_or(u32::MAX);
        let handed = u32::try_from(handed).unwrap_or(u32::MAX);
        limit.saturating_sub(serving.tasks).saturating_sub(handed)
    }

    /// Whether nobody could run a task sooner than a worker that has some.
    pub(super) fn all_are_busy(&self) -> bool {
        let is_busy = |worker: &Worker<T>| !worker.handed.is_empty() || worker.life == Life::Left;
        self.workers.iter().all(is_busy)
    }

    /// Hands a task to the worker. One with a time-out begins at once, so that its time can be counted.
    pub(super) fn hand(
        &mut self,
        worker: usize,
        ticket: &mut Ticket<T>,
        reach: &mut impl Reach<T>,
    ) -> Handing {
        let handed = &self.workers[worker].handed;
        if ticket.timeout.is_some() && !handed.is_empty() {
            return Handing::NoRoom;
        }
        reach.hand(worker, ticket, handed.front())
    }

    /// Has somebody who has nothing to do look now, and again and again, while tasks wait in workers that are not idle. Any task
    /// may turn out to be long, and then those behind it are better off elsewhere.
    pub(super) fn set_watch(&mut self, reach: &mut impl Reach<T>) {
        if let Some(idle) = self.watchers().first().copied()
            && self.needs_watch()
        {
            self.workers[idle].naps = true;
            reach.wake(idle);
        }
    }

    /// Whether tasks wait in workers, and nobody who could have them run looks.
    pub(super) fn needs_watch(&self) -> bool {
        let looks = |idle: &usize| self.workers[*idle].naps;
        !self.watchers().iter().any(looks) && self.any_waits()
    }

    /// Whether tasks wait in workers.
    pub(super) fn any_waits(&self) -> bool {
        self.workers.iter().any(|worker| worker.waiting() > 0)
    }

    /// Who can look: those that could run a task, else those that could start a worker for it.
    pub(super) fn watchers(&self) -> &[usize] {
        match &*self.ready {
            [] if self.is_healthy() => &self.absent,
            ready => ready,
        }
    }

    /// How many tasks that wait in workers are worth another worker, where none has nothing to do.
    pub(super) fn worth_a_start(&self, now: Instant) -> usize {
        if !self.ready.is_empty() {
            return 0;
        }
        let is_worth_it = |worker: &usize| self.is_worth_sharing(*worker, now);
        let workers = (0..self.workers.len()).filter(is_worth_it);
        workers.map(|worker| self.workers[worker].waiting()).sum()
    }

    /// Gives tasks to a worker, as many as are good for it.
    pub(super) fn refill(&mut self, worker: usize, now: Instant, reach: &mut impl Reach<T>) {
        self.rescue(worker, now, reach);
        while let room @ 1.. = self.room(worker)
            && let Some(mut ticket) = self.next_of(room, reach)
        {
            match self.hand(worker, &mut ticket, reach) {
                Handing::Handed => self.workers[worker].push(ticket, now),
                Handing::NoRoom => {
                    self.queue.push_front(ticket);
                    break;
                }
                Handing::Cancelled => self.dismiss(ticket, reach),
            }
        }
    }

    /// The next ticket of the queue, for so many tasks at most.
    fn next_of(&mut self, most: u32, reach: &mut impl Reach<T>) -> Option<Ticket<T>> {
        let mut ticket = self.queue.pop_front()?;
        if ticket.count > most {
            self.queue.push_front(reach.divide(&mut ticket, most));
        }
        Some(ticket)
    }

    /// The task with this number was cancelled by its future. Returns its ticket, if it waits in the queue, by itself.
    #[must_use]
    pub(crate) fn withdraw(&mut self, number: u64) -> Option<Ticket<T>> {
        let ticket = self.queue.withdraw(number)?;
        self.task_counts.cancelled += 1;
        Some(ticket)
    }

    /// A ticket that waited was cancelled.
    fn dismiss(&mut self, ticket: Ticket<T>, reach: &mut impl Reach<T>) {
        self.task_counts.cancelled += u64::from(ticket.count);
        reach.dismiss(ticket);
    }

    /// Has the attendant send the next task, which does not go at once. True if there is one.
    pub(super) fn announce(&mut self, worker: usize, now: Instant, reach: &mut impl Reach<T>) -> bool {
        while self.room(worker) > 0
            && let Some(mut ticket) = self.next_of(1, reach)
        {
            if reach.announce(worker, &mut ticket) {
                self.workers[worker].push(ticket, now);
                self.workers[worker].is_sending = true;
                return true;
            }
            self.dismiss(ticket, reach);
        }
        false
    }

    /// Puts back into the queue what waits behind long tasks of others; and, if this worker has nothing to do and nothing
    /// waits, half of what waits in the one that has most.
    pub(super) fn rescue(&mut self, worker: usize, now: Instant, reach: &mut impl Reach<T>) {
        if !matches!(self.workers[worker].life, Life::Serving) {
            return;
        }
        for other in 0..self.workers.len() {
            if other != worker && self.workers[other].waiting() > 0 && self.workers[other].pace.is_stuck(now)
            {
                self.take_back_all(other, 1, reach);
                self.take_back_rest(other, reach);
            }
        }
        if self.queue.is_empty() && self.workers[worker].is_idle() {
            let most = (0..self.workers.len()).max_by_key(|other| self.workers[*other].waiting());
            if let Some(most) = most
                && self.workers[most].waiting() > 0
                && self.is_worth_sharing(most, now)
            {
                self.take_back_half(most, now, reach);
            }
        }
    }

    /// Whether an idle worker should have half of what waits in this one. If not, its attendant asks again soon.
    fn is_worth_sharing(&self, worker: usize, now: Instant) -> bool {
        let waiting = self.workers[worker].waiting();
        !self.is_at_several(worker, now) || self.workers[worker].pace.is_long(waiting)
    }

    /// Takes back half of what waits in a worker, into the queue.
    fn take_back_half(&mut self, worker: usize, now: Instant, reach: &mut impl Reach<T>) {
        let tickets = self.workers[worker].handed.len();
        if tickets > 1 {
            return self.take_back_all(worker, tickets / 2, reach);
        }
        self.take_back_rest(worker, reach);
        let Some(mut rest) = self.queue.pop_front() else {
            return;
        };
        if rest.count > 1 {
            let kept = rest.count / 2;
            self.queue.push_front(reach.divide(&mut rest, kept));
            match self.hand(worker, &mut rest, reach) {
                Handing::Handed => return self.workers[worker].push(rest, now),
                Handing::Cancelled => return self.dismiss(rest, reach),
                Handing::NoRoom => {}
            }
        }
        self.queue.push_front(rest);
    }

    /// Takes back what a worker has not begun of its first ticket, if that stands for several tasks.
    fn take_back_rest(&mut self, worker: usize, reach: &mut impl Reach<T>) {
        if self.workers[worker]
            .handed
            .front()
            .is_some_and(|first| first.count > 1)
        {
            self.take_back_from(worker, 0, reach);
        }
    }

    /// Takes back the tasks of a worker that it has not begun, but for so many of the first tickets, into the queue.
    pub(super) fn take_back_all(&mut self, worker: usize, kept: usize, reach: &mut impl Reach<T>) {
        for place in (kept..self.workers[worker].handed.len()).rev() {
            self.take_back_from(worker, place, reach);
        }
    }

    /// Takes back what a worker has not begun of one of its tickets, into the queue. False if it has begun all of it.
    pub(super) fn take_back_from(&mut self, worker: usize, place: usize, reach: &mut impl Reach<T>) -> bool {
        let handed = &mut self.workers[worker].handed;
        let begun = handed.change(place, |ticket| reach.take_back(worker, ticket));
        let taken = if begun == 0 {
            handed.remove(place)
        } else if begun < handed.at(place).count {
            Some(handed.change(place, |ticket| reach.divide(ticket, begun)))
        } else {
            None
        };
        let is_some = taken.is_some();
        if let Some(taken) = taken {
            self.queue.push_front(taken);
        }
        if self.workers[worker].handed.is_empty() {
            // It does not reply to what it has not begun, so its attendant would not hear of it.
            reach.wake(worker);
        }
        is_some
    }
}
