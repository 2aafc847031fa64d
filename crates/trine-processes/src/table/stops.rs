//! How tasks are stopped, and what is made of nonsense.

use super::*;

#[test]
fn the_first_reason_to_stop_a_task_counts() {
    let mut pool = timed();
    let over = pool.now + LONG;
    assert_eq!(pool.table.earliest_deadline(), Some(over));
    assert!(
        pool.table
            .stop_expired(over - SHORT, &mut pool.workers)
            .is_empty()
    );
    assert_eq!(pool.table.stop_expired(over, &mut pool.workers), [(0, true)]);
    assert_eq!(pool.table.earliest_deadline(), None, "it is being stopped");
    assert_eq!(pool.table.stop(0, &mut pool.workers), Stopped::Nothing);
    assert_eq!(pool.died(0).stop, Some(Stop::TimedOut));
}

#[test]
fn a_task_is_not_stopped_after_its_end() {
    let mut pool = timed();
    assert_eq!(
        pool.table.stop(7, &mut pool.workers),
        Stopped::Nothing,
        "another task"
    );
    pool.answer(0, 0, SHORT);
    assert!(
        pool.table
            .stop_expired(pool.now + LONG, &mut pool.workers)
            .is_empty()
    );
    assert_eq!(pool.table.stop(0, &mut pool.workers), Stopped::Nothing);
}

#[test]
fn a_task_with_a_time_out_is_not_given_ahead() {
    let mut pool = Pool::fast();
    let mut timed = ticket(200);
    timed.timeout = Some(LONG);
    let queued = pool.table.submit(timed, pool.now, &mut pool.workers);
    assert_eq!(queued, Submitted::Queued { wake: None });
}

/// A worker can't give itself more time.
#[test]
fn a_reply_to_a_later_task_leaves_the_deadline_of_the_first() {
    let mut pool = Pool::fast();
    for number in 100..105 {
        pool.answer(0, number, SHORT);
    }
    let mut timed = ticket(200);
    timed.timeout = Some(LONG);
    for ticket in [timed, ticket(201)] {
        let handed = pool.table.submit(ticket, pool.now, &mut pool.workers);
        assert_eq!(handed, Submitted::Handed { worker: 0 });
    }
    assert!(pool.table.answered(0, 201, 1).is_some());
    assert_eq!(pool.table.earliest_deadline(), Some(pool.now + LONG));
}

/// Else it would be sent again and again, if it takes longer to send it than it may run.
#[test]
fn the_time_of_a_task_begins_when_it_is_sent() {
    let mut pool = Pool::ready(1);
    pool.workers.have_no_room = true;
    let mut timed = ticket(0);
    timed.timeout = Some(SHORT);
    let queued = pool.table.submit(timed, pool.now, &mut pool.workers);
    assert_eq!(queued, Submitted::Queued { wake: Some(0) });
    assert_eq!(pool.next(0), Next::Send);
    for _ in 0..3 {
        pool.now += LONG;
        assert_eq!(pool.table.stop_expired(pool.now, &mut pool.workers), [(0, false)]);
        assert_eq!(pool.table.worker_of(0), Some(0));
    }
    pool.table.sent(0, pool.now);
    assert_eq!(pool.table.earliest_deadline(), Some(pool.now + SHORT));
    pool.workers.begun = vec![0];
    pool.now += SHORT;
    assert_eq!(pool.table.stop_expired(pool.now, &mut pool.workers), [(0, true)]);
}

/// The kill and the reply cross: the result counts, and the worker gets no other task.
#[test]
fn a_task_that_replies_while_it_is_stopped_has_replied() {
    let mut pool = timed();
    assert_eq!(pool.table.stop(0, &mut pool.workers), Stopped::Runs { worker: 0 });
    assert_eq!(pool.submit(1), Submitted::Queued { wake: None });
    assert!(pool.answer(0, 0, SHORT));
    assert_eq!(pool.table.states().next(), Some((WorkerState::Ending, 1)));
    assert_eq!(pool.died(0).stop, Some(Stop::Killed));
    assert_eq!(pool.table.task_counts().answered, 1);
    assert_eq!(pool.table.worker_counts().killed, 1);
    assert_eq!(pool.next(0), Next::Start);
}

/// Whoever kills a worker hits the task that was to be stopped, and no other.
#[test]
fn what_waits_behind_a_task_that_is_stopped_is_taken_back_first() {
    let mut pool = Pool::fast();
    pool.workers.begun = vec![100];
    assert_eq!(
        pool.table.stop(100, &mut pool.workers),
        Stopped::Runs { worker: 0 }
    );
    assert_eq!(pool.table.worker_of(101), None);
    let mut late = Pool::fast();
    // The worker is at the next one already, and the reply is on its way.
    late.workers.begun = vec![100, 101];
    assert_eq!(late.table.stop(100, &mut late.workers), Stopped::Nothing);
    late.answer(0, 100, SHORT);
    assert_eq!(late.table.worker_of(101), Some(0));
}

/// A worker that has begun what is cancelled is killed when the replies before that are here, and not at another task.
#[test]
fn a_task_that_is_cancelled_before_the_reply_to_the_one_before_it_is_known_is_stopped() {
    let cancelled = || {
        let mut pool = Pool::fast();
        pool.workers.begun = vec![100, 101];
        assert_eq!(pool.table.stop(101, &mut pool.workers), Stopped::Nothing);
        assert!(
            !pool.table.stop_cancelled(0, &mut pool.workers),
            "no reply is here"
        );
        assert!(pool.table.answered(0, 100, 1).is_some());
        pool
    };
    let mut runs = cancelled();
    assert!(runs.table.stop_cancelled(0, &mut runs.workers));
    let died = runs.died(0);
    assert_eq!((died.lost, died.stop), (vec![ticket(101)], Some(Stop::Killed)));
    let mut ended = cancelled();
    assert!(ended.table.answered(0, 101, 1).is_some());
    assert!(!ended.table.stop_cancelled(0, &mut ended.workers));
}

