//! What the table does, one rule a test.

#[path = "crowd.rs"]
mod crowd;
#[path = "deaths.rs"]
mod deaths;
#[path = "outside.rs"]
mod outside;
#[path = "properties.rs"]
mod properties;
#[path = "steps.rs"]
mod steps;
#[path = "stops.rs"]
mod stops;
#[path = "together.rs"]
mod together;

use super::{Rules, Table};
use crate::answers::{Answered, Died, Handing, Next, Reach, Stop, Stopped, Submitted};
use crate::limit::{Limits, WhenFull};
use crate::queue::Ticket;
use crate::stats::WorkerState;
use std::time::{Duration, Instant};

const RESTART_LIMIT: u32 = 3;

const RULES: Rules = Rules {
    limits: Limits {
        tasks: None,
        bytes: None,
    },
    tasks_per_worker: None,
    restart_limit: RESTART_LIMIT,
};

/// Workers that have room for everything, and have begun only what is said.
#[derive(Default)]
struct Workers {
    have_no_room: bool,
    begun: Vec<u64>,
    cancelled: Vec<u64>,
    /// The workers whose attendants were woken otherwise than by what is returned.
    woken: Vec<usize>,
    /// What each was handed, and when.
    handed: Vec<(usize, u64)>,
}

impl Reach<()> for Workers {
    fn hand(&mut self, worker: usize, ticket: &mut Ticket<()>, _: Option<&Ticket<()>>) -> Handing {
        if self.have_no_room {
            return Handing::NoRoom;
        }
        if self.cancelled.contains(&ticket.number) {
            return Handing::Cancelled;
        }
        self.handed.push((worker, ticket.number));
        Handing::Handed
    }

    fn announce(&mut self, worker: usize, ticket: &mut Ticket<()>) -> bool {
        self.handed.push((worker, ticket.number));
        !self.cancelled.contains(&ticket.number)
    }

    fn take_back(&mut self, _: usize, ticket: &mut Ticket<()>) -> u32 {
        let numbers = ticket.number..ticket.number + u64::from(ticket.count);
        numbers.take_while(|number| self.begun.contains(number)).count() as u32
    }

    fn divide(&mut self, ticket: &mut Ticket<()>, kept: u32) -> Ticket<()> {
        divide(ticket, kept)
    }

    fn wake(&mut self, worker: usize) {
        self.woken.push(worker);
    }

    fn dismiss(&mut self, _: Ticket<()>) {}
}

/// A table and its workers.
struct Pool {
    table: Table<()>,
    workers: Workers,
    now: Instant,
}

impl Pool {
    fn with_rules(workers: usize, rules: Rules) -> Self {
        Self {
            table: Table::new(workers, rules),
            workers: Workers::default(),
            now: Instant::now(),
        }
    }

    fn new(workers: usize) -> Self {
        Self::with_rules(workers, RULES)
    }

    /// All workers are there, and their attendants sleep; the last one is the first to be used.
    fn ready(workers: usize) -> Self {
        let mut pool = Self::new(workers);
        for worker in 0..workers {
            pool.start(worker);
        }
        pool
    }

    fn start(&mut self, worker: usize) {
        self.table.started(worker, self.now);
        let next = self.next(worker);
        assert!(matches!(next, Next::Sleep { .. }), "{next:?}");
    }

    fn submit(&mut self, number: u64) -> Submitted<()> {
        self.table.submit(ticket(number), self.now, &mut self.workers)
    }

    fn next(&mut self, worker: usize) -> Next {
        self.table.next(worker, self.now, &mut self.workers)
    }

    /// The worker begins the task and replies, after so long.
    fn answer(&mut self, worker: usize, number: u64, after: Duration) -> bool {
        self.now += after;
        let answered = self.table.answered(worker, number, 1);
        assert!(answered.is_some(), "the worker has task {number}");
        self.table.measure(worker, 1, None, self.now);
        assert!(!self.table.stop_cancelled(worker, &mut self.workers));
        self.table.replied(worker, self.now, &mut self.workers)
    }

    fn died(&mut self, worker: usize) -> Died<()> {
        self.table.died(worker, &mut self.workers)
    }

