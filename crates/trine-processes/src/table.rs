//! Who does what in a pool: the tasks that wait, and the tasks and state of each worker.
//!
//! A pure state machine. Its methods are the events, told under the pool's lock, and what they return is what
//! the caller then does without the lock. Every worker has an attendant, the thread that starts it and buries it and
//! asks [`Table::next`] what to do whenever it is free. Tasks are handed to workers through [`Reach`], by whoever tells
//! the table something.
//!
//! No task is left waiting while every attendant sleeps. A new task goes to a worker that has nothing to do, else it wakes
//! an attendant without a worker, unless the workers being started are enough for all that wait; a reply hands the
//! next tasks to its worker; and an attendant that goes to sleep although tasks wait leaves them to an attendant that is awake, or
//! wakes one.
//!
//! A worker whose tasks are short is given some ahead ([`Pace`]), once all workers have something to do. They still wait:
//! they can be taken back until the worker begins them. A worker with nothing to do takes half of what waits in another one, and
//! what waits behind a long task goes back to the queue. But short tasks that travel together are left to their worker, which will
//! have run them sooner. In case that one of them is long somebody asks again soon: while tasks wait in workers, one attendant of
//! those that have nothing to do naps, or, where there is none, one of those that could start a worker.
//!
//! Some tasks travel together, as one ticket: elements of a map. A worker begins them one by one, so what it has not begun of
//! a ticket can be taken back like a task of its own: then the ticket is divided.
//!
//! A task that runs is stopped in two steps. The table takes back what waits behind it and notes the stop, and from then on its
//! worker gets no other task; the caller then kills the worker; and its attendant, who finds it dead, is told of the
//! note.

mod ending;
mod handed;
mod handing;
mod worker;

use crate::answers::{Answered, Handing, Next, Reach, Submitted};
use crate::counts::{TaskCounts, WorkerCounts};
use crate::limit::Limits;
use crate::queue::{Queue, Ticket};
use crate::stats::WorkerState;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use worker::{Life, Worker};

/// What a table is made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) limits: Limits,
    /// After so many tasks a worker is replaced.
    pub(crate) tasks_per_worker: Option<u32>,
    /// So many workers in a row that are gone without having run a task make the pool unhealthy.
    pub(crate) restart_limit: u32,
}

/// The table of a pool. Workers are known by their index.
pub(crate) struct Table<T> {
    rules: Rules,
    queue: Queue<T>,
    workers: Vec<Worker<T>>,
    /// The sleeping attendants whose worker has nothing to do, the most recently used last.
    ready: Vec<usize>,
    /// The sleeping attendants without a worker.
    absent: Vec<usize>,
    /// Workers that are gone without having run a task, since the last one that has run some.
    failures: u32,
    closed: bool,
    /// All workers are being killed.
    killed: bool,
    task_counts: TaskCounts,
    worker_counts: WorkerCounts,
}

impl<T> Table<T> {
    pub(crate) fn new(workers: usize, rules: Rules) -> Self {
        let now = Instant::now();
        Self {
            rules,
            queue: Queue::default(),
            workers: std::iter::repeat_with(|| Worker::absent(now))
                .take(workers)
                .collect(),
            ready: Vec::new(),
            absent: Vec::new(),
            failures: 0,
            closed: false,
            killed: false,
            task_counts: TaskCounts::default(),
            worker_counts: WorkerCounts::default(),
        }
    }

    /// A ticket comes in, if there is room.
    pub(crate) fn submit(
        &mut self,
        mut ticket: Ticket<T>,
        now: Instant,
        reach: &mut impl Reach<T>,
    ) -> Submitted<T> {
        if self.closed {
            return Submitted::Refused(ticket);
        }
        if let Some(when_full) = self.when_full(ticket.bytes) {
            return Submitted::Full(ticket, when_full);
        }
        self.task_counts.submitted += u64::from(ticket.count);
        if self.queue.is_empty()
            && let Some(worker) = self.free_worker(ticket.count)
            && self.hand(worker, &mut ticket, reach) == Handing::Handed
        {
            self.ready.retain(|ready| *ready != worker);
            self.workers[worker].push(ticket, now);
            self.set_watch(reach);
            return Submitted::Handed { worker };
        }
        self.queue.insert(ticket);
        let wake = self.next_sleeper();
        self.set_watch(reach);
        Submitted::Queued { wake }
    }

