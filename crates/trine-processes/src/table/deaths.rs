//! What becomes of a pool whose workers can't be started, or die.

use super::*;

#[test]
fn starts_that_fail_in_a_row_fail_what_waits_and_no_more() {
    let mut pool = Pool::new(1);
    let _ = pool.submit(0);
    let _ = pool.submit(1);
    for attempt in 1..=RESTART_LIMIT {
        assert_eq!(pool.next(0), Next::Start, "attempt {attempt}");
        let failed = pool.table.start_failed(0);
        let expected = if attempt == RESTART_LIMIT { 2 } else { 0 };
        assert_eq!(failed.len(), expected, "attempt {attempt}");
    }
    assert_eq!(pool.next(0), NO_WAKE);
    assert_eq!(pool.submit(2), Submitted::Queued { wake: Some(0) });
    assert_eq!(pool.next(0), Next::Start);
}

#[test]
fn starts_that_fail_beside_a_worker_that_runs_fail_nothing() {
    let mut pool = Pool::new(2);
    pool.start(0);
    let _ = pool.submit(0);
    let _ = pool.submit(1);
    for _ in 0..RESTART_LIMIT {
        assert_eq!(pool.next(1), Next::Start);
        assert!(pool.table.start_failed(1).is_empty());
    }
    assert_eq!(pool.next(1), NO_WAKE);
    pool.answer(0, 0, LONG);
    assert_eq!(pool.workers.handed, [(0, 0), (0, 1)]);
}

#[test]
fn a_start_that_nobody_needs_any_more_is_given_up_and_is_no_failure() {
    let mut pool = Pool::new(1);
    let _ = pool.submit(0);
    assert_eq!(pool.next(0), Next::Start);
    assert!(pool.table.give_up_starts().is_empty(), "more may come");
    pool.table.close();
    assert!(pool.table.give_up_starts().is_empty(), "a task waits");
    let _ = pool.table.cancel_queue(&mut pool.workers);
    assert_eq!(pool.table.give_up_starts(), [0]);
    assert!(pool.table.is_stopped(0));
    let _ = pool.table.start_failed(0);
    assert_eq!(pool.table.worker_counts().failed_starts, 0);
    assert_eq!(pool.next(0), Next::Leave);
}

#[test]
fn a_start_that_was_given_up_is_made_again_for_a_task_that_waits_again() {
    let mut pool = Pool::new(2);
    pool.start(0);
    assert_eq!(pool.submit(0), Submitted::Handed { worker: 0 });
    let _ = pool.submit(1);
    assert_eq!(pool.next(1), Next::Start);
    assert!(pool.table.withdraw(1).is_some());
    pool.table.close();
    assert_eq!(pool.table.give_up_starts(), [1]);
    assert!(pool.died(0).lost.is_empty(), "it had not begun");
    assert!(pool.table.start_failed(1).is_empty());
    assert_eq!(pool.next(1), Next::Start);
    assert!(!pool.table.is_stopped(1), "it is needed");
}

#[test]
fn workers_of_a_pool_that_is_killed_have_neither_failed_to_start_nor_died_of_themselves() {
    let rules = Rules {
        restart_limit: 1,
        ..RULES
    };
    let mut pool = Pool::with_rules(2, rules);
    pool.start(0);
    let _ = pool.submit(0);
    let _ = pool.submit(1);
    assert_eq!(pool.next(1), Next::Start);
    pool.answer(0, 0, LONG);
    pool.answer(0, 1, LONG);
    pool.table.close();
    pool.table.stop_all(&mut pool.workers);
    assert!(pool.table.start_failed(1).is_empty());
    assert_eq!(pool.died(0).lost, []);
    let counts = pool.table.worker_counts();
    assert_eq!((counts.failed_starts, counts.died_idle, counts.killed), (0, 0, 1));
    assert!(pool.table.is_healthy());
}

/// After many failed starts only workers that are there serve the tasks, and one of them sleeps.
#[test]
fn an_attendant_that_may_not_start_a_worker_wakes_one_that_has_one() {
    let mut pool = Pool::new(2);
    pool.start(0);
    for _ in 0..RESTART_LIMIT {
        let _ = pool.table.start_failed(1);
    }
    pool.workers.have_no_room = true;
    assert_eq!(pool.submit(0), Submitted::Queued { wake: Some(0) });
    assert_eq!(pool.next(0), Next::Send);
    pool.workers.begun = vec![];
    assert_eq!(pool.table.take_back(0, &mut pool.workers), Some(0));
    assert_eq!(pool.next(1), NO_WAKE);
    assert_eq!(pool.next(0), Next::Send);
}