    /// One worker that has ended many short tasks, and has as many as are good for it.
    fn fast() -> Self {
        let mut pool = Self::ready(1);
        for number in 0..100 {
            let _ = pool.submit(number);
            pool.answer(0, number, Duration::from_micros(1));
        }
        pool.workers.handed.clear();
        for number in 100..105 {
            assert_eq!(pool.submit(number), Submitted::Handed { worker: 0 });
        }
        pool
    }
}

fn ticket(number: u64) -> Ticket<()> {
    several(number, 1)
}

/// A ticket for so many tasks.
fn several(number: u64, count: u32) -> Ticket<()> {
    Ticket {
        number,
        count,
        bytes: 1,
        timeout: None,
        task: (),
    }
}

/// Keeps so many tasks, and returns a ticket for the others.
fn divide(ticket: &mut Ticket<()>, kept: u32) -> Ticket<()> {
    assert!(0 < kept && kept < ticket.count);
    let rest = Ticket {
        number: ticket.number + u64::from(kept),
        count: ticket.count - kept,
        ..*ticket
    };
    ticket.count = kept;
    rest
}

const SHORT: Duration = Duration::from_micros(1);
const LONG: Duration = Duration::from_millis(10);
const NO_WAKE: Next = Next::Sleep {
    wake: None,
    naps: false,
};

#[test]
fn tasks_start_in_the_order_in_which_they_came() {
    let mut pool = Pool::new(1);
    for task in 0..3 {
        let _ = pool.submit(task);
    }
    assert_eq!(pool.next(0), Next::Start);
    pool.start(0);
    for task in 0..3 {
        pool.answer(0, task, LONG);
    }
    assert_eq!(pool.workers.handed, [(0, 0), (0, 1), (0, 2)]);
}

#[test]
fn no_more_workers_are_started_than_tasks_wait() {
    let mut pool = Pool::new(4);
    let _ = pool.submit(0);
    assert_eq!(pool.next(0), Next::Start);
    assert_eq!(pool.next(1), NO_WAKE);
    assert_eq!(pool.submit(1), Submitted::Queued { wake: Some(1) });
    assert_eq!(pool.next(1), Next::Start);
    assert_eq!(pool.next(2), NO_WAKE);
}

#[test]
fn the_most_recently_used_worker_gets_the_task() {
    let mut pool = Pool::ready(3);
    assert_eq!(pool.submit(0), Submitted::Handed { worker: 2 });
    assert_eq!(pool.submit(1), Submitted::Handed { worker: 1 });
    assert!(!pool.answer(2, 0, LONG));
    assert_eq!(pool.submit(2), Submitted::Handed { worker: 2 });
}

#[test]
fn a_task_that_does_not_go_at_once_is_sent_by_the_attendant() {
    let mut pool = Pool::ready(1);
    pool.workers.have_no_room = true;
    assert_eq!(pool.submit(0), Submitted::Queued { wake: Some(0) });
    assert_eq!(pool.next(0), Next::Send);
    assert_eq!(pool.table.last_of(0), Some(&ticket(0)));
    let _ = pool.submit(1);
    assert_eq!(pool.next(0), NO_WAKE, "the next one is not sent before the reply");
    assert!(pool.answer(0, 0, LONG), "but then");
    assert_eq!(pool.next(0), Next::Send);
}

#[test]
fn a_task_taken_back_is_the_next_to_run() {
    let mut pool = Pool::fast();
    let Died { lost, stop, hopeless } = pool.died(0);
    assert!(lost.is_empty() && stop.is_none() && hopeless.is_empty());
    assert_eq!(pool.next(0), Next::Start);
    pool.workers.handed.clear();
    pool.start(0);
    assert_eq!(
        pool.workers.handed,
        [(0, 100)],
        "and nothing ahead: the worker is new"
    );
}

#[test]
fn a_worker_gets_tasks_ahead_if_they_are_short() {
    let mut pool = Pool::ready(1);
    let _ = pool.submit(0);
    assert_eq!(
        pool.submit(1),
        Submitted::Queued { wake: None },
        "nothing is known of it"
    );
    pool.answer(0, 0, LONG);
    assert_eq!(pool.submit(2), Submitted::Queued { wake: None }, "they are long");
    assert_eq!(Pool::fast().workers.handed.len(), 5);
}