/// The others have ended, and their replies are on their way.
#[test]
fn of_several_tasks_that_were_cancelled_the_last_one_is_stopped() {
    let mut pool = Pool::fast();
    pool.workers.begun = vec![100, 101, 102];
    for number in [102, 101] {
        assert_eq!(pool.table.stop(number, &mut pool.workers), Stopped::Nothing);
    }
    for number in [100, 101] {
        assert!(pool.table.answered(0, number, 1).is_some());
    }
    assert!(pool.table.stop_cancelled(0, &mut pool.workers));
    assert_eq!(pool.died(0).lost, [ticket(102)]);
}

#[test]
fn tasks_that_nobody_wants_are_taken_back_and_no_others() {
    let mut pool = unequal();
    assert_eq!(pool.table.take_back_all_of(&(101..104), &mut pool.workers), [1]);
    let workers = [100, 101, 102, 103, 104].map(|number| pool.table.worker_of(number));
    assert_eq!(workers, [Some(1), Some(0), None, None, Some(1)]);
}

#[test]
fn what_waits_in_a_worker_is_cancelled_with_the_queue() {
    let mut pool = Pool::fast();
    pool.workers.begun = vec![100];
    pool.table.close();
    let cancelled = pool.table.cancel_queue(&mut pool.workers);
    assert_eq!(cancelled, [101, 102, 103, 104].map(ticket));
    assert_eq!(pool.table.task_counts().cancelled, 4);
    assert_eq!(pool.table.worker_of(100), Some(0));
}

/// Numbers are taken before the table knows of the task, so a later one may come first.
#[test]
fn what_comes_late_and_waits_in_a_worker_is_not_taken_for_what_runs() {
    let mut pool = Pool::ready(1);
    for number in 0..100 {
        let _ = pool.submit(number);
        pool.answer(0, number, SHORT);
    }
    for number in [101, 100] {
        assert_eq!(pool.submit(number), Submitted::Handed { worker: 0 });
    }
    pool.workers.begun = vec![101];
    assert_eq!(
        pool.table.stop(101, &mut pool.workers),
        Stopped::Runs { worker: 0 }
    );
}

/// Also where a reply is on its way, and so nobody knows yet which task it is at.
#[test]
fn whatever_runs_when_a_pool_is_killed_was_killed() {
    let mut pool = Pool::fast();
    pool.workers.begun = vec![100, 101];
    pool.table.stop_all(&mut pool.workers);
    assert!(pool.table.answered(0, 100, 1).is_some());
    let died = pool.died(0);
    assert_eq!((died.lost, died.stop), (vec![ticket(101)], Some(Stop::Killed)));
}

#[test]
fn a_worker_that_was_stopped_by_a_signal_leaves_its_task_to_another_one() {
    let mut pool = timed();
    pool.workers.begun.clear();
    let over = pool.table.earliest_deadline().unwrap();
    assert_eq!(pool.table.stop_expired(over, &mut pool.workers), [(0, false)]);
    pool.table.stop_halted(0);
    assert!(
        matches!(pool.next(0), Next::Sleep { .. }),
        "it gets no other task"
    );
    let died = pool.died(0);
    assert_eq!((died.lost.len(), died.stop), (0, Some(Stop::TimedOut)));
    assert_eq!((pool.next(0), pool.table.waiting().0), (Next::Start, 1));
}

#[test]
fn a_task_that_waits_in_a_worker_is_stopped_without_a_kill() {
    let mut pool = Pool::fast();
    let taken = Stopped::Taken {
        worker: 0,
        ticket: ticket(103),
    };
    assert_eq!(pool.table.stop(103, &mut pool.workers), taken);
    assert_eq!(pool.table.waiting().0, 3);
}

#[test]
fn a_worker_that_replies_nonsense_gets_no_other_task() {
    let mut pool = Pool::fast();
    pool.workers.begun = vec![100];
    assert_eq!(pool.table.answered(0, 7, 1), None);
    assert_eq!(pool.table.distrust(0, &mut pool.workers), Some(ticket(100)));
    assert_eq!(pool.submit(200), Submitted::Queued { wake: None });
    let died = pool.died(0);
    assert_eq!((died.lost.len(), died.stop), (0, Some(Stop::Distrusted)));
    assert_eq!(pool.table.task_counts().lost, 1);
}

#[test]
fn nonsense_between_two_tasks_costs_neither() {
    let mut pool = Pool::fast();
    pool.workers.begun = vec![100];
    assert_eq!(pool.table.answered(0, 100, 1), Some(Answered::Last(ticket(100))));
    pool.workers.begun = vec![];
    assert_eq!(pool.table.distrust(0, &mut pool.workers), None);
    assert_eq!(pool.died(0).lost, []);
    assert_eq!((pool.table.waiting().0, pool.table.task_counts().lost), (4, 0));
}

/// A task may make its call look as if it had not begun, and talk nonsense wherever it runs.
#[test]
fn nonsense_of_a_new_worker_costs_its_first_task() {
    let mut pool = Pool::ready(1);
    let _ = pool.submit(0);
    assert_eq!(pool.table.distrust(0, &mut pool.workers), Some(ticket(0)));
}
