//! The words of the table: what it asks of workers, and what it answers to those who tell it something.

use crate::limit::WhenFull;
use crate::queue::Ticket;
use std::collections::VecDeque;

/// Why a worker is being killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The time of its task was over.
    TimedOut,
    /// Its task was cancelled, or the pool was killed.
    Killed,
    /// It has replied something that is no reply.
    Distrusted,
}

/// What an attendant does next.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    /// Start a worker, and tell `started` or `start_failed`.
    Start,
    /// Send the task that the worker was given last, which could not be handed over at once.
    Send,
    /// Stop the worker, and tell `retired`.
    Retire,
    /// Wake that attendant, if any, then sleep until woken or until the worker has replied or died, and ask again. If it `naps`,
    /// it asks again soon in any case, because tasks wait in other workers.
    Sleep { wake: Option<usize>, naps: bool },
    /// Stop the worker, if there is one, and end.
    Leave,
}

/// What becomes of a task that is submitted.
#[derive(Debug, PartialEq)]
pub(crate) enum Submitted<T> {
    /// That worker has it.
    Handed { worker: usize },
    /// It waits for its turn; wake that attendant, if any.
    Queued { wake: Option<usize> },
    /// There is no room for it.
    Full(Ticket<T>, WhenFull),
    /// The pool takes no more tasks.
    Refused(Ticket<T>),
}

/// Whom replies are for.
#[derive(Debug, PartialEq)]
pub(crate) enum Answered<'a, T> {
    /// The last tasks of their ticket, as many as it still counted. It is the caller's now.
    Last(Ticket<T>),
    /// Others of their ticket: all that were asked for.
    First(&'a mut T),
}

/// What a dead worker leaves behind.
#[derive(Debug, PartialEq)]
pub(crate) struct Died<T> {
    /// What it had begun: one task, unless it has lied. The reason why it was stopped is that of the first.
    pub(crate) lost: Vec<Ticket<T>>,
    pub(crate) stop: Option<Stop>,
    /// Tasks to fail, because no worker can be started for them.
    pub(crate) hopeless: VecDeque<Ticket<T>>,
}

/// What follows from stopping a task.
#[derive(Debug, PartialEq)]
pub(crate) enum Stopped<T> {
    /// Kill this worker.
    Runs { worker: usize },
    /// It had not begun, and is not in the table any more. Wake the attendant of that worker.
    Taken { worker: usize, ticket: Ticket<T> },
    /// Nothing: it has ended, or it waits in the queue.
    Nothing,
}

/// What has become of a task that was to be handed to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handing {
    Handed,
    /// There is no room for it now.
    NoRoom,
    /// It was cancelled.
    Cancelled,
}

/// The workers, as the table reaches them. Nothing here blocks.
pub(crate) trait Reach<T> {
    /// Hands the task to the worker, if there is room for it at once. `oldest` is the first task that the worker has.
    fn hand(&mut self, worker: usize, ticket: &mut Ticket<T>, oldest: Option<&Ticket<T>>) -> Handing;

    /// Announces to the worker, which has no other task, one that its attendant will send. False if it was cancelled.
    fn announce(&mut self, worker: usize, ticket: &mut Ticket<T>) -> bool;

    /// Takes back what was handed to the worker and has not begun there. Returns how many tasks of the ticket have: the first
    /// ones.
    fn take_back(&mut self, worker: usize, ticket: &mut Ticket<T>) -> u32;

    /// Divides a ticket, which keeps so many of its tasks: not none, and not all. Returns one with the others.
    fn divide(&mut self, ticket: &mut Ticket<T>, kept: u32) -> Ticket<T>;

    /// Has the attendant of the worker ask what to do, later.
    fn wake(&mut self, worker: usize);

    /// Drops a task that was cancelled, later.
    fn dismiss(&mut self, ticket: Ticket<T>);
}
