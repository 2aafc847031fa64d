//! What the table does, one rule a test.

#[path = "table_crowd.rs"]
mod crowd;
#[path = "table_properties.rs"]
mod properties;

use super::{Rules, Table};
use crate::answers::{GivenBack, Next, Stop, Submitted};
use crate::limit::{Limits, WhenFull};
use crate::queue::Ticket;
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

fn table(workers: usize) -> Table<()> {
    Table::new(workers, RULES)
}

fn ticket(number: u64) -> Ticket<()> {
    Ticket {
        number,
        bytes: 1,
        task: (),
    }
}

/// A table whose one worker runs task 0.
fn running(rules: Rules) -> Table<()> {
    let mut table = Table::new(1, rules);
    let _ = table.submit(ticket(0));
    table.started(0);
    assert_eq!(table.next(0), Next::Run(ticket(0)));
    table
}

fn ready(table: &mut Table<()>, worker: usize) {
    table.started(worker);
    assert_eq!(table.next(worker), Next::Sleep { wake: None });
}

#[test]
fn tasks_start_in_the_order_in_which_they_came() {
    let mut table = table(1);
    for task in 0..3 {
        let _ = table.submit(ticket(task));
    }
    assert_eq!(table.next(0), Next::Start);
    table.started(0);
    for task in 0..3 {
        assert_eq!(table.next(0), Next::Run(ticket(task)));
        let _ = table.finished(0);
    }
}

#[test]
fn no_more_workers_are_started_than_tasks_wait() {
    let mut table = table(4);
    let _ = table.submit(ticket(0));
    assert_eq!(table.next(0), Next::Start);
    assert_eq!(table.next(1), Next::Sleep { wake: None });
    assert_eq!(table.submit(ticket(1)), Submitted::Queued { wake: Some(1) });
    assert_eq!(table.next(1), Next::Start);
    assert_eq!(table.next(2), Next::Sleep { wake: None });
}

#[test]
fn the_most_recently_used_worker_is_woken() {
    let mut table = table(3);
    ready(&mut table, 1);
    ready(&mut table, 2);
    ready(&mut table, 0);
    assert_eq!(table.submit(ticket(0)), Submitted::Queued { wake: Some(0) });
    assert_eq!(table.submit(ticket(1)), Submitted::Queued { wake: Some(2) });
}

#[test]
fn a_task_given_back_is_the_next_to_run() {
    let mut table = table(1);
    let _ = table.submit(ticket(0));
    let _ = table.submit(ticket(1));
    table.started(0);
    assert_eq!(table.next(0), Next::Run(ticket(0)));
    let _ = table.give_back(0, ticket(0));
    assert_eq!(table.next(0), Next::Start);
    table.started(0);
    assert_eq!(table.next(0), Next::Run(ticket(0)));
}

#[test]
fn starts_that_fail_in_a_row_fail_what_waits_and_no_more() {
    let mut table = table(1);
    let _ = table.submit(ticket(0));
    let _ = table.submit(ticket(1));
    for attempt in 1..=RESTART_LIMIT {
        assert_eq!(table.next(0), Next::Start, "attempt {attempt}");
        let failed = table.start_failed(0);
        assert_eq!(
            failed.len(),
            if attempt == RESTART_LIMIT { 2 } else { 0 },
            "attempt {attempt}"
        );
    }
    assert_eq!(table.next(0), Next::Sleep { wake: None });
    assert_eq!(table.submit(ticket(2)), Submitted::Queued { wake: Some(0) });
    assert_eq!(table.next(0), Next::Start);
}

#[test]
fn starts_that_fail_beside_a_worker_that_runs_fail_nothing() {
    let mut table = table(2);
    let _ = table.submit(ticket(0));
    table.started(0);
    assert_eq!(table.next(0), Next::Run(ticket(0)));
    let _ = table.submit(ticket(1));
    for _ in 0..RESTART_LIMIT {
        assert_eq!(table.next(1), Next::Start);
        assert!(table.start_failed(1).is_empty());
    }
    assert_eq!(table.next(1), Next::Sleep { wake: None });
    let _ = table.finished(0);
    assert_eq!(table.next(0), Next::Run(ticket(1)));
}

/// After many failed starts only workers that are there serve the tasks, and one of them sleeps.
#[test]
fn an_attendant_that_may_not_start_a_worker_wakes_one_that_has_one() {
    let mut table = table(3);
    ready(&mut table, 0);
    table.started(1);
    assert_eq!(table.submit(ticket(0)), Submitted::Queued { wake: Some(0) });
    assert_eq!(table.next(1), Next::Run(ticket(0)));
    let _ = table.submit(ticket(1));
    for _ in 0..RESTART_LIMIT {
        assert_eq!(table.next(2), Next::Start);
        assert!(table.start_failed(2).is_empty());
    }
    assert_eq!(table.next(2), Next::Sleep { wake: None });
    assert_eq!(table.next(0), Next::Run(ticket(1)));
    table.skipped(0);
    assert_eq!(table.next(0), Next::Sleep { wake: None });
    let _ = table.give_back(1, ticket(0));
    assert_eq!(table.next(1), Next::Sleep { wake: Some(0) });
    assert_eq!(table.next(0), Next::Run(ticket(0)));
}

