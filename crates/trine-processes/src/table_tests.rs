//! The table against a crowd of attendants that do everything in any order.

use super::{FAILED_STARTS, Next, Submitted, Table};
use proptest::collection::vec;
use proptest::prelude::*;

/// What an attendant of the model is at.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Attendant {
    Awake { has_worker: bool },
    Asleep { has_worker: bool },
    Starting,
    Running(usize),
    Left,
}

/// One step of the model.
#[derive(Clone, Copy, Debug)]
enum Step {
    Submit,
    /// An attendant goes on: one that starts or runs ends that in the way of `Fate`.
    GoOn(usize, Fate),
    /// An attendant wakes for no reason.
    Wake(usize),
    /// An idle worker is found dead by its attendant.
    Die(usize),
    Close,
    CloseAndCancel,
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Good,
    Bad,
    /// For a task: the worker was gone before the task reached it.
    NotReached,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Finished,
    Died,
    NotStartable,
    Cancelled,
    Refused,
}

/// The pool, with the table in place and the rest made of plain values.
struct Crowd {
    table: Table<usize>,
    attendants: Vec<Attendant>,
    /// How each task has ended.
    ends: Vec<Option<End>>,
    /// How often each task has reached a worker.
    runs: Vec<u32>,
}

impl Crowd {
    fn new(workers: usize) -> Self {
        Self {
            table: Table::new(workers),
            attendants: vec![Attendant::Awake { has_worker: false }; workers],
            ends: Vec::new(),
            runs: Vec::new(),
        }
    }

    fn end(&mut self, task: usize, end: End) {
        assert_eq!(self.ends[task].replace(end), None, "task {task} ends once");
    }

    fn wake(&mut self, index: usize) {
        if let Attendant::Asleep { has_worker } = self.attendants[index] {
            self.attendants[index] = Attendant::Awake { has_worker };
        }
    }

    fn step(&mut self, step: Step) {
        let count = self.attendants.len();
        match step {
            Step::Submit => {
                let task = self.ends.len();
                self.ends.push(None);
                self.runs.push(0);
                match self.table.submit(task) {
                    Submitted::Queued { wake } => {
                        if let Some(index) = wake {
                            self.wake(index);
                        }
                    }
                    Submitted::Refused(task) => self.end(task, End::Refused),
                }
            }
            Step::Wake(index) => self.wake(index % count),
            Step::Die(index) => {
                let attendant = &mut self.attendants[index % count];
                if *attendant == (Attendant::Awake { has_worker: true }) {
                    *attendant = Attendant::Awake { has_worker: false };
                    self.table.died(index % count);
                }
            }
            Step::GoOn(index, fate) => self.go_on(index % count, fate),
            Step::Close | Step::CloseAndCancel => {
                for index in self.table.close() {
                    self.wake(index);
                }
                if let Step::CloseAndCancel = step {
                    for task in self.table.take_queue() {
                        self.end(task, End::Cancelled);
                    }
                }
            }
        }
    }

    fn go_on(&mut self, index: usize, fate: Fate) {
        self.attendants[index] = match (self.attendants[index], fate) {
            (Attendant::Awake { has_worker }, _) => match self.table.next(index) {
                Next::Start => {
                    assert!(!has_worker);
                    Attendant::Starting
                }
                Next::Run(task) => {
                    assert!(has_worker);
                    Attendant::Running(task)
                }
                Next::Sleep { wake } => {
                    self.attendants[index] = Attendant::Asleep { has_worker };
                    if let Some(index) = wake {
                        self.wake(index);
                    }
                    return;
                }
                Next::Leave => Attendant::Left,
            },
            (Attendant::Starting, Fate::Good) => {
                self.table.started(index);
                Attendant::Awake { has_worker: true }
            }
            (Attendant::Starting, _) => {
                for task in self.table.start_failed(index) {
                    self.end(task, End::NotStartable);
                }
                Attendant::Awake { has_worker: false }
            }
            (Attendant::Running(task), Fate::Good) => {
                self.runs[task] += 1;
                self.end(task, End::Finished);
                self.table.finished(index);
                Attendant::Awake { has_worker: true }
            }
            (Attendant::Running(task), Fate::Bad) => {
                self.runs[task] += 1;
                self.end(task, End::Died);
                self.table.died(index);
                Attendant::Awake { has_worker: false }
            }
            (Attendant::Running(task), Fate::NotReached) => {
                self.table.give_back(index, task);
                Attendant::Awake { has_worker: false }
            }
            (still @ (Attendant::Asleep { .. } | Attendant::Left), _) => still,
        };
    }

