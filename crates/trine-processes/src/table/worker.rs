//! What the table knows of one worker.

use super::handed::Handed;
use crate::answers::Stop;
use crate::pace::Pace;
use crate::queue::Ticket;
use std::time::{Duration, Instant};

/// What there is of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
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

/// A worker of the table.
pub(super) struct Worker<T> {
    pub(super) life: Life,
    /// The attendant sleeps.
    pub(super) asleep: bool,
    /// It asks again soon, or is about to, because tasks wait in other workers. One of those who have nothing to do is enough.
    pub(super) naps: bool,
    /// What the worker has and has not answered, the oldest first. All but the first task wait, as far as one knows.
    pub(super) handed: Handed<T>,
    /// When the first of them is to be stopped.
    pub(super) deadline: Option<Instant>,
    /// The attendant sends it. Its time begins when it is sent: that may take longer than it may run.
    pub(super) is_sending: bool,
    /// Noted once: the worker is being killed.
    pub(super) stop: Option<Stop>,
    /// A task that was cancelled when it had begun, and was not known to be the first: what is before it has ended, and the replies are
    /// on their way. It is stopped when they are here.
    pub(super) cancelled: Option<u64>,
    /// A task has ended the process, or that of the only other worker: there was work for it, so one is started at once.
    pub(super) missed: bool,
    /// The tasks that the process has ended.
    pub(super) tasks: u32,
    pub(super) pace: Pace,
}

impl<T> Worker<T> {
    pub(super) fn absent(now: Instant) -> Self {
        Self {
            life: Life::Absent,
            asleep: false,
            naps: false,
            handed: Handed::default(),
            deadline: None,
            is_sending: false,
            stop: None,
            cancelled: None,
            missed: false,
            tasks: 0,
            pace: Pace::new(now),
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.life == Life::Serving && self.stop.is_none() && self.handed.is_empty()
    }

    pub(super) fn push(&mut self, ticket: Ticket<T>, now: Instant) {
        if self.handed.is_empty() {
            self.pace.begin(now);
            self.deadline = ticket.timeout.and_then(|timeout| now.checked_add(timeout));
        }
        self.handed.push_back(ticket);
    }

    /// The time of the first task begins again. It is no less than `least`.
    pub(super) fn begin_time(&mut self, now: Instant, least: Duration) {
        let timeout = self.handed.front().and_then(|first| first.timeout);
        self.deadline = timeout.and_then(|timeout| now.checked_add(timeout.max(least)));
    }

    /// How many tasks wait in the worker.
    pub(super) fn waiting(&self) -> usize {
        self.handed.tasks().saturating_sub(1)
    }
}
