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
//! what waits behind a long task goes back to the queue.
//!
//! A task that runs is stopped in two steps. The table takes back what waits behind it and notes the stop, and from then on its
//! worker gets no other task; the caller then kills the worker; and its attendant, who finds it dead, is told of the
//! note.

use crate::answers::{Answered, Died, Handing, Next, Reach, Stop, Stopped, Submitted};
use crate::counts::{TaskCounts, WorkerCounts};
use crate::limit::Limits;
use crate::pace::Pace;
use crate::queue::{Queue, Ticket};
use crate::stats::WorkerState;
use std::collections::VecDeque;
use std::time::Instant;

/// What a table is made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) limits: Limits,
    /// After so many tasks a worker is replaced.
    pub(crate) tasks_per_worker: Option<u32>,
    /// So many workers in a row that are gone without having run a task make the pool unhealthy.
    pub(crate) restart_limit: u32,
}

/// What there is of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// There is no process.
    Absent,
    /// The attendant starts the process.
    Starting,
    /// The process has said hello, and its attendant is about to ask for a task.
    Started,
    /// The process runs tasks, or waits for some.
    Serving,
    /// The process has run as many tasks as it may.
    Spent,
    /// The attendant has left, for good.
    Left,
}

struct Worker<T> {
    life: Life,
    /// The attendant sleeps.
    asleep: bool,
    /// What the worker has and has not answered, the oldest first. All but the first wait, as far as one knows.
    handed: VecDeque<Ticket<T>>,
    /// When the first of them is to be stopped.
    deadline: Option<Instant>,
    /// Noted once: the worker is being killed.
    stop: Option<Stop>,
    /// The tasks that the process has ended.
    tasks: u32,
    pace: Pace,
}

impl<T> Worker<T> {
    fn absent(now: Instant) -> Self {
        Self {
            life: Life::Absent,
            asleep: false,
            handed: VecDeque::new(),
            deadline: None,
            stop: None,
            tasks: 0,
            pace: Pace::new(now),
        }
    }

    fn is_idle(&self) -> bool {
        self.life == Life::Serving && self.stop.is_none() && self.handed.is_empty()
    }

    fn push(&mut self, ticket: Ticket<T>, now: Instant) {
        if self.handed.is_empty() {
            self.pace.begin(now);
            self.deadline = ticket.timeout.and_then(|timeout| now.checked_add(timeout));
        }
        self.handed.push_back(ticket);
    }

