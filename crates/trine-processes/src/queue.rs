//! The tasks that wait for a worker, in their order, and what they weigh.

use std::collections::VecDeque;
use std::time::Duration;

/// A task with what the table needs to know of it.
#[derive(Debug, PartialEq)]
pub(crate) struct Ticket<T> {
    /// Unique in the pool.
    pub(crate) number: u64,
    /// What it counts against the limit.
    pub(crate) bytes: usize,
    /// How long it may run.
    pub(crate) timeout: Option<Duration>,
    pub(crate) task: T,
}

/// The queue of a pool.
pub(crate) struct Queue<T> {
    tickets: VecDeque<Ticket<T>>,
    bytes: usize,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            tickets: VecDeque::new(),
            bytes: 0,
        }
    }
}

impl<T> Queue<T> {
    pub(crate) fn len(&self) -> usize {
        self.tickets.len()
    }

    /// The sum of what the tasks weigh.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn push_back(&mut self, ticket: Ticket<T>) {
        self.bytes += ticket.bytes;
        self.tickets.push_back(ticket);
    }

    /// Puts back what was the first.
    pub(crate) fn push_front(&mut self, ticket: Ticket<T>) {
        self.bytes += ticket.bytes;
        self.tickets.push_front(ticket);
    }

    pub(crate) fn pop_front(&mut self) -> Option<Ticket<T>> {
        let ticket = self.tickets.pop_front()?;
        self.bytes -= ticket.bytes;
        Some(ticket)
    }

    pub(crate) fn take_all(&mut self) -> VecDeque<Ticket<T>> {
        self.bytes = 0;
        std::mem::take(&mut self.tickets)
    }
}
