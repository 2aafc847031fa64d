//! How tasks are stopped, and what a worker leaves behind that dies.

use super::Table;
use super::worker::{Life, Worker};
use crate::answers::{Died, Reach, Stop, Stopped};
use crate::pace::LONG;
use crate::queue::Ticket;
use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;

impl<T> Table<T> {
    /// The first time at which a task is to be stopped.
    pub(crate) fn earliest_deadline(&self) -> Option<Instant> {
        let deadline = |worker: &Worker<T>| worker.deadline.filter(|_| worker.stop.is_none());
        self.workers.iter().filter_map(deadline).min()
    }

    /// Stops the tasks whose time is over. Returns their workers, and whether to kill them. If not, the worker has not begun:
    /// wake its attendant. While that sends the task, the caller is told again and again, and the task stays where it is.
    #[must_use]
    pub(crate) fn stop_expired(&mut self, now: Instant, reach: &mut impl Reach<T>) -> Vec<(usize, bool)> {
        let is_over = |worker: &Worker<T>| {
            worker.stop.is_none() && worker.deadline.is_some_and(|deadline| deadline <= now)
        };
        let over: Vec<_> = (0..self.workers.len())
            .filter(|index| is_over(&self.workers[*index]))
            .collect();
        over.into_iter()
            .map(|worker| {
                let serving = &mut self.workers[worker];
                if serving.is_sending {
                    serving.begin_time(now, LONG);
                    return (worker, false);
                }
                (worker, self.stop_first(worker, Stop::TimedOut, reach))
            })
            .collect()
    }

    /// The time of a task is over that the worker has not begun, because it was stopped by a signal: kill it.
    pub(crate) fn stop_halted(&mut self, worker: usize) {
        self.workers[worker].stop.get_or_insert(Stop::TimedOut);
    }

    /// Stops a task that was cancelled, and has a ticket of its own.
    #[must_use]
    pub(crate) fn stop(&mut self, number: u64, reach: &mut impl Reach<T>) -> Stopped<T> {
        let Some((worker, place)) = self.place_of(number) else {
            return Stopped::Nothing;
        };
        if self.workers[worker].stop.is_none()
            && self.workers[worker]
                .handed
                .change(place, |ticket| reach.take_back(worker, ticket))
                == 0
        {
            let taken = self.workers[worker].handed.remove(place);
            self.task_counts.cancelled += 1;
            return taken.map_or(Stopped::Nothing, |ticket| Stopped::Taken { worker, ticket });
        }
        if place == 0 && self.stop_first(worker, Stop::Killed, reach) {
            return Stopped::Runs { worker };
        }
        // Of several that have begun it is at the last one.
        let Worker {
            cancelled, handed, ..
        } = &mut self.workers[worker];
        let other = cancelled.and_then(|other| handed.place_of(other));
        if other.is_none_or(|other| other < place) {
            *cancelled = Some(number);
        }
        Stopped::Nothing
    }

    /// The worker has replied. True if it is at a task now that was cancelled meanwhile: kill it.
    #[must_use]
    pub(crate) fn stop_cancelled(&mut self, worker: usize, reach: &mut impl Reach<T>) -> bool {
        let Worker {
            cancelled, handed, ..
        } = &self.workers[worker];
        let Some(number) = *cancelled else {
            return false;
        };
        let place = handed.place_of(number);
        if place.is_some_and(|place| place > 0) {
            // Other replies are still on their way.
            return false;
        }
        self.workers[worker].cancelled = None;
        place.is_some() && self.stop_first(worker, Stop::Killed, reach)
    }

    /// Takes back a task that waits in a worker, with what is behind it in its ticket: then they wait in the queue. Returns the
    /// worker whose attendant is to be woken; `None` if the task runs or has ended.
    #[must_use]
    pub(crate) fn take_back(&mut self, number: u64, reach: &mut impl Reach<T>) -> Option<usize> {
        let (worker, place) = self.place_of(number)?;
        self.take_back_from(worker, place, reach).then_some(worker)
    }

    /// Takes back those of these tasks that wait in workers. Returns the workers whose attendants are to be woken.
    #[must_use]
    pub(crate) fn take_back_all_of(&mut self, numbers: &Range<u64>, reach: &mut impl Reach<T>) -> Vec<usize> {
        let mut woken = Vec::new();
        for worker in 0..self.workers.len() {
            let mut taken = false;
            for place in (0..self.workers[worker].handed.len()).rev() {
                if numbers.contains(&self.workers[worker].handed.at(place).number) {
                    taken |= self.take_back_from(worker, place, reach);
                }
            }
            if taken {
                woken.push(worker);
            }
        }
        woken
    }

    /// All workers are killed from now on: stops all tasks that run, and takes back all others.
    pub(crate) fn stop_all(&mut self, reach: &mut impl Reach<T>) {
        self.killed = true;
        for worker in 0..self.workers.len() {
            if !self.stop_first(worker, Stop::Killed, reach) && !self.workers[worker].handed.is_empty() {
                // It is at the last one of them, and the replies to the others are on their way.
                self.workers[worker].stop.get_or_insert(Stop::Killed);
            }
        }
    }

