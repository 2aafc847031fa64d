//! The table against a crowd of attendants that do everything in any order.

use crate::answers::{GivenBack, Next, Stop, Submitted};
use crate::limit::{Limits, WhenFull};
use crate::queue::Ticket;
use crate::table::{Rules, Table};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What an attendant of the model is at.
#[derive(Debug)]
pub(super) enum Attendant {
    Awake { has_worker: bool },
    Asleep { has_worker: bool },
    Starting,
    Running(Ticket<()>),
    Retiring,
    Left,
}

/// One step of the model.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Submit {
        bytes: usize,
    },
    /// An attendant goes on: one that starts or runs ends that in the way of `Fate`.
    GoOn(usize, Fate),
    /// The task that an attendant runs gets a time-out.
    Time(usize),
    /// The time of the tasks with time-outs is over.
    Expire,
    /// A task is cancelled, if it runs.
    Stop(usize),
    /// An attendant wakes for no reason.
    Wake(usize),
    /// An idle worker is found dead by its attendant.
    Die(usize),
    Close,
    CloseAndCancel,
    Kill,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    Good,
    Bad,
    /// For a task: the worker was gone before the task reached it.
    NotReached,
    /// For a task: it was cancelled in the queue.
    Skipped,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    Finished,
    Died,
    Stopped(Stop),
    NotStartable,
    Cancelled,
    Full,
    Refused,
}

/// The pool, with the table in place and the rest made of plain values.
pub(super) struct Crowd {
    pub(super) table: Table<()>,
    start: Instant,
    pub(super) attendants: Vec<Attendant>,
    /// The workers that are being killed.
    killed: Vec<bool>,
    /// The tasks that each process has answered.
    answered: Vec<u32>,
    tasks_per_worker: Option<u32>,
    /// How each task has ended.
    pub(super) ends: Vec<Option<End>>,
    /// How often each task has reached a worker.
    pub(super) runs: Vec<u32>,
}

impl Crowd {
    pub(super) fn new(workers: usize, rules: Rules) -> Self {
        Self {
            table: Table::new(workers, rules),
            start: Instant::now(),
            attendants: (0..workers)
                .map(|_| Attendant::Awake { has_worker: false })
                .collect(),
            killed: vec![false; workers],
            answered: vec![0; workers],
            tasks_per_worker: rules.tasks_per_worker,
            ends: Vec::new(),
            runs: Vec::new(),
        }
    }

    fn end(&mut self, task: u64, end: End) {
        let before = self.ends[number(task)].replace(end);
        assert_eq!(before, None, "task {task} ends once");
    }

    fn end_all(&mut self, tickets: VecDeque<Ticket<()>>, end: End) {
        for ticket in tickets {
            self.end(ticket.number, end);
        }
    }

    fn wake(&mut self, index: usize) {
        if let Attendant::Asleep { has_worker } = self.attendants[index] {
            self.attendants[index] = Attendant::Awake { has_worker };
        }
    }

    pub(super) fn step(&mut self, step: Step) {
        let count = self.attendants.len();
        match step {
            Step::Submit { bytes } => self.submit(bytes),
            Step::Wake(index) => self.wake(index % count),
            Step::Die(index) => {
                let index = index % count;
                if let Attendant::Awake { has_worker: true } = self.attendants[index] {
                    self.attendants[index] = Attendant::Awake { has_worker: false };
                    let hopeless = self.table.died_idle(index);
                    self.end_all(hopeless, End::NotStartable);
                }
            }
            Step::GoOn(index, fate) => self.go_on(index % count, fate),
            Step::Time(index) => {
                if let Attendant::Running(_) = self.attendants[index % count] {
                    self.table.time(index % count, self.start);
                }
            }
            Step::Expire => {
                let timed = self.table.earliest_deadline();
                assert!(timed.is_none_or(|deadline| deadline == self.start));
                assert!(
                    self.table
                        .stop_expired(self.start - Duration::from_secs(1))
                        .is_empty()
                );
                let killed = self.table.stop_expired(self.start);
                assert_eq!(timed.is_some(), !killed.is_empty());
                self.kill(&killed);
            }
            Step::Stop(task) => {
                let task = (task % self.ends.len().max(1)) as u64;
                let killed = self.table.stop(task);
                for worker in &killed {
                    assert!(
                        matches!(&self.attendants[*worker], Attendant::Running(ticket) if ticket.number == task)
                    );
                }
                self.kill(&killed);
            }
            Step::Close | Step::CloseAndCancel | Step::Kill => {
                for index in self.table.close() {
                    self.wake(index);
                }
                if let Step::Kill = step {
                    self.table.stop_all();
                    let all: Vec<_> = (0..count).collect();
                    self.kill(&all);
                }
                if let Step::CloseAndCancel | Step::Kill = step {
                    let queue = self.table.cancel_queue();
                    self.end_all(queue, End::Cancelled);
                }
            }
        }
        self.check_counts();
    }

    pub(super) fn submit(&mut self, bytes: usize) {
        let task = self.ends.len() as u64;
        self.ends.push(None);
        self.runs.push(0);
        let ticket = Ticket {
            number: task,
            bytes,
            task: (),
        };
        match self.table.submit(ticket) {
            Submitted::Queued { wake } => {
                if let Some(index) = wake {
                    self.wake(index);
                }
            }
            Submitted::Full(ticket, _) => self.end(ticket.number, End::Full),
            Submitted::Refused(ticket) => self.end(ticket.number, End::Refused),
        }
    }

    fn kill(&mut self, workers: &[usize]) {
        for worker in workers {
            self.killed[*worker] = true;
        }
    }

