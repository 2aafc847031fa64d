//! The tasks that wait for a worker, in their order, and what they weigh.

use crate::limit::{Limits, WhenFull};
use std::collections::VecDeque;

/// A task with what the table needs to know of it.
#[derive(Debug, PartialEq)]
pub(crate) struct Ticket<T> {
    /// Unique in the pool.
    pub(crate) number: u64,
    /// What it counts against the limit.
    pub(crate) bytes: usize,
    pub(crate) task: T,
}

/// The queue of a pool.
pub(crate) struct Queue<T> {
    limits: Limits,
    tickets: VecDeque<Ticket<T>>,
    bytes: usize,
}

impl<T> Queue<T> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            tickets: VecDeque::new(),
            bytes: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.tickets.len()
    }

    /// The sum of what the tasks weigh.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What to do with one more task of so many bytes, if there is no room for it.
    pub(crate) fn when_full(&self, bytes: usize) -> Option<WhenFull> {
        self.limits.when_full(self.tickets.len(), self.bytes, bytes)
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