/// A task that only was to be sent is not charged with the death of its worker, but workers that die like this are not
/// replaced for ever.
#[test]
fn workers_that_die_before_they_get_their_task_make_the_pool_unhealthy() {
    let mut table = table(1);
    let _ = table.submit(ticket(0));
    for attempt in 1..=RESTART_LIMIT {
        assert_eq!(table.next(0), Next::Start);
        table.started(0);
        assert_eq!(table.next(0), Next::Run(ticket(0)));
        let GivenBack::Queued { hopeless } = table.give_back(0, ticket(0)) else {
            panic!("nobody has stopped it");
        };
        assert_eq!(
            hopeless.len(),
            usize::from(attempt == RESTART_LIMIT),
            "attempt {attempt}"
        );
    }
    assert!(!table.is_healthy());
}

#[test]
fn an_unhealthy_pool_makes_one_attempt_a_task_and_recovers() {
    let mut table = table(2);
    let _ = table.submit(ticket(0));
    for _ in 0..RESTART_LIMIT {
        assert_eq!(table.next(0), Next::Start);
        let _ = table.start_failed(0);
    }
    assert!(!table.is_healthy());
    let _ = table.submit(ticket(1));
    assert_eq!(table.next(0), Next::Start);
    let _ = table.submit(ticket(2));
    assert_eq!(table.next(1), Next::Sleep { wake: None }, "one attempt at a time");
    assert_eq!(table.start_failed(0).len(), 2);
    let _ = table.submit(ticket(3));
    assert_eq!(table.next(0), Next::Start);
    table.started(0);
    assert_eq!(table.next(0), Next::Run(ticket(3)));
    assert!(!table.is_healthy(), "it has not run a task yet");
    let _ = table.finished(0);
    assert!(table.is_healthy());
}

#[test]
fn crashes_of_tasks_leave_the_pool_healthy() {
    let mut table = table(1);
    for number in 0..10 {
        let _ = table.submit(ticket(number));
        assert_eq!(table.next(0), Next::Start);
        table.started(0);
        assert_eq!(table.next(0), Next::Run(ticket(number)));
        assert_eq!(table.lost(0), None);
    }
    assert!(table.is_healthy());
    assert_eq!(table.worker_counts().crashed, 10);
}

#[test]
fn a_worker_retires_after_its_last_task() {
    let rules = Rules {
        tasks_per_worker: Some(2),
        ..RULES
    };
    let mut table = running(rules);
    let _ = table.submit(ticket(1));
    assert!(!table.finished(0));
    assert_eq!(table.next(0), Next::Run(ticket(1)));
    assert!(!table.finished(0));
    let _ = table.submit(ticket(2));
    assert_eq!(table.next(0), Next::Retire);
    table.retired(0);
    assert_eq!(table.next(0), Next::Start);
}

#[test]
fn a_task_that_was_cancelled_in_the_queue_does_not_wear_out_its_worker() {
    let rules = Rules {
        tasks_per_worker: Some(1),
        ..RULES
    };
    let mut table = running(rules);
    table.skipped(0);
    assert_eq!(table.next(0), Next::Sleep { wake: None });
}

#[test]
fn the_first_reason_to_stop_a_task_counts() {
    let now = Instant::now();
    let mut table = running(RULES);
    table.time(0, now);
    assert_eq!(table.earliest_deadline(), Some(now));
    assert_eq!(table.stop_expired(now), [0]);
    assert_eq!(table.earliest_deadline(), None, "it is being stopped");
    assert!(table.stop(0).is_empty());
    assert_eq!(table.lost(0), Some(Stop::TimedOut));
}

#[test]
fn a_task_is_not_stopped_before_its_time_and_not_after_its_end() {
    let now = Instant::now();
    let mut table = running(RULES);
    assert!(table.stop_expired(now).is_empty(), "it has no time-out");
    table.time(0, now + Duration::from_secs(1));
    assert!(table.stop_expired(now).is_empty());
    assert!(table.stop(7).is_empty(), "another task");
    assert!(!table.finished(0));
    assert!(table.stop_expired(now + Duration::from_secs(1)).is_empty());
    assert!(table.stop(0).is_empty());
}

/// The kill and the reply cross: the result counts, and the worker gets no other task.
#[test]
fn a_task_that_replies_while_it_is_stopped_has_replied() {
    let mut table = running(RULES);
    assert_eq!(table.stop(0), [0]);
    let _ = table.submit(ticket(1));
    assert!(table.finished(0));
    assert_eq!(table.task_counts().answered, 1);
    assert_eq!(table.worker_counts().killed, 1);
    assert_eq!(table.next(0), Next::Start);
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
    let mut table = running(rules);
    assert_eq!(table.submit(ticket(1)), Submitted::Queued { wake: None });
    assert_eq!(
        table.submit(ticket(2)),
        Submitted::Full(ticket(2), WhenFull::Block)
    );
    assert!(!table.finished(0));
    assert_eq!(table.next(0), Next::Run(ticket(1)));
    assert_eq!(table.submit(ticket(3)), Submitted::Queued { wake: None });
}
