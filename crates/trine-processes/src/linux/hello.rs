//! How the wait for a worker's hello ends when nothing is said: the watcher kills the process when its time is over, and ends
//! the wait of an attendant that can't see for itself that the process has exited.

use super::server::Standby;
use std::time::{Duration, Instant};

/// How long a worker may take from its start to its hello.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// How a wait has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Something was said, or the wait was not possible.
    Answered,
    Exited,
    TimedOut,
}

/// The wait for the hello of one worker.
pub(super) struct Awaited {
    /// Somebody still waits.
    is_open: bool,
    /// Ends the wait of one that sees nothing but its server.
    standby: Option<Standby>,
    deadline: Instant,
    outcome: Outcome,
}

impl Awaited {
    pub(super) fn new(standby: Option<Standby>) -> Self {
        Self {
            is_open: true,
            standby,
            deadline: Instant::now() + DEADLINE,
            outcome: Outcome::Answered,
        }
    }

    /// Whether somebody still waits.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// When to kill the process, if it has said nothing by then.
    pub(super) fn deadline(&self) -> Option<Instant> {
        (self.is_open && self.outcome != Outcome::TimedOut).then_some(self.deadline)
    }

    /// True if its time is over, the first time.
    pub(super) fn expires(&mut self, now: Instant) -> bool {
        let expires = self.deadline().is_some_and(|deadline| deadline <= now);
        if expires {
            self.outcome = Outcome::TimedOut;
        }
        expires
    }

    /// The process has exited: what it has not said by now, it will not say.
    pub(super) fn give_up(&mut self) {
        if !self.is_open {
            return;
        }
        self.is_open = false;
        if self.outcome == Outcome::Answered {
            self.outcome = Outcome::Exited;
        }
        if let Some(standby) = self.standby.take() {
            standby.answer();
        }
    }

    /// The wait is over: how it has ended.
    pub(super) fn outcome(&mut self) -> Outcome {
        self.is_open = false;
        self.standby = None;
        self.outcome
    }
}
