//! Who does what in a pool: the tasks that wait, and the state of each worker.
//!
//! A pure state machine. Its methods are the events, told under the pool's lock, and what they return is what
//! the caller then does without the lock. Every worker has an attendant, the thread that starts it, serves it and
//! asks [`Table::next`] what to do whenever it is free.
//!
//! No task is left waiting while every attendant sleeps: a new task wakes an attendant whose worker is ready, else
//! one without a worker, unless the workers being started are enough for all that wait; and an attendant that
//! goes to sleep although tasks wait leaves them to an attendant that is awake, or wakes one.

use std::collections::VecDeque;

/// So many workers in a row that could not be started fail the tasks that wait, if no other worker is left.
const FAILED_STARTS: u32 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is no process.
    Absent,
    /// The attendant starts the process.
    Starting,
    /// The process has said hello, and its attendant is about to ask for a task.
    Started,
    /// The process waits for a task.
    Ready,
    /// The process has a task.
    Running,
    /// The attendant has left, for good.
    Left,
}

/// What an attendant does next.
#[derive(Debug, PartialEq)]
pub(crate) enum Next<T> {
    /// Start a worker, and tell `started` or `start_failed`.
    Start,
    /// Run this task, and tell `finished`, `died` or `give_back`.
    Run(T),
    /// Wake that attendant, if any, then sleep until woken, and ask again.
    Sleep { wake: Option<usize> },
    /// Stop the worker, if there is one, and end.
    Leave,
}

/// What becomes of a task that is submitted.
#[derive(Debug, PartialEq)]
pub(crate) enum Submitted<T> {
    /// It waits for its turn; wake that attendant, if any.
    Queued { wake: Option<usize> },
    /// The pool takes no more tasks.
    Refused(T),
}

/// The table of a pool. Workers are known by their index.
pub(crate) struct Table<T> {
    queue: VecDeque<T>,
    workers: Vec<State>,
    /// The sleeping attendants whose worker is ready, the most recently used last.
    ready: Vec<usize>,
    /// The sleeping attendants without a worker.
    absent: Vec<usize>,
    /// Failures to start a worker since the last success.
    failed_starts: u32,
    closed: bool,
}

impl<T> Table<T> {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            workers: vec![State::Absent; workers],
            ready: Vec::new(),
            absent: Vec::new(),
            failed_starts: 0,
            closed: false,
        }
    }

    /// A task comes in.
    pub(crate) fn submit(&mut self, task: T) -> Submitted<T> {
        if self.closed {
            return Submitted::Refused(task);
        }
        self.queue.push_back(task);
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
        let ready = matches!(self.workers[worker], State::Started | State::Ready);
        if ready && let Some(task) = self.queue.pop_front() {
            self.workers[worker] = State::Running;
            return Next::Run(task);
        }
        if !ready && self.may_start() {
            self.workers[worker] = State::Starting;
            return Next::Start;
        }
        if self.closed {
            // Tasks that still wait belong to the attendants that have a worker or are starting one.
            self.workers[worker] = State::Left;
            return Next::Leave;
        }
        if ready {
            self.workers[worker] = State::Ready;
        }
        let sleepers = if ready { &mut self.ready } else { &mut self.absent };
        sleepers.push(worker);
        let wake = if self.queue.is_empty() {
            None
        } else {
            self.ready.pop()
        };
        Next::Sleep { wake }
    }

    /// The worker has said hello.
    pub(crate) fn started(&mut self, worker: usize) {
        self.workers[worker] = State::Started;
        self.failed_starts = 0;
    }

    /// The worker could not be started. Returns the tasks to fail, when it is hopeless.
    #[must_use]
    pub(crate) fn start_failed(&mut self, worker: usize) -> VecDeque<T> {
        self.workers[worker] = State::Absent;
        self.failed_starts += 1;
        if self.failed_starts < FAILED_STARTS || self.has_workers() {
            return VecDeque::new();
        }
        // Later tasks are worth new attempts.
        self.failed_starts = 0;
        std::mem::take(&mut self.queue)
    }

    /// The worker has replied to its task.
    pub(crate) fn finished(&mut self, worker: usize) {
        self.workers[worker] = State::Ready;
    }

    /// The worker is gone: with its task, if it had one.
    pub(crate) fn died(&mut self, worker: usize) {
        self.workers[worker] = State::Absent;
    }

    /// The worker was gone before its task reached it: the task is the next to run.
    pub(crate) fn give_back(&mut self, worker: usize, task: T) {
        self.workers[worker] = State::Absent;
        self.queue.push_front(task);
    }

    /// No more tasks come in. Returns the attendants to wake.
    #[must_use]
    pub(crate) fn close(&mut self) -> Vec<usize> {
        self.closed = true;
        let mut sleepers = std::mem::take(&mut self.ready);
        sleepers.append(&mut self.absent);
        sleepers
    }

    /// Takes the tasks that wait.
    #[must_use]
    pub(crate) fn take_queue(&mut self) -> VecDeque<T> {
        std::mem::take(&mut self.queue)
    }

    /// Whether another worker would serve the tasks that wait.
    fn may_start(&self) -> bool {
        // Once starting has failed often, only the last hope tries again.
        self.queue.len() > self.coming() && (self.failed_starts < FAILED_STARTS || !self.has_workers())
    }

    /// Whether any worker is there or on its way.
    fn has_workers(&self) -> bool {
        self.workers
            .iter()
            .any(|state| !matches!(state, State::Absent | State::Left))
    }

    /// The workers that will soon ask for a task. One that has just ended a task is not among them: callbacks of
    /// that task's future may keep its attendant, and may even wait for the next task.
    fn coming(&self) -> usize {
        let comes = |state: &&State| matches!(state, State::Starting | State::Started);
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