    /// Everybody goes on, in the way of `fate`, until nobody has anything to do.
    fn settle(&mut self, fate: Fate) {
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
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fate = prop_oneof![4 => Just(Fate::Good), 2 => Just(Fate::Bad), 1 => Just(Fate::NotReached)];
    let step = prop_oneof![
        6 => Just(Step::Submit),
        12 => (any::<usize>(), fate).prop_map(|(index, fate)| Step::GoOn(index, fate)),
        1 => any::<usize>().prop_map(Step::Wake),
        1 => any::<usize>().prop_map(Step::Die),
    ];
    vec(step, 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Once everybody sleeps, no task waits: each has exactly one end, and reached a worker at most once.
    #[test]
    fn no_task_is_lost_while_the_pool_is_open(workers in 1_usize..5, steps in steps(), starts_fail: bool) {
        let mut crowd = Crowd::new(workers);
        for step in steps {
            crowd.step(step);
        }
        crowd.settle(if starts_fail { Fate::Bad } else { Fate::Good });
        prop_assert!(crowd.ends.iter().all(Option::is_some), "{:?}", crowd.ends);
        prop_assert!(crowd.runs.iter().all(|runs| *runs <= 1));
        let asleep = |attendant: &Attendant| matches!(attendant, Attendant::Asleep { .. });
        prop_assert!(crowd.attendants.iter().all(asleep));
    }

    /// Wherever the pool is closed, all attendants leave, every task ends, and later ones are refused.
    #[test]
    fn a_closed_pool_ends_every_task_and_every_attendant(
        workers in 1_usize..5,
        before in steps(),
        after in steps(),
        cancel: bool,
        starts_fail: bool,
    ) {
        let mut crowd = Crowd::new(workers);
        for step in before {
            crowd.step(step);
        }
        let submitted = crowd.ends.len();
        crowd.step(if cancel { Step::CloseAndCancel } else { Step::Close });
        for step in after {
            crowd.step(step);
        }
        crowd.settle(if starts_fail { Fate::Bad } else { Fate::Good });
        prop_assert!(crowd.ends.iter().all(Option::is_some), "{:?}", crowd.ends);
        prop_assert!(crowd.runs.iter().all(|runs| *runs <= 1));
        prop_assert!(crowd.attendants.iter().all(|attendant| *attendant == Attendant::Left));
        for (task, end) in crowd.ends.iter().enumerate() {
            prop_assert_eq!(*end == Some(End::Refused), task >= submitted);
            prop_assert!(cancel || *end != Some(End::Cancelled));
        }
    }
}

fn ready(table: &mut Table<u8>, worker: usize) {
    table.started(worker);
    assert_eq!(table.next(worker), Next::Sleep { wake: None });
}

#[test]
fn tasks_start_in_the_order_in_which_they_came() {
    let mut table = Table::new(1);
    for task in 0..3 {
        table.submit(task);
    }
    assert_eq!(table.next(0), Next::Start);
    table.started(0);
    for task in 0..3 {
        assert_eq!(table.next(0), Next::Run(task));
        table.finished(0);
    }
}

#[test]
fn no_more_workers_are_started_than_tasks_wait() {
    let mut table = Table::new(4);
    table.submit(0);
    assert_eq!(table.next(0), Next::Start);
    assert_eq!(table.next(1), Next::Sleep { wake: None });
    assert_eq!(table.submit(1), Submitted::Queued { wake: Some(1) });
    assert_eq!(table.next(1), Next::Start);
    assert_eq!(table.next(2), Next::Sleep { wake: None });
}

#[test]
fn the_most_recently_used_worker_is_woken() {
    let mut table = Table::new(3);
    ready(&mut table, 1);
    ready(&mut table, 2);
    ready(&mut table, 0);
    assert_eq!(table.submit(0), Submitted::Queued { wake: Some(0) });
    assert_eq!(table.submit(1), Submitted::Queued { wake: Some(2) });
}

#[test]
fn a_task_given_back_is_the_next_to_run() {
    let mut table = Table::new(1);
    table.submit(0);
    table.submit(1);
    table.started(0);
    assert_eq!(table.next(0), Next::Run(0));
    table.give_back(0, 0);
    assert_eq!(table.next(0), Next::Start);
    table.started(0);
    assert_eq!(table.next(0), Next::Run(0));
}

#[test]
fn starts_that_fail_in_a_row_fail_what_waits_and_no_more() {
    let mut table = Table::new(1);
    table.submit(0);
    table.submit(1);
    for attempt in 1..=FAILED_STARTS {
        assert_eq!(table.next(0), Next::Start, "attempt {attempt}");
        let failed = table.start_failed(0);
        assert_eq!(
            failed.len(),
            if attempt == FAILED_STARTS { 2 } else { 0 },
            "attempt {attempt}"
        );
    }
    assert_eq!(table.next(0), Next::Sleep { wake: None });
    assert_eq!(table.submit(2), Submitted::Queued { wake: Some(0) });
    assert_eq!(table.next(0), Next::Start);
}

#[test]
fn starts_that_fail_beside_a_worker_that_runs_fail_nothing() {
    let mut table = Table::new(2);
    table.submit(0);
    table.started(0);
    assert_eq!(table.next(0), Next::Run(0));
    table.submit(1);
    for _ in 0..FAILED_STARTS {
        assert_eq!(table.next(1), Next::Start);
        assert!(table.start_failed(1).is_empty());
    }
    assert_eq!(table.next(1), Next::Sleep { wake: None });
    table.finished(0);
    assert_eq!(table.next(0), Next::Run(1));
}

/// After many failed starts only workers that are there serve the tasks, and one of them sleeps.
#[test]
fn an_attendant_that_may_not_start_a_worker_wakes_one_that_has_one() {
    let mut table = Table::new(3);
    ready(&mut table, 0);
    table.started(1);
    assert_eq!(table.submit(0), Submitted::Queued { wake: Some(0) });
    assert_eq!(table.next(1), Next::Run(0));
    table.submit(1);
    for _ in 0..FAILED_STARTS {
        assert_eq!(table.next(2), Next::Start);
        assert!(table.start_failed(2).is_empty());
    }
    assert_eq!(table.next(2), Next::Sleep { wake: None });
    assert_eq!(table.next(0), Next::Run(1));
    table.finished(0);
    assert_eq!(table.next(0), Next::Sleep { wake: None });
    table.give_back(1, 0);
    assert_eq!(table.next(1), Next::Sleep { wake: Some(0) });
    assert_eq!(table.next(0), Next::Run(0));
}
