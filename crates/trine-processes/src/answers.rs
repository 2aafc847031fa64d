//! The words of the table: what workers do, and what it answers to those who tell it something.

use crate::limit::WhenFull;
use crate::queue::Ticket;
use std::collections::VecDeque;
use std::time::Instant;

/// Why a task that runs is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    TimedOut,
    Killed,
}

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// There is no process.
    Absent,
    /// The attendant starts the process.
    Starting,
    /// The process has said hello, and its attendant is about to ask for a task.
    Started,
    /// The process waits for a task.
    Ready,
    /// The process has a task.
    Running {
        number: u64,
        /// When the task is to be stopped.
        deadline: Option<Instant>,
        /// Noted once: the worker is being killed.
        stop: Option<Stop>,
    },
    /// The process has run as many tasks as it may.
    Spent,
    /// The attendant has left, for good.
    Left,
}

/// What an attendant does next.
#[derive(Debug, PartialEq)]
pub(crate) enum Next<T> {
    /// Start a worker, and tell `started` or `start_failed`.
    Start,
    /// Run this task, and tell `finished`, `skipped`, `lost` or `give_back`.
    Run(Ticket<T>),
    /// Stop the worker, and tell `retired`.
    Retire,
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
    /// There is no room for it.
    Full(Ticket<T>, WhenFull),
    /// The pool takes no more tasks.
    Refused(Ticket<T>),
}

/// What becomes of a task that has not reached its worker.
#[derive(Debug, PartialEq)]
pub(crate) enum GivenBack<T> {
    /// It waits again. These tasks fail, when it is hopeless.
    Queued { hopeless: VecDeque<Ticket<T>> },
    /// It was stopped on the way, and that is its end.
    Stopped(Ticket<T>, Stop),
}