/// A task that a worker had not begun is not charged with the worker's death, but workers that die like this are not
/// replaced for ever.
#[test]
fn workers_that_die_before_they_begin_make_the_pool_unhealthy() {
    let mut pool = Pool::new(1);
    let _ = pool.submit(0);
    for attempt in 1..=RESTART_LIMIT {
        assert_eq!(pool.next(0), Next::Start);
        pool.start(0);
        let Died { lost, hopeless, .. } = pool.died(0);
        assert!(lost.is_empty());
        assert_eq!(
            hopeless.len(),
            usize::from(attempt == RESTART_LIMIT),
            "attempt {attempt}"
        );
    }
    assert!(!pool.table.is_healthy());
}

#[test]
fn an_unhealthy_pool_makes_one_attempt_a_task_and_recovers() {
    let mut pool = Pool::new(2);
    let _ = pool.submit(0);
    for _ in 0..RESTART_LIMIT {
        assert_eq!(pool.next(0), Next::Start);
        let _ = pool.table.start_failed(0);
    }
    assert!(!pool.table.is_healthy());
    let _ = pool.submit(1);
    assert_eq!(pool.next(0), Next::Start);
    let _ = pool.submit(2);
    assert_eq!(pool.next(1), NO_WAKE, "one attempt at a time");
    assert_eq!(pool.table.start_failed(0).len(), 2);
    let _ = pool.submit(3);
    assert_eq!(pool.next(0), Next::Start);
    pool.start(0);
    assert!(!pool.table.is_healthy(), "it has not run a task yet");
    pool.answer(0, 3, LONG);
    assert!(pool.table.is_healthy());
}

#[test]
fn crashes_of_tasks_leave_the_pool_healthy() {
    let mut pool = Pool::new(1);
    for number in 0..10 {
        let _ = pool.submit(number);
        assert_eq!(pool.next(0), Next::Start);
        pool.start(0);
        pool.workers.begun.push(number);
        assert_eq!(pool.died(0).lost, [ticket(number)]);
    }
    assert!(pool.table.is_healthy());
    assert_eq!(pool.table.worker_counts().crashed, 10);
}

#[test]
fn a_worker_that_has_begun_a_task_ends_the_row_of_failures() {
    let mut pool = Pool::new(1);
    let _ = pool.submit(0);
    for _ in 1..RESTART_LIMIT {
        assert_eq!(pool.next(0), Next::Start);
        let _ = pool.table.start_failed(0);
    }
    assert_eq!(pool.next(0), Next::Start);
    pool.start(0);
    pool.workers.begun = vec![0];
    assert_eq!(pool.died(0).lost, [ticket(0)]);
    assert_eq!(pool.next(0), Next::Start);
    let _ = pool.table.start_failed(0);
    assert!(pool.table.is_healthy());
}

#[test]
fn a_worker_that_has_run_a_task_and_dies_idle_is_no_failure() {
    let rules = Rules {
        restart_limit: 1,
        ..RULES
    };
    let mut pool = Pool::with_rules(1, rules);
    pool.start(0);
    let _ = pool.submit(0);
    pool.answer(0, 0, SHORT);
    let _ = pool.died(0);
    assert!(pool.table.is_healthy());
}

#[test]
fn a_worker_that_dies_with_a_task_is_replaced_at_once_and_an_idle_one_when_there_is_work() {
    let mut pool = Pool::ready(1);
    let _ = pool.submit(1);
    pool.workers.begun.push(1);
    let _ = pool.died(0);
    assert_eq!(pool.next(0), Next::Start);
    pool.start(0);
    let _ = pool.died(0);
    assert_eq!(pool.next(0), NO_WAKE);
}

#[test]
fn for_the_only_worker_that_a_task_ends_two_are_started() {
    let mut pool = Pool::new(3);
    for worker in [1, 2] {
        assert_eq!(pool.next(worker), NO_WAKE);
    }
    pool.start(0);
    let end_with_a_task = |pool: &mut Pool, worker, number| {
        assert_eq!(pool.submit(number), Submitted::Handed { worker });
        pool.workers.begun.push(number);
        pool.workers.woken.clear();
        let _ = pool.died(worker);
        pool.workers.woken.clone()
    };
    assert_eq!(end_with_a_task(&mut pool, 0, 1), [2]);
    for worker in [0, 2] {
        assert_eq!(pool.next(worker), Next::Start);
        pool.start(worker);
    }
    assert!(end_with_a_task(&mut pool, 2, 2).is_empty(), "one is left");
}

#[test]
fn nobody_is_replaced_once_the_pool_is_closed() {
    let mut pool = Pool::ready(1);
    let _ = pool.submit(1);
    pool.workers.begun.push(1);
    pool.table.close();
    let _ = pool.died(0);
    assert_eq!(pool.next(0), Next::Leave);
}
