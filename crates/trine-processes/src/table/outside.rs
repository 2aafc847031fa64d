//! The workers and the tasks of a model, made of plain values.

use crate::answers::{Handing, Reach, Stop};
use crate::queue::Ticket;
use std::collections::VecDeque;
use std::ops::Range;

/// More bytes than that have to be sent by an attendant.
const ROOM: usize = 80;

/// How a task has left the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    Answered,
    Lost(Option<Stop>),
    NotStartable,
    Cancelled,
    Full,
    Refused,
}

/// A task, as its future and its workers see it.
#[derive(Clone, Debug, Default)]
pub(super) struct Task {
    /// The numbers of those that travel together, this one included.
    pub(super) together: Range<u64>,
    pub(super) is_started: bool,
    pub(super) is_cancelled: bool,
    /// How often it has begun.
    pub(super) runs: u32,
    pub(super) end: Option<End>,
}

/// A process.
#[derive(Default)]
pub(super) struct Process {
    /// What it was handed, with what was taken back.
    pub(super) calls: VecDeque<u64>,
    pub(super) revoked: Vec<u64>,
    pub(super) running: Option<u64>,
    pub(super) replies: VecDeque<u64>,
    pub(super) is_dead: bool,
    pub(super) talks_nonsense: bool,
}

impl Process {
    /// A call is made that may have been made and revoked before.
    pub(super) fn offer(&mut self, number: u64) {
        self.calls.retain(|call| *call != number);
        self.revoked.retain(|call| *call != number);
    }
}

/// Everything but the table and the attendants.
pub(super) struct Outside {
    pub(super) processes: Vec<Process>,
    pub(super) tasks: Vec<Task>,
    /// The workers whose attendants have to be woken.
    pub(super) woken: Vec<usize>,
}

impl Outside {
    pub(super) fn task(&mut self, number: u64) -> &mut Task {
        &mut self.tasks[usize::try_from(number).expect("there are few tasks")]
    }

    pub(super) fn end(&mut self, number: u64, end: End) {
        let before = self.task(number).end.replace(end);
        assert_eq!(before, None, "task {number} ends once");
    }

    pub(super) fn end_all(&mut self, tickets: impl IntoIterator<Item = Ticket<()>>, end: End) {
        for ticket in tickets {
            numbers(&ticket).for_each(|number| self.end(number, end));
        }
    }
}

impl Reach<()> for Outside {
    fn hand(&mut self, worker: usize, ticket: &mut Ticket<()>, oldest: Option<&Ticket<()>>) -> Handing {
        assert!(
            ticket.timeout.is_none() || oldest.is_none(),
            "its time begins at once"
        );
        if self.task(ticket.number).is_cancelled {
            return Handing::Cancelled;
        }
        if ticket.bytes > ROOM {
            return Handing::NoRoom;
        }
        for number in numbers(ticket) {
            let was_started = std::mem::replace(&mut self.task(number).is_started, true);
            assert!(!was_started, "nobody has it");
            self.processes[worker].offer(number);
            self.processes[worker].calls.push_back(number);
        }
        Handing::Handed
    }

    fn announce(&mut self, worker: usize, ticket: &mut Ticket<()>) -> bool {
        assert_eq!(ticket.count, 1, "what is announced travels alone");
        let task = self.task(ticket.number);
        assert!(!task.is_started, "nobody has it");
        task.is_started = !task.is_cancelled;
        let started = task.is_started;
        self.processes[worker].offer(ticket.number);
        started
    }

    fn take_back(&mut self, worker: usize, ticket: &mut Ticket<()>) -> u32 {
        let Process { running, replies, .. } = &self.processes[worker];
        let (begun, rest): (Vec<u64>, Vec<u64>) =
            numbers(ticket).partition(|number| *running == Some(*number) || replies.contains(number));
        assert!(
            begun.iter().copied().eq(numbers(ticket).take(begun.len())),
            "they begin in their order"
        );
        for number in rest {
            self.processes[worker].revoked.push(number);
            self.task(number).is_started = false;
        }
        u32::try_from(begun.len()).expect("there are few tasks")
    }

    fn divide(&mut self, ticket: &mut Ticket<()>, kept: u32) -> Ticket<()> {
        super::divide(ticket, kept)
    }

    fn wake(&mut self, worker: usize) {
        self.woken.push(worker);
    }

    fn dismiss(&mut self, ticket: Ticket<()>) {
        self.end_all([ticket], End::Cancelled);
    }
}

/// The numbers of the tasks that a ticket stands for.
pub(super) fn numbers(ticket: &Ticket<()>) -> Range<u64> {
    ticket.number..ticket.number + u64::from(ticket.count)
}
