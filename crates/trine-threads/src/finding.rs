//! What a worker does next: its own work or that of others, in which order, and when it is whose turn.

use crate::job::Job;
use crate::queued::Queued;
use crate::worker::Worker;
use crossbeam_deque::Worker as Deque;
use std::cell::Cell;
use std::ptr::NonNull;
use trine_platform::{note_found, spin_until};

/// A worker without tasks of its own takes some from outside; each so many times it looks first for one that another worker
/// has. That may stand behind a long one, and there may be tasks from outside for ever.
const TURN_TO_STEAL: u32 = 16;

/// Of its own tasks a worker takes the newest first, so that what a task has made is done before more is begun: else it would need
/// memory for all of it. But a task that submits itself again is the newest for ever. So each so many times in a row a worker with
/// few tasks of its own takes one from outside.
const TURN_OF_OUTSIDE: u32 = 64;
const FEW: usize = 8;

/// Each so many times it takes, by turns, the oldest of its own, one from outside, or one that another worker has, however many it has
/// itself.
const TURN_OF_ALL: u32 = 1024;

/// Each so many times that a worker looks for a task it looks first for a job that another thread has, which may wait for it: there may be
/// tasks for ever.
const TURN_OF_JOBS: u32 = 64;

/// What a worker goes by when it has several places to take a task from.
#[derive(Default)]
pub(crate) struct Turns {
    /// How often it has looked for a task.
    looks: Cell<u32>,
    /// How often it has had none of its own.
    without_own: Cell<u32>,
    /// How many of its own it has taken since then.
    own_in_a_row: Cell<u32>,
}

/// What a worker finds to do.
pub(crate) enum Found {
    Task(Queued),
    /// Taken off a stack.
    Job(NonNull<Job>),
}

impl Worker {
    /// The next thing to do; waits for one. `None` when the pool is closed and has no more.
    pub(crate) fn next(&self) -> Option<Found> {
        let at_hand = self.at_hand();
        if at_hand.is_some() {
            return at_hand;
        }
        let sleep = &self.queues.sleep;
        sleep.start_searching();
        loop {
            let mut found = self.search();
            if found.is_none() {
                spin_until(|| {
                    found = self.search();
                    found.is_some() || self.queues.closing.is_closed()
                });
                note_found(|| self.queues.injected());
            }
            let is_closed = self.queues.closing.is_closed();
            if found.is_none() && is_closed {
                // What was pushed before the pool was closed may not have been seen above.
                found = self.search();
            }
            if found.is_some() || is_closed {
                sleep.stop_searching(|| self.queues.nothing_to_do());
                return found;
            }
            sleep.sleep(self.number, || self.queues.nothing_to_do());
        }
    }

    /// What needs no search.
    pub(crate) fn at_hand(&self) -> Option<Found> {
        if let Some(job) = self.stack.pop(0).or_else(|| self.overdue_job()) {
            return Some(Found::Job(job));
        }
        self.queues
            .lanes
            .take_first()
            .or_else(|| self.own_task())
            .or_else(|| self.task_of_others())
            .map(Found::Task)
    }

    /// A job of another thread, if it is the turn of one.
    fn overdue_job(&self) -> Option<NonNull<Job>> {
        let looks = self.turns.looks.get().wrapping_add(1);
        self.turns.looks.set(looks);
        let is_turn = looks.is_multiple_of(TURN_OF_JOBS);
        is_turn.then(|| self.queues.stacks.steal(self.number)).flatten()
    }

    /// Not inlined, so that whoever has tasks of its own does not pay for it.
    #[inline(never)]
    fn task_of_others(&self) -> Option<Queued> {
        self.turns.own_in_a_row.set(0);
        let without_own = self.turns.without_own.get().wrapping_add(1);
        self.turns.without_own.set(without_own);
        let is_turn_to_steal = without_own.is_multiple_of(TURN_TO_STEAL);
        let stolen = is_turn_to_steal.then(|| self.steal()).flatten();
        stolen.or_else(|| self.queues.take_injected(self.deque()))
    }

    fn steal(&self) -> Option<Queued> {
        let stolen = self.queues.steal(self.number_of_deque());
        stolen.inspect(|_| self.counters.task_stolen())
    }

    pub(crate) fn search(&self) -> Option<Found> {
        self.queues
            .lanes
            .take_first()
            .or_else(|| self.queues.take_injected(self.deque()))
            .or_else(|| self.steal())
            .map(Found::Task)
            .or_else(|| self.queues.stacks.steal(self.number).map(Found::Job))
            .or_else(|| self.queues.lanes.take_background().map(Found::Task))
    }

    fn own_task(&self) -> Option<Queued> {
        let deque = self.deque()?;
        let in_a_row = self.turns.own_in_a_row.get().wrapping_add(1);
        self.turns.own_in_a_row.set(in_a_row);
        if in_a_row.is_multiple_of(TURN_OF_OUTSIDE) {
            return self.overdue_task(deque, in_a_row).or_else(|| deque.pop());
        }
        deque.pop()
    }

    /// The task whose turn it is because newer ones have come before it so many times.
    #[cold]
    fn overdue_task(&self, deque: &Deque<Queued>, in_a_row: u32) -> Option<Queued> {
        if !in_a_row.is_multiple_of(TURN_OF_ALL) {
            return (deque.len() <= FEW)
                .then(|| self.queues.take_injected(None))
                .flatten();
        }
        match in_a_row / TURN_OF_ALL % 3 {
            0 => self.queues.take_oldest(self.number_of_deque()),
            1 => self.queues.take_injected(None),
            _ => self.steal(),
        }
    }
}
