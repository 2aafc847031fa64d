//! How the table reaches the processes of a pool.

use crate::answers::{Handing, Reach};
use crate::queue::Ticket;
use crate::system::Process;
use crate::task::Task;
use std::sync::Arc;

/// The processes, and what is to be done for what was done, once the pool's lock is free.
pub(crate) struct Processes<'a> {
    processes: &'a [Option<Arc<Process>>],
    pub(crate) after: After,
}

/// What is to be done without the pool's lock.
#[derive(Default)]
pub(crate) struct After {
    /// This worker was handed tasks, and has to be woken.
    worker: Option<Arc<Process>>,
    /// A task has a time-out: whoever watches the clock has to know.
    pub(crate) is_timed: bool,
    /// Tasks that were cancelled.
    dismissed: Vec<Ticket<Task>>,
}

impl After {
    pub(crate) fn wake_worker(&self) {
        if let Some(worker) = &self.worker {
            worker.wake();
        }
    }
}

impl<'a> Processes<'a> {
    pub(crate) fn new(processes: &'a [Option<Arc<Process>>]) -> Self {
        Self {
            processes,
            after: After::default(),
        }
    }
}

impl Reach<Task> for Processes<'_> {
    fn hand(&mut self, worker: usize, ticket: &mut Ticket<Task>, oldest: Option<&Ticket<Task>>) -> Handing {
        let Some(process) = &self.processes[worker] else {
            return Handing::NoRoom;
        };
        if !ticket.task.promise.start() {
            return Handing::Cancelled;
        }
        let Some(call) = process.hand(&ticket.task.request, oldest.map(|oldest| oldest.task.call)) else {
            ticket.task.promise.put_back();
            return Handing::NoRoom;
        };
        ticket.task.call = call;
        self.after.is_timed |= ticket.timeout.is_some();
        self.after.worker = Some(Arc::clone(process));
        Handing::Handed
    }

    fn announce(&mut self, worker: usize, ticket: &mut Ticket<Task>) -> bool {
        let started = ticket.task.promise.start();
        if started && let Some(process) = &self.processes[worker] {
            ticket.task.call = process.announce();
            self.after.is_timed |= ticket.timeout.is_some();
        }
        started
    }

    fn take_back(&mut self, worker: usize, ticket: &mut Ticket<Task>) -> bool {
        let process = self.processes[worker].as_ref();
        let taken = process.is_some_and(|process| process.take_back(ticket.task.call));
        if taken {
            ticket.task.promise.put_back();
        }
        taken
    }

    fn dismiss(&mut self, ticket: Ticket<Task>) {
        self.after.dismissed.push(ticket);
    }
}

/// A worker that has not got its task: all of it is taken back, and nothing is handed.
pub(crate) struct NotReached;

impl Reach<Task> for NotReached {
    fn hand(&mut self, _: usize, _: &mut Ticket<Task>, _: Option<&Ticket<Task>>) -> Handing {
        Handing::NoRoom
    }

    fn announce(&mut self, _: usize, _: &mut Ticket<Task>) -> bool {
        false
    }

    fn take_back(&mut self, _: usize, ticket: &mut Ticket<Task>) -> bool {
        ticket.task.promise.put_back();
        true
    }

    fn dismiss(&mut self, _: Ticket<Task>) {}
}
