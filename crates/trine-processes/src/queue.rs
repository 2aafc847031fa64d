//! Tasks in their order, how many they are, and what they weigh: those that wait for a worker, and those that a worker has.

use std::collections::VecDeque;
use std::time::Duration;

/// A task, or some that travel together, with what the table needs to know of them.
#[derive(Debug, PartialEq)]
pub(crate) struct Ticket<T> {
    /// The number of the first of its tasks that has not ended, unique in the pool. The others follow it.
    pub(crate) number: u64,
    /// How many tasks have not ended.
    pub(crate) count: u32,
    /// What it counts against the limit.
    pub(crate) bytes: usize,
    /// How long it may run.
    pub(crate) timeout: Option<Duration>,
    pub(crate) task: T,
}

impl<T> Ticket<T> {
    /// Whether it stands for the task with this number.
    pub(crate) fn has(&self, number: u64) -> bool {
        (self.number..self.number + u64::from(self.count)).contains(&number)
    }
}

/// A queue of tickets.
pub(crate) struct Queue<T> {
    tickets: VecDeque<Ticket<T>>,
    tasks: usize,
    bytes: usize,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            tickets: VecDeque::new(),
            tasks: 0,
            bytes: 0,
        }
    }
}

impl<T> Queue<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.tickets.is_empty()
    }

    /// The number of tickets.
    pub(crate) fn len(&self) -> usize {
        self.tickets.len()
    }

    /// The number of tasks.
    pub(crate) fn tasks(&self) -> usize {
        self.tasks
    }

    /// The sum of what the tasks weigh.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn push_back(&mut self, ticket: Ticket<T>) {
        self.count(&ticket);
        self.tickets.push_back(ticket);
    }

    /// Puts back what was the first.
    pub(crate) fn push_front(&mut self, ticket: Ticket<T>) {
        self.count(&ticket);
        self.tickets.push_front(ticket);
    }

    pub(crate) fn pop_front(&mut self) -> Option<Ticket<T>> {
        let ticket = self.tickets.pop_front()?;
        self.uncount(&ticket);
        Some(ticket)
    }

    pub(crate) fn front(&self) -> Option<&Ticket<T>> {
        self.tickets.front()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Ticket<T>> {
        self.tickets.iter()
    }

    /// Where the ticket is that stands for the task with this number.
    pub(crate) fn place_of(&self, number: u64) -> Option<usize> {
        self.tickets.iter().position(|ticket| ticket.has(number))
    }

    /// The ticket at this place. There has to be one.
    pub(crate) fn at(&self, place: usize) -> &Ticket<T> {
        &self.tickets[place]
    }

    /// The task of that ticket.
    pub(crate) fn task_at(&mut self, place: usize) -> &mut T {
        &mut self.tickets[place].task
    }

    /// Changes that ticket.
    pub(crate) fn change<R>(&mut self, place: usize, change: impl FnOnce(&mut Ticket<T>) -> R) -> R {
        let ticket = &mut self.tickets[place];
        let (count, bytes) = (ticket.count, ticket.bytes);
        let result = change(ticket);
        self.tasks = self.tasks + ticket.count as usize - count as usize;
        self.bytes = self.bytes + ticket.bytes - bytes;
        result
    }

    pub(crate) fn remove(&mut self, place: usize) -> Option<Ticket<T>> {
        let ticket = self.tickets.remove(place)?;
        self.uncount(&ticket);
        Some(ticket)
    }

    pub(crate) fn take_all(&mut self) -> VecDeque<Ticket<T>> {
        self.bytes = 0;
        self.tasks = 0;
        std::mem::take(&mut self.tickets)
    }

    fn count(&mut self, ticket: &Ticket<T>) {
        self.bytes += ticket.bytes;
        self.tasks += ticket.count as usize;
    }

    fn uncount(&mut self, ticket: &Ticket<T>) {
        self.bytes -= ticket.bytes;
        self.tasks -= ticket.count as usize;
    }
}