    /// The attendant of `worker` is free, and its worker, if it has one, is alive as far as one knows.
    pub(crate) fn next(&mut self, worker: usize, now: Instant, reach: &mut impl Reach<T>) -> Next {
        self.forget_sleeper(worker);
        let Worker { life, stop, .. } = self.workers[worker];
        if life == Life::Spent && stop.is_none() {
            return Next::Retire;
        }
        if life == Life::Started {
            self.workers[worker].life = Life::Serving;
        }
        self.refill(worker, now, reach);
        if self.workers[worker].is_idle() && self.announce(worker, now, reach) {
            // Of a ticket that stands for several tasks the others still wait.
            if let Some(other) = self.next_sleeper() {
                reach.wake(other);
            }
            self.set_watch(reach);
            return Next::Send;
        }
        let has_process = matches!(self.workers[worker].life, Life::Serving | Life::Spent);
        let is_missed = self.workers[worker].missed && !self.closed;
        if !has_process && (is_missed || self.may_start(now)) {
            self.workers[worker].missed = false;
            self.workers[worker].life = Life::Starting;
            self.set_watch(reach);
            return Next::Start;
        }
        let is_idle = self.workers[worker].is_idle();
        if self.closed && (!has_process || is_idle) && !self.any_waits() {
            // Tasks that still wait in the queue belong to the attendants that have a worker or are starting one.
            self.workers[worker].life = Life::Left;
            // Those who have stayed for what waited in workers.
            for sleeper in self.ready.drain(..).chain(self.absent.drain(..)) {
                reach.wake(sleeper);
            }
            return Next::Leave;
        }
        self.workers[worker].asleep = true;
        if is_idle {
            self.ready.push(worker);
        } else if !has_process {
            self.absent.push(worker);
        }
        // What waits elsewhere has been left there, as far as one knows for a moment.
        let naps = self.needs_watch() && self.watchers().contains(&worker);
        self.workers[worker].naps = naps;
        let wake = if self.queue.is_empty() {
            None
        } else {
            self.ready.pop()
        };
        self.set_watch(reach);
        Next::Sleep { wake, naps }
    }

    /// The worker has said hello.
    pub(crate) fn started(&mut self, worker: usize, now: Instant) {
        self.worker_counts.started += 1;
        self.workers[worker] = Worker {
            life: Life::Started,
            ..Worker::absent(now)
        };
    }

    /// The worker could not be started. Returns the tasks to fail, when it is hopeless.
    #[must_use]
    pub(crate) fn start_failed(&mut self, worker: usize) -> VecDeque<Ticket<T>> {
        let is_given_up = self.is_stopped(worker);
        self.workers[worker].life = Life::Absent;
        self.workers[worker].stop = None;
        if is_given_up {
            return VecDeque::new();
        }
        self.worker_counts.failed_starts += 1;
        self.count_failure()
    }

    /// The attendant of `worker` has sent its task, or has found it taken back.
    pub(crate) fn sent(&mut self, worker: usize, now: Instant) {
        let serving = &mut self.workers[worker];
        serving.is_sending = false;
        serving.begin_time(now, Duration::ZERO);
    }