    pub(super) fn go_on(&mut self, index: usize, fate: Fate) {
        let attendant = std::mem::replace(&mut self.attendants[index], Attendant::Left);
        self.attendants[index] = match attendant {
            Attendant::Awake { has_worker } => self.ask(index, has_worker),
            Attendant::Starting if fate == Fate::Good => {
                self.table.started(index);
                self.answered[index] = 0;
                Attendant::Awake { has_worker: true }
            }
            Attendant::Starting => {
                let hopeless = self.table.start_failed(index);
                self.end_all(hopeless, End::NotStartable);
                Attendant::Awake { has_worker: false }
            }
            Attendant::Running(ticket) => self.end_run(index, ticket, fate),
            Attendant::Retiring => {
                self.table.retired(index);
                Attendant::Awake { has_worker: false }
            }
            still @ (Attendant::Asleep { .. } | Attendant::Left) => still,
        };
    }

    /// An attendant asks what to do.
    fn ask(&mut self, index: usize, has_worker: bool) -> Attendant {
        match self.table.next(index) {
            Next::Start => {
                assert!(!has_worker);
                self.killed[index] = false;
                Attendant::Starting
            }
            Next::Run(ticket) => {
                assert!(has_worker);
                Attendant::Running(ticket)
            }
            Next::Retire => {
                assert!(has_worker);
                assert_eq!(Some(self.answered[index]), self.tasks_per_worker);
                Attendant::Retiring
            }
            Next::Sleep { wake } => {
                // One that is to be woken may be this one.
                self.attendants[index] = Attendant::Asleep { has_worker };
                if let Some(index) = wake {
                    self.wake(index);
                }
                std::mem::replace(&mut self.attendants[index], Attendant::Left)
            }
            Next::Leave => Attendant::Left,
        }
    }

    fn end_run(&mut self, index: usize, ticket: Ticket<()>, fate: Fate) -> Attendant {
        let task = ticket.number;
        let has_worker = match fate {
            Fate::Good => {
                self.runs[number(task)] += 1;
                self.answered[index] += 1;
                self.end(task, End::Finished);
                // A reply that crosses with the kill counts; the worker is gone.
                !self.table.finished(index)
            }
            Fate::Bad => {
                self.runs[number(task)] += 1;
                let stop = self.table.lost(index);
                self.end(task, stop.map_or(End::Died, End::Stopped));
                false
            }
            Fate::NotReached => {
                match self.table.give_back(index, ticket) {
                    GivenBack::Queued { hopeless } => self.end_all(hopeless, End::NotStartable),
                    GivenBack::Stopped(ticket, stop) => self.end(ticket.number, End::Stopped(stop)),
                }
                false
            }
            Fate::Skipped if self.killed[index] => return Attendant::Running(ticket),
            Fate::Skipped => {
                self.table.skipped(index);
                self.end(task, End::Cancelled);
                true
            }
        };
        Attendant::Awake { has_worker }
    }

    /// Everybody goes on, in the way of `fate`, until nobody has anything to do.
    pub(super) fn settle(&mut self, fate: Fate) {
        let busy = |attendant: &Attendant| !matches!(attendant, Attendant::Asleep { .. } | Attendant::Left);
        let mut rounds = 0;
        while self.attendants.iter().any(busy) {
            for index in 0..self.attendants.len() {
                self.go_on(index, fate);
            }
            rounds += 1;
            assert!(
                rounds < 10_000,
                "the attendants never rest: {:?}",
                self.attendants
            );
        }
        self.check_counts();
    }

    /// What the table has counted is what has happened.
    fn check_counts(&self) {
        let counts = self.table.task_counts();
        let ended = |end: End| self.ends.iter().filter(|found| **found == Some(end)).count() as u64;
        assert_eq!(counts.answered, ended(End::Finished));
        assert_eq!(counts.lost, ended(End::Died));
        assert_eq!(counts.timed_out, ended(End::Stopped(Stop::TimedOut)));
        assert_eq!(counts.killed, ended(End::Stopped(Stop::Killed)));
        assert_eq!(counts.cancelled, ended(End::Cancelled));
        assert_eq!(counts.failed, ended(End::NotStartable));
        let refused = ended(End::Full) + ended(End::Refused);
        assert_eq!(counts.submitted, self.ends.len() as u64 - refused);
        let running = |attendant: &&Attendant| matches!(attendant, Attendant::Running(_));
        let open = self.ends.iter().filter(|end| end.is_none()).count();
        assert_eq!(
            self.table.queue().len() + self.attendants.iter().filter(running).count(),
            open
        );
    }
}

fn number(task: u64) -> usize {
    usize::try_from(task).expect("there are few tasks")
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fate = prop_oneof![
        8 => Just(Fate::Good),
        4 => Just(Fate::Bad),
        2 => Just(Fate::NotReached),
        1 => Just(Fate::Skipped),
    ];
    let step = prop_oneof![
        12 => (0_usize..100).prop_map(|bytes| Step::Submit { bytes }),
        24 => (any::<usize>(), fate).prop_map(|(index, fate)| Step::GoOn(index, fate)),
        2 => any::<usize>().prop_map(Step::Wake),
        2 => any::<usize>().prop_map(Step::Die),
        4 => any::<usize>().prop_map(Step::Time),
        2 => Just(Step::Expire),
        2 => any::<usize>().prop_map(Step::Stop),
    ];
    vec(step, 0..120)
}

pub(super) fn rules() -> impl Strategy<Value = Rules> {
    let limit = |range| proptest::option::of((range, Just(WhenFull::Refuse)));
    let limits = (limit(1_usize..10), limit(1_usize..300)).prop_map(|(tasks, bytes)| Limits { tasks, bytes });
    (limits, proptest::option::of(1_u32..4), 1_u32..4).prop_map(
        |(limits, tasks_per_worker, restart_limit)| Rules {
            limits,
            tasks_per_worker,
            restart_limit,
        },
    )
}