#[test]
fn nothing_is_given_ahead_while_another_worker_has_nothing() {
    let mut pool = Pool::new(2);
    pool.start(0);
    for number in 0..100 {
        let _ = pool.submit(number);
        pool.answer(0, number, SHORT);
    }
    assert_eq!(pool.submit(100), Submitted::Handed { worker: 0 });
    assert_eq!(pool.next(1), NO_WAKE);
    assert_eq!(pool.submit(101), Submitted::Queued { wake: Some(1) });
}

/// Two workers: one has short tasks, 100 and 102 to 105, and has begun the first. The other runs 101.
fn unequal() -> Pool {
    let mut pool = Pool::ready(2);
    for number in 0..100 {
        let _ = pool.submit(number);
        pool.answer(1, number, SHORT);
    }
    for (number, worker) in [(100, 1), (101, 0), (102, 1), (103, 1), (104, 1), (105, 1)] {
        assert_eq!(pool.submit(number), Submitted::Handed { worker });
    }
    pool.workers.begun = vec![100, 101];
    pool.workers.handed.clear();
    pool
}

#[test]
fn a_worker_with_nothing_to_do_takes_half_of_what_waits() {
    let mut pool = unequal();
    pool.answer(0, 101, SHORT);
    assert_eq!(pool.workers.handed, [(0, 103)]);
    assert_eq!(pool.table.worker_of(102), Some(1));
}

#[test]
fn what_waits_behind_a_long_task_goes_elsewhere() {
    let mut pool = unequal();
    pool.answer(0, 101, LONG);
    assert_eq!(pool.workers.handed, [(0, 102)]);
    assert_eq!(
        pool.table.worker_of(103),
        None,
        "it waits for whoever is free first"
    );
}

#[test]
fn a_worker_retires_after_its_last_task() {
    let rules = Rules {
        tasks_per_worker: Some(2),
        ..RULES
    };
    let mut pool = Pool::with_rules(1, rules);
    pool.start(0);
    for number in 0..3 {
        let _ = pool.submit(number);
    }
    assert!(!pool.answer(0, 0, SHORT));
    assert!(pool.answer(0, 1, SHORT), "its attendant has something to do");
    assert_eq!(pool.next(0), Next::Retire);
    pool.table.retired(0);
    assert_eq!(pool.next(0), Next::Start);
    assert_eq!(pool.table.states().next(), Some((WorkerState::Starting, 0)));
}

#[test]
fn a_task_that_was_cancelled_in_the_queue_does_not_wear_out_its_worker() {
    let rules = Rules {
        tasks_per_worker: Some(1),
        ..RULES
    };
    let mut pool = Pool::with_rules(1, rules);
    let _ = pool.submit(0);
    pool.workers.cancelled = vec![0];
    pool.start(0);
    assert_eq!(pool.table.task_counts().cancelled, 1);
    assert_eq!(pool.submit(1), Submitted::Handed { worker: 0 });
}

#[test]
fn a_task_that_is_cancelled_before_it_is_sent_is_not_sent() {
    let mut pool = Pool::ready(1);
    pool.workers.have_no_room = true;
    let _ = pool.submit(0);
    pool.workers.cancelled = vec![0];
    assert_eq!(pool.next(0), NO_WAKE);
    assert_eq!(pool.table.task_counts().cancelled, 1);
}

/// A pool of one whose task is timed and has begun.
fn timed() -> Pool {
    let mut pool = Pool::ready(1);
    let mut timed = ticket(0);
    timed.timeout = Some(LONG);
    let _ = pool.table.submit(timed, pool.now, &mut pool.workers);
    pool.workers.begun = vec![0];
    pool
}

#[test]
fn a_full_queue_takes_no_task_until_one_has_left_it() {
    let rules = Rules {
        limits: Limits {
            tasks: Some((1, WhenFull::Block)),
            bytes: None,
        },
        ..RULES
    };
    let mut pool = Pool::with_rules(1, rules);
    pool.start(0);
    let _ = pool.submit(0);
    assert_eq!(pool.submit(1), Submitted::Queued { wake: None });
    assert_eq!(pool.submit(2), Submitted::Full(ticket(2), WhenFull::Block));
    pool.answer(0, 0, LONG);
    assert_eq!(pool.submit(3), Submitted::Queued { wake: None });
}