    /// How many tasks wait in the worker.
    fn waiting(&self) -> usize {
        self.handed.len().saturating_sub(1)
    }
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
            task_counts: TaskCounts::default(),
            worker_counts: WorkerCounts::default(),
        }
    }

    /// A task comes in, if there is room.
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
        self.task_counts.submitted += 1;
        if self.queue.len() == 0
            && let Some(worker) = self.free_worker()
            && self.hand(worker, &mut ticket, reach) == Handing::Handed
        {
            self.ready.retain(|ready| *ready != worker);
            self.workers[worker].push(ticket, now);
            return Submitted::Handed { worker };
        }
        self.queue.push_back(ticket);
        let wake = self.ready.pop().or_else(|| {
            if self.queue.len() > self.coming() {
                self.absent.pop()
            } else {
                None
            }
        });
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
            return Next::Send;
        }
        let has_process = matches!(self.workers[worker].life, Life::Serving | Life::Spent);
        if !has_process && self.may_start() {
            self.workers[worker].life = Life::Starting;
            return Next::Start;
        }
        let is_idle = self.workers[worker].is_idle();
        if self.closed && (is_idle || !has_process) {
            // Tasks that still wait belong to the attendants that have a worker or are starting one.
            self.workers[worker].life = Life::Left;
            return Next::Leave;
        }
        self.workers[worker].asleep = true;
        if is_idle {
            self.ready.push(worker);
        } else if !has_process {
            self.absent.push(worker);
        }
        let wake = if self.queue.len() == 0 {
            None
        } else {
            self.ready.pop()
        };
        Next::Sleep { wake }
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
        self.worker_counts.failed_starts += 1;
        self.workers[worker].life = Life::Absent;
        self.count_failure()
    }

    /// The worker has replied to this task. `None` if it has no such task. Replies that two threads have taken may be told in
    /// another order than that in which they came.
    pub(crate) fn answered(
        &mut self,
        worker: usize,
        number: u64,
        now: Instant,
        reach: &mut impl Reach<T>,
    ) -> Option<Answered<T>> {
        let serving = &mut self.workers[worker];
        let place = serving.handed.iter().position(|ticket| ticket.number == number)?;
        let ticket = serving.handed.remove(place)?;
        if place == 0 {
            serving.deadline = None;
        }
        serving.pace.reply(now);
        serving.tasks = serving.tasks.saturating_add(1);
        let is_spent = self
            .rules
            .tasks_per_worker
            .is_some_and(|limit| serving.tasks >= limit);
        if is_spent && serving.life == Life::Serving {
            serving.life = Life::Spent;
        }
        self.task_counts.answered += 1;
        self.failures = 0;
        self.refill(worker, now, reach);
        let is_idle = self.workers[worker].is_idle();
        let mut wake = false;
        if self.workers[worker].asleep && self.workers[worker].handed.is_empty() {
            wake = self.queue.len() > 0 || self.closed || !is_idle;
            if is_idle && !wake && !self.ready.contains(&worker) {
                self.ready.push(worker);
            }
        }
        Some(Answered { ticket, wake })
    }

    /// The first time at which a task is to be stopped.
    pub(crate) fn earliest_deadline(&self) -> Option<Instant> {
        let deadline = |worker: &Worker<T>| worker.deadline.filter(|_| worker.stop.is_none());
        self.workers.iter().filter_map(deadline).min()
    }

    /// Stops the tasks whose time is over. Returns their workers, and whether to kill them. If not, the worker has not begun:
    /// wake its attendant.
    #[must_use]
    pub(crate) fn stop_expired(&mut self, now: Instant, reach: &mut impl Reach<T>) -> Vec<(usize, bool)> {
        let is_over = |worker: &Worker<T>| {
            worker.stop.is_none() && worker.deadline.is_some_and(|deadline| deadline <= now)
        };
        let over: Vec<_> = (0..self.workers.len())
            .filter(|index| is_over(&self.workers[*index]))
            .collect();
        over.into_iter()
            .map(|worker| (worker, self.stop_first(worker, Stop::TimedOut, reach)))
            .collect()
    }

    /// Stops a task that was cancelled.
    #[must_use]
    pub(crate) fn stop(&mut self, number: u64, reach: &mut impl Reach<T>) -> Stopped<T> {
        let Some((worker, place)) = self.place_of(number) else {
            return Stopped::Nothing;
        };
        if self.workers[worker].stop.is_none()
            && reach.take_back(worker, &mut self.workers[worker].handed[place])
        {
            let taken = self.workers[worker].handed.remove(place);
            self.task_counts.cancelled += 1;
            return taken.map_or(Stopped::Nothing, |ticket| Stopped::Taken { worker, ticket });
        }
        if place == 0 && self.stop_first(worker, Stop::Killed, reach) {
            Stopped::Runs { worker }
        } else {
            Stopped::Nothing
        }
    }

    /// Takes back a task that waits in a worker: then it waits in the queue. Returns the worker whose attendant is to be woken;
    /// `None` if the task runs or has ended.
    #[must_use]
    pub(crate) fn take_back(&mut self, number: u64, reach: &mut impl Reach<T>) -> Option<usize> {
        let (worker, place) = self.place_of(number)?;
        let handed = &mut self.workers[worker].handed;
        if !reach.take_back(worker, &mut handed[place]) {
            return None;
        }
        if let Some(ticket) = handed.remove(place) {
            self.queue.push_front(ticket);
        }
        Some(worker)
    }

    /// Stops all tasks that run, and takes back all others.
    pub(crate) fn stop_all(&mut self, reach: &mut impl Reach<T>) {
        for worker in 0..self.workers.len() {
            let _ = self.stop_first(worker, Stop::Killed, reach);
        }
    }

    /// The worker has replied something that it was not asked. Returns the task that it should have answered, if any.
    pub(crate) fn distrust(&mut self, worker: usize) -> Option<Ticket<T>> {
        let serving = &mut self.workers[worker];
        let first = serving.handed.pop_front();
        serving.deadline = None;
        serving.stop.get_or_insert(Stop::Distrusted);
        self.task_counts.lost += u64::from(first.is_some());
        first
    }

    /// The worker is gone.
    pub(crate) fn died(&mut self, worker: usize, reach: &mut impl Reach<T>) -> Died<T> {
        self.forget_sleeper(worker);
        let lost = self.take_back_all(worker, 0, reach);
        let dead = &mut self.workers[worker];
        let had_run = dead.tasks > 0;
        let stop = dead.stop.take();
        dead.life = Life::Absent;
        dead.deadline = None;
        match stop {
            Some(Stop::TimedOut) => self.worker_counts.timed_out += 1,
            Some(Stop::Killed) => self.worker_counts.killed += 1,
            Some(Stop::Distrusted) => self.worker_counts.crashed += 1,
            None if lost.is_empty() => self.worker_counts.died_idle += 1,
            None => self.worker_counts.crashed += 1,
        }
        let mut uncounted = lost.len() as u64;
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
            VecDeque::new()
        } else if had_run {
            VecDeque::new()
        } else {
            self.count_failure()
        };
        Died { lost, stop, hopeless }
    }

    /// The worker that had run as many tasks as it may is gone.
    pub(crate) fn retired(&mut self, worker: usize) {
        self.worker_counts.retired += 1;
        self.workers[worker].life = Life::Absent;
    }

    /// No more tasks come in. Wake all attendants.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    /// Takes the tasks that wait, to be cancelled.
    #[must_use]
    pub(crate) fn cancel_queue(&mut self, reach: &mut impl Reach<T>) -> VecDeque<Ticket<T>> {
        for worker in 0..self.workers.len() {
            let begun = self.take_back_all(worker, 0, reach);
            self.workers[worker].handed.extend(begun);
        }
        self.task_counts.cancelled += self.queue.len() as u64;
        self.queue.take_all()
    }

    /// Whether workers fail in a row, so that a task which no worker is there for fails with the next failure.
    pub(crate) fn is_healthy(&self) -> bool {
        self.failures < self.rules.restart_limit
    }

    /// The worker that has the task.
    pub(crate) fn worker_of(&self, number: u64) -> Option<usize> {
        self.place_of(number).map(|(worker, _)| worker)
    }

    /// The task that its attendant is to send to the worker.
    pub(crate) fn last_of(&self, worker: usize) -> Option<&Ticket<T>> {
        self.workers[worker].handed.back()
    }

    /// The number of tasks that wait, in the queue or in workers, and their bytes.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let in_workers = self
            .workers
            .iter()
            .flat_map(|worker| worker.handed.iter().skip(1));
        in_workers.fold(
            (self.queue.len(), self.queue.bytes()),
            |(tasks, bytes), ticket| (tasks + 1, bytes + ticket.bytes),
        )
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
            (state, worker.tasks)
        })
    }

    fn when_full(&self, bytes: usize) -> Option<crate::limit::WhenFull> {
        if self.rules.limits.are_none() {
            return None;
        }
        let (tasks, queued) = self.waiting();
        self.rules.limits.when_full(tasks, queued, bytes)
    }

    /// A worker that a new task can be handed to.
    fn free_worker(&self) -> Option<usize> {
        if let Some(worker) = self.ready.last() {
            return Some(*worker);
        }
        (0..self.workers.len())
            .filter(|worker| self.takes_more(*worker))
            .min_by_key(|worker| self.workers[*worker].handed.len())
    }

    /// Whether the worker can be given one more task now.
    fn takes_more(&self, worker: usize) -> bool {
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
    fn all_are_busy(&self) -> bool {
        let is_busy = |worker: &Worker<T>| !worker.handed.is_empty() || worker.life == Life::Left;
        self.workers.iter().all(is_busy)
    }

    /// Hands a task to the worker. One with a time-out begins at once, so that its time can be counted.
    fn hand(&mut self, worker: usize, ticket: &mut Ticket<T>, reach: &mut impl Reach<T>) -> Handing {
        let handed = &self.workers[worker].handed;
        if ticket.timeout.is_some() && !handed.is_empty() {
            return Handing::NoRoom;
        }
        reach.hand(worker, ticket, handed.front())
    }

    /// Gives tasks to a worker, as many as are good for it.
    fn refill(&mut self, worker: usize, now: Instant, reach: &mut impl Reach<T>) {
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
    fn announce(&mut self, worker: usize, now: Instant, reach: &mut impl Reach<T>) -> bool {
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
    fn rescue(&mut self, worker: usize, now: Instant, reach: &mut impl Reach<T>) {
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
    fn take_back_all(&mut self, worker: usize, kept: usize, reach: &mut impl Reach<T>) -> Vec<Ticket<T>> {
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

    /// Notes why the first task of a worker is stopped, and takes back all others. False if there is none to stop, or it has
    /// ended and the worker is at another one.
    fn stop_first(&mut self, worker: usize, why: Stop, reach: &mut impl Reach<T>) -> bool {
        if self.workers[worker].stop.is_some() {
            return false;
        }
        let begun = self.take_back_all(worker, 0, reach);
        let is_first = begun.len() == 1;
        let stopping = &mut self.workers[worker];
        stopping.handed.extend(begun);
        if is_first {
            stopping.stop = Some(why);
        } else {
            stopping.deadline = None;
        }
        is_first
    }

    /// One more worker is gone without having run a task. Returns the tasks to fail, when there were too many in a row
    /// and no worker is left that could run them. Each later task is worth one more attempt.
    fn count_failure(&mut self) -> VecDeque<Ticket<T>> {
        self.failures = self.failures.saturating_add(1);
        if self.is_healthy() || self.has_workers() {
            return VecDeque::new();
        }
        self.task_counts.failed += self.queue.len() as u64;
        self.queue.take_all()
    }

    /// Whether another worker would serve the tasks that wait.
    fn may_start(&self) -> bool {
        // While the pool is unhealthy, only the last hope tries again.
        self.queue.len() > self.coming() && (self.is_healthy() || !self.has_workers())
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
        self.workers.iter().enumerate().find_map(|(index, worker)| {
            let place = worker.handed.iter().position(|ticket| ticket.number == number)?;
            Some((index, place))
        })
    }

    /// An attendant may wake for no reason, and asks while it is still listed as asleep.
    fn forget_sleeper(&mut self, worker: usize) {
        self.workers[worker].asleep = false;
        self.ready.retain(|sleeper| *sleeper != worker);
        self.absent.retain(|sleeper| *sleeper != worker);
    }
}

#[cfg(all(test, not(trine_loom)))]
#[path = "table_tests.rs"]
mod tests;