    /// The worker has replied to so many tasks, at least one, of which this is the first. Those that are in its ticket have ended.
    /// `None` if the worker has no such task, or another one before that in its ticket. After replies that came together,
    /// [`replied`](Self::replied) is told.
    pub(crate) fn answered(&mut self, worker: usize, number: u64, count: u32) -> Option<Answered<'_, T>> {
        let serving = &mut self.workers[worker];
        let place = serving.handed.place_of(number)?;
        let ticket = serving.handed.at(place);
        if ticket.number != number {
            return None;
        }
        let is_last = count >= ticket.count;
        let ended = count.min(ticket.count);
        if place == 0 {
            serving.deadline = None;
        }
        serving.tasks = serving.tasks.saturating_add(ended);
        let is_spent = self
            .rules
            .tasks_per_worker
            .is_some_and(|limit| serving.tasks >= limit);
        if is_spent && serving.life == Life::Serving {
            serving.life = Life::Spent;
        }
        self.task_counts.answered += u64::from(ended);
        self.failures = 0;
        let handed = &mut serving.handed;
        if is_last {
            return handed.remove(place).map(Answered::Last);
        }
        handed.change(place, |ticket| {
            ticket.number += u64::from(ended);
            ticket.count -= ended;
        });
        Some(Answered::First(handed.task_at(place)))
    }

    /// The worker has replied to so many tasks, at least one, and has been at tasks for so long in all, if it says so. Returns how
    /// long each of them took, if that can be told now.
    pub(crate) fn measure(
        &mut self,
        worker: usize,
        count: u32,
        busy: Option<Duration>,
        now: Instant,
    ) -> Option<Duration> {
        self.workers[worker].pace.replies(count, busy, now)
    }

    /// The worker has replied. True if its attendant is asleep, and has something to do.
    pub(crate) fn replied(&mut self, worker: usize, now: Instant, reach: &mut impl Reach<T>) -> bool {
        self.refill(worker, now, reach);
        let Worker { asleep, handed, .. } = &self.workers[worker];
        let has_nothing = *asleep && handed.is_empty();
        let is_idle = self.workers[worker].is_idle();
        let wake = has_nothing && (!self.queue.is_empty() || self.closed || !is_idle);
        if has_nothing && !wake && !self.ready.contains(&worker) {
            self.ready.push(worker);
        }
        self.set_watch(reach);
        wake
    }

    /// Whether workers fail in a row, so that a task which no worker is there for fails with the next failure.
    pub(crate) fn is_healthy(&self) -> bool {
        self.failures < self.rules.restart_limit
    }

    /// The worker that has the task.
    pub(crate) fn worker_of(&self, number: u64) -> Option<usize> {
        self.place_of(number).map(|(worker, _)| worker)
    }

    /// Whether the worker is at a short task after which it goes on with others of the same ticket, as far as one knows.
    pub(crate) fn is_at_several(&self, worker: usize, now: Instant) -> bool {
        let Worker { handed, pace, .. } = &self.workers[worker];
        handed.front().is_some_and(|first| first.count > 1) && !pace.is_stuck(now)
    }

    /// The task that its attendant is to send to the worker.
    pub(crate) fn last_of(&self, worker: usize) -> Option<&Ticket<T>> {
        self.workers[worker].handed.back()
    }

    /// The number of tasks that wait, in the queue or in workers, and their bytes. (Not the bytes of those that wait behind one
    /// that runs, in the same ticket.)
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let start = (self.queue.tasks(), self.queue.bytes());
        self.workers.iter().fold(start, |(tasks, bytes), worker| {
            let running = worker.handed.front().map_or(0, |first| first.bytes);
            (tasks + worker.waiting(), bytes + worker.handed.bytes() - running)
        })
    }

    pub(crate) fn task_counts(&self) -> TaskCounts {
        self.task_counts
    }

    pub(crate) fn worker_counts(&self) -> WorkerCounts {
        self.worker_counts
    }

    /// The state of each worker, and how many tasks its process has ended.
    pub(crate) fn states(&self) -> impl Iterator<Item = (WorkerState, u32)> {
        self.workers.iter().map(|worker| {
            let state = match worker.life {
                Life::Absent | Life::Left => WorkerState::Absent,
                Life::Starting => WorkerState::Starting,
                _ if worker.stop.is_some() => WorkerState::Ending,
                Life::Spent => WorkerState::Ending,
                _ if worker.handed.is_empty() => WorkerState::Idle,
                Life::Started | Life::Serving => WorkerState::Running,
            };
            let has_process = state != WorkerState::Absent;
            (state, if has_process { worker.tasks } else { 0 })
        })
    }

    /// For how many more tasks there is room, whatever they are. `None` where that depends on them, or they are refused; or nothing
    /// happens any more after which others could be told, if those that are told now don't ask.
    pub(crate) fn places(&self) -> Option<usize> {
        let is_idle = || self.workers.iter().all(|worker| worker.handed.is_empty());
        match self.rules.limits {
            Limits {
                tasks: Some((limit, _)),
                bytes: None,
            } if !(self.closed || self.queue.is_empty() && is_idle()) => {
                Some(limit.saturating_sub(self.waiting().0))
            }
            _ => None,
        }
    }

    fn when_full(&self, bytes: usize) -> Option<crate::limit::WhenFull> {
        if self.rules.limits.are_none() {
            return None;
        }
        let (tasks, queued) = self.waiting();
        self.rules.limits.when_full(tasks, queued, bytes)
    }

    /// One more worker is gone without having run a task. Returns the tasks to fail, when there were too many in a row
    /// and no worker is left that could run them. Each later task is worth one more attempt.
    fn count_failure(&mut self) -> VecDeque<Ticket<T>> {
        self.failures = self.failures.saturating_add(1);
        if self.is_healthy() || self.has_workers() {
            return VecDeque::new();
        }
        self.task_counts.failed += self.queue.tasks() as u64;
        self.queue.take_all()
    }

    /// The attendant to wake for what waits in the queue, if there is anything and anybody. It does not count as asleep any more.
    fn next_sleeper(&mut self) -> Option<usize> {
        if self.queue.is_empty() {
            return None;
        }
        self.ready.pop().or_else(|| {
            let wants_more = self.queue.len() > self.coming();
            wants_more.then(|| self.absent.pop()).flatten()
        })
    }

    /// Whether another worker would serve the tasks that wait.
    fn may_start(&self, now: Instant) -> bool {
        // While the pool is unhealthy, only the last hope tries again.
        self.queue.len() + self.worth_a_start(now) > self.coming()
            && (self.is_healthy() || !self.has_workers())
    }

    /// Whether any worker is there or on its way.
    fn has_workers(&self) -> bool {
        self.workers
            .iter()
            .any(|worker| !matches!(worker.life, Life::Absent | Life::Left))
    }

    /// The workers that will soon ask for a task.
    fn coming(&self) -> usize {
        let comes = |worker: &&Worker<T>| matches!(worker.life, Life::Starting | Life::Started);
        self.workers.iter().filter(comes).count()
    }

    /// Where a task is that a worker has.
    fn place_of(&self, number: u64) -> Option<(usize, usize)> {
        self.workers
            .iter()
            .enumerate()
            .find_map(|(index, worker)| Some((index, worker.handed.place_of(number)?)))
    }

    /// An attendant may wake for no reason, and asks while it is still listed as asleep.
    fn forget_sleeper(&mut self, worker: usize) {
        self.workers[worker].asleep = false;
        self.workers[worker].naps = false;
        self.ready.retain(|sleeper| *sleeper != worker);
        self.absent.retain(|sleeper| *sleeper != worker);
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests;
