//! Which worker gets which task, and what is taken back.

use super::Table;
use super::worker::{Life, Worker};
use crate::answers::{Handing, Reach};
use crate::queue::Ticket;
use std::time::Instant;

impl<T> Table<T> {
    /// A worker that a new task can be handed to.
    pub(super) fn free_worker(&self) -> Option<usize> {
        if let Some(worker) = self.ready.last() {
            return Some(*worker);
        }
        (0..self.workers.len())
            .filter(|worker| self.takes_more(*worker))
            .min_by_key(|worker| self.workers[*worker].handed.len())
    }

    /// Whether the worker can be given one more task now.
    pub(super) fn takes_more(&self, worker: usize) -> bool {
        let Worker {
            life,
            stop,
            handed,
            tasks,
            pace,
            ..
        } = &self.workers[worker];
        let may_run = |limit: u32| (limit.saturating_sub(*tasks) as usize) > handed.len();
        *life == Life::Serving
            && stop.is_none()
            && self.rules.tasks_per_worker.is_none_or(may_run)
            && (handed.is_empty() || (handed.len() < pace.depth() && self.all_are_busy()))
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

    /// Gives tasks to a worker, as many as are good for it.
    pub(super) fn refill(&mut self, worker: usize, now: Instant, reach: &mut impl Reach<T>) {
        self.rescue(worker, now, reach);
        while self.takes_more(worker)
            && let Some(mut ticket) = self.queue.pop_front()
        {
            match self.hand(worker, &mut ticket, reach) {
                Handing::Handed => self.workers[worker].push(ticket, now),
                Handing::NoRoom => {
                    self.queue.push_front(ticket);
                    break;
                }
                Handing::Cancelled => {
                    self.task_counts.cancelled += 1;
                    reach.dismiss(ticket);
                }
            }
        }
    }

    /// Has the attendant send the next task, which does not go at once. True if there is one.
    pub(super) fn announce(&mut self, worker: usize, now: Instant, reach: &mut impl Reach<T>) -> bool {
        while self.takes_more(worker)
            && let Some(mut ticket) = self.queue.pop_front()
        {
            if reach.announce(worker, &mut ticket) {
                self.workers[worker].push(ticket, now);
                return true;
            }
            self.task_counts.cancelled += 1;
            reach.dismiss(ticket);
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
                let begun = self.take_back_all(other, 1, reach);
                self.workers[other].handed.extend(begun);
            }
        }
        if self.queue.len() == 0 && self.workers[worker].is_idle() {
            let most = (0..self.workers.len()).max_by_key(|other| self.workers[*other].waiting());
            if let Some(most) = most
                && self.workers[most].waiting() > 0
            {
                let kept = self.workers[most].handed.len() / 2;
                let begun = self.take_back_all(most, kept.max(1), reach);
                self.workers[most].handed.extend(begun);
            }
        }
    }

    /// Takes back the tasks of a worker that it has not begun, but for so many of the first, into the queue. Returns
    /// those of the others that it has begun.
    #[must_use]
    pub(super) fn take_back_all(
        &mut self,
        worker: usize,
        kept: usize,
        reach: &mut impl Reach<T>,
    ) -> Vec<Ticket<T>> {
        let mut begun = Vec::new();
        let handed = &mut self.workers[worker].handed;
        while handed.len() > kept
            && let Some(mut ticket) = handed.pop_back()
        {
            if reach.take_back(worker, &mut ticket) {
                self.queue.push_front(ticket);
            } else {
                begun.push(ticket);
            }
        }
        begun.reverse();
        begun
    }
}