    /// The worker has replied something that it was not asked. Returns the task that it should have answered, if it has begun
    /// one.
    pub(crate) fn distrust(&mut self, worker: usize, reach: &mut impl Reach<T>) -> Option<Ticket<T>> {
        // One that has answered nothing yet is at its first task, whatever it says: so no task talks nonsense again and again.
        let kept = usize::from(self.workers[worker].tasks == 0);
        self.take_back_all(worker, kept, reach);
        let mut first = self.workers[worker].handed.pop_front();
        if kept > 0
            && let Some(first) = &mut first
            && first.count > 1
        {
            let begun = reach.take_back(worker, first).max(1);
            if begun < first.count {
                self.queue.push_front(reach.divide(first, begun));
            }
        }
        self.workers[worker].stop.get_or_insert(Stop::Distrusted);
        self.task_counts.lost += first.as_ref().map_or(0, |first| u64::from(first.count));
        first
    }

    /// The worker is gone.
    pub(crate) fn died(&mut self, worker: usize, reach: &mut impl Reach<T>) -> Died<T> {
        self.forget_sleeper(worker);
        self.take_back_all(worker, 0, reach);
        self.set_watch(reach);
        let dead = &mut self.workers[worker];
        let lost = Vec::from(dead.handed.take_all());
        let had_run = std::mem::take(&mut dead.tasks) > 0;
        let stop = dead.stop.take().or(self.killed.then_some(Stop::Killed));
        dead.life = Life::Absent;
        dead.deadline = None;
        match stop {
            Some(Stop::TimedOut) => self.worker_counts.timed_out += 1,
            Some(Stop::Killed) => self.worker_counts.killed += 1,
            Some(Stop::Distrusted) => self.worker_counts.crashed += 1,
            None if lost.is_empty() => self.worker_counts.died_idle += 1,
            None => self.worker_counts.crashed += 1,
        }
        let mut uncounted: u64 = lost.iter().map(|ticket| u64::from(ticket.count)).sum();
        if uncounted > 0
            && let Some(count) = match stop {
                Some(Stop::TimedOut) => Some(&mut self.task_counts.timed_out),
                Some(Stop::Killed) => Some(&mut self.task_counts.killed),
                Some(Stop::Distrusted) | None => None,
            }
        {
            *count += 1;
            uncounted -= 1;
        }
        self.task_counts.lost += uncounted;
        let hopeless = if !lost.is_empty() || stop.is_some() {
            self.failures = 0;
            self.workers[worker].missed = true;
            self.have_another(reach);
            VecDeque::new()
        } else if had_run {
            VecDeque::new()
        } else {
            self.count_failure()
        };
        Died { lost, stop, hopeless }
    }

    /// A task has ended its worker. If that was the only one, another one is started beside its successor: so that the next time
    /// what comes does not have to wait for a start.
    fn have_another(&mut self, reach: &mut impl Reach<T>) {
        if !self.has_workers()
            && let Some(other) = self.absent.pop()
        {
            self.workers[other].missed = true;
            reach.wake(other);
        }
    }

    /// The worker that had run as many tasks as it may is gone.
    pub(crate) fn retired(&mut self, worker: usize) {
        self.worker_counts.retired += 1;
        self.workers[worker].life = Life::Absent;
        self.workers[worker].tasks = 0;
    }

    /// No more tasks come in. Wake all attendants.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    /// The workers that are being started and that nobody needs any more, because no task waits and none comes. If they are given
    /// up, that is no failure.
    pub(crate) fn give_up_starts(&mut self) -> Vec<usize> {
        if !self.closed || self.waiting().0 > 0 {
            return Vec::new();
        }
        let starting = |index: &usize| self.workers[*index].life == Life::Starting;
        let starting: Vec<_> = (0..self.workers.len()).filter(starting).collect();
        for worker in &starting {
            self.workers[*worker].stop.get_or_insert(Stop::Killed);
        }
        starting
    }

    /// Whether the worker is being killed.
    pub(crate) fn is_stopped(&self, worker: usize) -> bool {
        self.killed || self.workers[worker].stop.is_some()
    }

    /// Whether all workers are being killed.
    pub(crate) fn is_killed(&self) -> bool {
        self.killed
    }

    /// Takes the tasks that wait, to be cancelled.
    #[must_use]
    pub(crate) fn cancel_queue(&mut self, reach: &mut impl Reach<T>) -> VecDeque<Ticket<T>> {
        for worker in 0..self.workers.len() {
            self.take_back_all(worker, 0, reach);
        }
        self.task_counts.cancelled += self.queue.tasks() as u64;
        self.queue.take_all()
    }

    /// Notes why the first task of a worker is stopped, and takes back all others. False if there is none to stop, or it has
    /// ended and the worker is at another one.
    pub(super) fn stop_first(&mut self, worker: usize, why: Stop, reach: &mut impl Reach<T>) -> bool {
        if self.workers[worker].stop.is_some() {
            return false;
        }
        self.take_back_all(worker, 0, reach);
        let stopping = &mut self.workers[worker];
        let is_first = stopping.handed.len() == 1;
        if is_first {
            stopping.stop = Some(why);
        } else {
            stopping.deadline = None;
        }
        is_first
    }
}
