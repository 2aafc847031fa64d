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
    /// So was this one.
    other: Option<Arc<Process>>,
    /// A task has a time-out: whoever watches the clock has to know.
    pub(crate) is_timed: bool,
    /// The attendants of these workers have to be woken.
    pub(crate) woken: Vec<usize>,
    /// Tasks that were cancelled.
    pub(crate) dismissed: Vec<Ticket<Task>>,
}

impl After {
    pub(crate) fn wake_workers(&self) {
        for worker in self.worker.iter().chain(&self.other) {
            worker.wake();
        }
    }

    /// What is told to the table hands tasks to two workers at most: to one, and half of its own to the one it has them from.
    fn wake_worker(&mut self, process: &Arc<Process>) {
        let worker = self.worker.get_or_insert_with(|| Arc::clone(process));
        if !Arc::ptr_eq(worker, process) {
            self.other.get_or_insert_with(|| Arc::clone(process));
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
        if !ticket.task.start() {
            return Handing::Cancelled;
        }
        let Some(call) = process.hand(&ticket.task.request(), oldest.map(|oldest| oldest.task.call.0)) else {
            ticket.task.put_back();
            return Handing::NoRoom;
        };
        ticket.task.call = (call, ticket.number);
        self.after.is_timed |= ticket.timeout.is_some();
        self.after.wake_worker(process);
        Handing::Handed
    }

    fn announce(&mut self, worker: usize, ticket: &mut Ticket<Task>) -> bool {
        let started = ticket.task.start();
        if started && let Some(process) = &self.processes[worker] {
            ticket.task.call = (process.announce(), ticket.number);
            self.after.is_timed |= ticket.timeout.is_some();
        }
        started
    }

    fn take_back(&mut self, worker: usize, ticket: &mut Ticket<Task>) -> u32 {
        let process = self.processes[worker].as_ref();
        let (call, first) = ticket.task.call;
        let Some(begun) = process.and_then(|process| process.take_back(call)) else {
            return ticket.count;
        };
        // Some of those have ended since. The worker may have written any number.
        let not_ended = (first + u64::from(begun)).saturating_sub(ticket.number);
        let begun = u32::try_from(not_ended).unwrap_or(u32::MAX).min(ticket.count);
        if begun == 0 {
            ticket.task.put_back();
        }
        begun
    }

    fn divide(&mut self, ticket: &mut Ticket<Task>, kept: u32) -> Ticket<Task> {
        ticket.divide(kept)
    }

    fn wake(&mut self, worker: usize) {
        self.after.woken.push(worker);
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

    fn take_back(&mut self, _: usize, ticket: &mut Ticket<Task>) -> u32 {
        ticket.task.put_back();
        0
    }

    fn divide(&mut self, ticket: &mut Ticket<Task>, kept: u32) -> Ticket<Task> {
        ticket.divide(kept)
    }

    fn wake(&mut self, _: usize) {}

    fn dismiss(&mut self, _: Ticket<Task>) {}
}
