//! Who does what in a pool: the tasks that wait, and the state of each worker.
//!
//! A pure state machine. Its methods are the events, told under the pool's lock, and what they return is what
//! the caller then does without the lock. Every worker has an attendant, the thread that starts it, serves it and
//! asks [`Table::next`] what to do whenever it is free.
//!
//! No task is left waiting while every attendant sleeps: a new task wakes an attendant whose worker is ready, else
//! one without a worker, unless the workers being started are enough for all that wait; and an attendant that
//! goes to sleep although tasks wait leaves them to an attendant that is awake, or wakes one.
//!
//! A task that runs is stopped in two steps. The table notes it, and from then on its worker gets no other task; the
//! caller then kills the worker; and its attendant, who finds it dead or hears its last reply, is told of the note.

use crate::answers::{GivenBack, Next, State, Stop, Submitted};
use crate::counts::{TaskCounts, WorkerCounts};
use crate::limit::Limits;
use crate::queue::{Queue, Ticket};
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

struct Worker {
    state: State,
    /// The tasks that the process has ended.
    tasks: u32,
}

/// The table of a pool. Workers are known by their index.
pub(crate) struct Table<T> {
    rules: Rules,
    queue: Queue<T>,
    workers: Vec<Worker>,
    /// The sleeping attendants whose worker is ready, the most recently used last.
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
        let absent = || Worker {
            state: State::Absent,
            tasks: 0,
        };
        Self {
            rules,
            queue: Queue::new(rules.limits),
            workers: std::iter::repeat_with(absent).take(workers).collect(),
            ready: Vec::new(),
            absent: Vec::new(),
            failures: 0,
            closed: false,
            task_counts: TaskCounts::default(),
            worker_counts: WorkerCounts::default(),
        }
    }

    /// A task comes in, if there is room.
    pub(crate) fn submit(&mut self, ticket: Ticket<T>) -> Submitted<T> {
        if self.closed {
            return Submitted::Refused(ticket);
        }
        if let Some(when_full) = self.queue.when_full(ticket.bytes) {
            return Submitted::Full(ticket, when_full);
        }
        self.task_counts.submitted += 1;
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

    /// The attendant of `worker` is free, and its worker, if it has one, is ready.
    pub(crate) fn next(&mut self, worker: usize) -> Next<T> {
        self.forget_sleeper(worker);
        if self.workers[worker].state == State::Spent {
            return Next::Retire;
        }
        let ready = matches!(self.workers[worker].state, State::Started | State::Ready);
        if ready && let Some(ticket) = self.queue.pop_front() {
            self.workers[worker].state = State::Running {
                number: ticket.number,
                deadline: None,
                stop: None,
            };
            return Next::Run(ticket);
        }
        if !ready && self.may_start() {
            self.workers[worker].state = State::Starting;
            return Next::Start;
        }
        if self.closed {
            // Tasks that still wait belong to the attendants that have a worker or are starting one.
            self.workers[worker].state = State::Left;
            return Next::Leave;
        }
        if ready {
            self.workers[worker].state = State::Ready;
        }
        let sleepers = if ready { &mut self.ready } else { &mut self.absent };
        sleepers.push(worker);
        let wake = if self.queue.len() == 0 {
            None
        } else {
            self.ready.pop()
        };
        Next::Sleep { wake }
    }

    /// The worker has said hello.
    pub(crate) fn started(&mut self, worker: usize) {
        self.worker_counts.started += 1;
        self.workers[worker] = Worker {
            state: State::Started,
            tasks: 0,
        };
    }

    /// The worker could not be started. Returns the tasks to fail, when it is hopeless.
    #[must_use]
    pub(crate) fn start_failed(&mut self, worker: usize) -> VecDeque<Ticket<T>> {
        self.worker_counts.failed_starts += 1;
        self.workers[worker].state = State::Absent;
        self.count_failure()
    }

    /// The task is about to be sent to the worker: its time begins.
    pub(crate) fn time(&mut self, worker: usize, until: Instant) {
        if let State::Running { deadline, .. } = &mut self.workers[worker].state {
            *deadline = Some(until);
        }
    }

    /// The first time at which a task is to be stopped.
    pub(crate) fn earliest_deadline(&self) -> Option<Instant> {
        let deadline = |worker: &Worker| match worker.state {
            State::Running {
                deadline, stop: None, ..
            } => deadline,
            _ => None,
        };
        self.workers.iter().filter_map(deadline).min()
    }

    /// Stops the tasks whose time is over. Returns the workers to kill.
    #[must_use]
    pub(crate) fn stop_expired(&mut self, now: Instant) -> Vec<usize> {
        self.stop_where(Stop::TimedOut, |_, deadline| {
            deadline.is_some_and(|deadline| deadline <= now)
        })
    }

    /// Stops a task. Returns the worker to kill, if it runs.
    #[must_use]
    pub(crate) fn stop(&mut self, task: u64) -> Vec<usize> {
        self.stop_where(Stop::Killed, |number, _| number == task)
    }

    /// Stops all tasks that run.
    pub(crate) fn stop_all(&mut self) {
        let _ = self.stop_where(Stop::Killed, |_, _| true);
    }

    fn stop_where(&mut self, why: Stop, concerns: impl Fn(u64, Option<Instant>) -> bool) -> Vec<usize> {
        let mut stopped = Vec::new();
        for (index, worker) in self.workers.iter_mut().enumerate() {
            if let State::Running {
                number,
                deadline,
                stop: stop @ None,
            } = &mut worker.state
                && concerns(*number, *deadline)
            {
                *stop = Some(why);
                stopped.push(index);
            }
        }
        stopped
    }

    /// The worker has replied to its task. True if it has been stopped nevertheless: then it is gone.
    #[must_use]
    pub(crate) fn finished(&mut self, worker: usize) -> bool {
        self.task_counts.answered += 1;
        self.failures = 0;
        let stop = self.stop_of(worker);
        let worker = &mut self.workers[worker];
        worker.tasks = worker.tasks.saturating_add(1);
        if let Some(stop) = stop {
            worker.state = State::Absent;
            self.count_stopped_worker(stop);
        } else if self
            .rules
            .tasks_per_worker
            .is_some_and(|limit| worker.tasks >= limit)
        {
            worker.state = State::Spent;
        } else {
            worker.state = State::Ready;
        }
        stop.is_some()
    }

    /// The task was cancelled before the worker got it.
    pub(crate) fn skipped(&mut self, worker: usize) {
        self.task_counts.cancelled += 1;
        self.workers[worker].state = State::Ready;
    }

    /// The worker is gone with its task. Says whether that was stopped.
    #[must_use]
    pub(crate) fn lost(&mut self, worker: usize) -> Option<Stop> {
        self.failures = 0;
        let stop = self.stop_of(worker);
        self.workers[worker].state = State::Absent;
        match stop {
            Some(stop) => {
                self.count_stopped_worker(stop);
                match stop {
                    Stop::TimedOut => self.task_counts.timed_out += 1,
                    Stop::Killed => self.task_counts.killed += 1,
                }
            }
            None => {
                self.worker_counts.crashed += 1;
                self.task_counts.lost += 1;
            }
        }
        stop
    }

    /// The worker was gone before its task reached it: the task is the next to run, unless it was stopped meanwhile.
    pub(crate) fn give_back(&mut self, worker: usize, ticket: Ticket<T>) -> GivenBack<T> {
        if let Some(stop) = self.stop_of(worker) {
            let _ = self.lost(worker);
            return GivenBack::Stopped(ticket, stop);
        }
        self.queue.push_front(ticket);
        GivenBack::Queued {
            hopeless: self.died_idle(worker),
        }
    }

    /// The worker is gone while it had no task. Returns the tasks to fail, when it is hopeless.
    #[must_use]
    pub(crate) fn died_idle(&mut self, worker: usize) -> VecDeque<Ticket<T>> {
        self.forget_sleeper(worker);
        self.worker_counts.died_idle += 1;
        self.workers[worker].state = State::Absent;
        if self.workers[worker].tasks == 0 {
            self.count_failure()
        } else {
            VecDeque::new()
        }
    }

    /// The worker that had run as many tasks as it may is gone.
    pub(crate) fn retired(&mut self, worker: usize) {
        self.worker_counts.retired += 1;
        self.workers[worker].state = State::Absent;
    }

    /// No more tasks come in. Returns the attendants to wake.
    #[must_use]
    pub(crate) fn close(&mut self) -> Vec<usize> {
        self.closed = true;
        let mut sleepers = std::mem::take(&mut self.ready);
        sleepers.append(&mut self.absent);
        sleepers
    }

    /// Takes the tasks that wait, to be cancelled.
    #[must_use]
    pub(crate) fn cancel_queue(&mut self) -> VecDeque<Ticket<T>> {
        self.task_counts.cancelled += self.queue.len() as u64;
        self.queue.take_all()
    }

    /// Whether workers fail in a row, so that a task which no worker is there for fails with the next failure.
    pub(crate) fn is_healthy(&self) -> bool {
        self.failures < self.rules.restart_limit
    }

    pub(crate) fn queue(&self) -> &Queue<T> {
        &self.queue
    }

    pub(crate) fn task_counts(&self) -> TaskCounts {
        self.task_counts
    }

    pub(crate) fn worker_counts(&self) -> WorkerCounts {
        self.worker_counts
    }

    /// The state of each worker, and how many tasks its process has ended.
    pub(crate) fn states(&self) -> impl Iterator<Item = (State, u32)> {
        self.workers.iter().map(|worker| (worker.state, worker.tasks))
    }

    fn stop_of(&self, worker: usize) -> Option<Stop> {
        match self.workers[worker].state {
            State::Running { stop, .. } => stop,
            _ => None,
        }
    }

    fn count_stopped_worker(&mut self, stop: Stop) {
        match stop {
            Stop::TimedOut => self.worker_counts.timed_out += 1,
            Stop::Killed => self.worker_counts.killed += 1,
        }
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
            .any(|worker| !matches!(worker.state, State::Absent | State::Left))
    }

    /// The workers that will soon ask for a task.
    fn coming(&self) -> usize {
        let comes = |worker: &&Worker| matches!(worker.state, State::Starting | State::Started);
        self.workers.iter().filter(comes).count()
    }

    /// An attendant may wake for no reason, and asks while it is still listed as asleep.
    fn forget_sleeper(&mut self, worker: usize) {
        self.ready.retain(|sleeper| *sleeper != worker);
        self.absent.retain(|sleeper| *sleeper != worker);
    }
}

#[cfg(all(test, not(trine_loom)))]
#[path = "table_tests.rs"]
mod tests;
