//! What the table does with tasks that travel together.

use super::{LONG, NO_WAKE, Pool, RULES, SHORT, several, ticket};
use crate::answers::{Answered, Died, Next, Submitted};
use crate::table::Rules;

/// A pool of workers that know that tasks are short, and have nothing to do. The last one is the first to be used.
fn fast_ones(workers: usize) -> Pool {
    let mut pool = Pool::ready(workers);
    for number in (0..100).map(|round| round * workers as u64) {
        for worker in (0..workers).rev() {
            let task = number + worker as u64;
            assert_eq!(pool.submit(task), Submitted::Handed { worker });
        }
        for worker in 0..workers {
            pool.answer(worker, number + worker as u64, SHORT);
        }
    }
    pool.now += SHORT;
    pool
}

#[test]
fn short_tasks_that_travel_together_are_left_to_their_worker_until_one_of_them_is_long() {
    let mut pool = fast_ones(2);
    let handed = pool.table.submit(several(1_000, 10), pool.now, &mut pool.workers);
    let Submitted::Handed { worker } = handed else {
        panic!("it has nothing to do: {handed:?}");
    };
    // The other one is told, and leaves them where they are.
    let idle = 1 - worker;
    assert_eq!(pool.workers.woken, [idle]);
    assert_eq!(pool.next(idle), NAP);
    pool.workers.begun = vec![1_000, 1_001];
    pool.answer(worker, 1_000, SHORT);
    assert_eq!(pool.next(idle), NAP);
    // The second one is long.
    pool.now += LONG;
    assert_eq!(pool.next(idle), NO_WAKE);
    assert_eq!(pool.workers.handed.last(), Some(&(idle, 1_002)));
    assert_eq!(pool.table.last_of(idle), Some(&several(1_002, 8)));
    assert_eq!(pool.table.last_of(worker), Some(&several(1_001, 1)));
}

const NAP: Next = Next::Sleep {
    wake: None,
    naps: true,
};

#[test]
fn a_worker_that_has_nothing_to_do_any_more_looks_after_what_travels_together_elsewhere() {
    let mut pool = fast_ones(2);
    let (other, worker) = (1, 0);
    assert_eq!(pool.submit(500), Submitted::Handed { worker: other });
    let handed = pool.table.submit(several(1_000, 10), pool.now, &mut pool.workers);
    assert_eq!(handed, Submitted::Handed { worker });
    assert!(pool.workers.woken.is_empty(), "nobody could run them sooner");
    // A leader takes the reply, while the attendant sleeps.
    assert!(!pool.answer(other, 500, SHORT));
    assert_eq!(pool.workers.woken, [other]);
    assert_eq!(pool.next(other), NAP);
    pool.workers.begun = vec![1_000];
    pool.now += LONG;
    assert_eq!(pool.next(other), NO_WAKE);
    assert_eq!(pool.table.last_of(other), Some(&several(1_001, 9)));
}

#[test]
fn another_one_looks_in_the_place_of_a_worker_that_gets_a_task() {
    let mut pool = fast_ones(3);
    let _ = pool.table.submit(several(1_000, 10), pool.now, &mut pool.workers);
    assert_eq!(pool.workers.woken, [0]);
    assert_eq!(pool.next(0), NAP);
    assert_eq!(pool.submit(500), Submitted::Handed { worker: 0 });
    assert_eq!(pool.workers.woken, [0, 1]);
    assert_eq!(pool.next(1), NAP);
}

#[test]
fn one_looks_and_the_others_sleep() {
    let mut pool = fast_ones(3);
    let _ = pool.table.submit(several(1_000, 10), pool.now, &mut pool.workers);
    assert_eq!(pool.next(0), NAP);
    assert_eq!(pool.next(1), NO_WAKE);
    assert_eq!(pool.next(0), NAP);
}

#[test]
fn workers_are_started_for_what_travels_together_and_is_much_work() {
    let mut pool = Pool::new(3);
    pool.start(0);
    assert_eq!((pool.next(1), pool.next(2)), (NO_WAKE, NO_WAKE));
    let _ = pool.table.submit(several(1_000, 3), pool.now, &mut pool.workers);
    assert_eq!(pool.workers.woken, [1]);
    assert_eq!(pool.next(1), Next::Start);
    assert_eq!(pool.workers.woken, [1, 2]);
    assert_eq!(pool.next(2), Next::Start);
    pool.workers.begun = vec![1_000];
    pool.start(1);
    assert_eq!(pool.workers.handed.last(), Some(&(1, 1_002)));
}

#[test]
fn nobody_is_started_for_what_an_idle_worker_can_take() {
    let mut pool = Pool::new(3);
    pool.start(0);
    pool.start(1);
    let _ = pool.table.submit(several(1_000, 10), pool.now, &mut pool.workers);
    assert_eq!(pool.next(2), NO_WAKE);
}

#[test]
fn without_an_idle_worker_one_is_started_once_a_task_is_long() {
    let mut pool = fast_ones(2);
    let _ = pool.died(0);
    assert_eq!(pool.next(0), NO_WAKE);
    let _ = pool.table.submit(several(1_000, 10), pool.now, &mut pool.workers);
    assert_eq!(pool.workers.woken, [0]);
    assert_eq!(pool.next(0), NAP);
    pool.now += LONG;
    assert_eq!(pool.next(0), Next::Start);
}

#[test]
fn all_stay_in_a_closed_pool_as_long_as_tasks_wait_in_one_of_them() {
    let mut pool = fast_ones(3);
    let _ = pool.table.submit(several(1_000, 2), pool.now, &mut pool.workers);
    pool.table.close();
    assert_eq!(pool.next(0), NAP);
    assert_eq!(pool.next(1), NO_WAKE);
    pool.workers.woken.clear();
    pool.answer(2, 1_000, SHORT);
    assert_eq!(pool.next(0), Next::Leave);
    assert_eq!(pool.workers.woken, [1]);
    assert_eq!(pool.next(1), Next::Leave);
}

#[test]
fn what_waits_behind_a_long_task_of_a_closed_pool_is_run_by_all_workers() {
    let mut pool = fast_ones(3);
    let _ = pool.table.submit(several(1_000, 10), pool.now, &mut pool.workers);
    pool.table.close();
    pool.workers.begun = vec![1_000, 1_001];
    assert_eq!(pool.next(0), NAP);
    assert_eq!(pool.next(1), NO_WAKE);
    for worker in [0, 1] {
        pool.now += LONG;
        pool.next(worker);
        assert!(pool.table.last_of(worker).is_some());
    }
}

#[test]
fn an_idle_worker_takes_half_of_what_travels_together_and_is_much_work() {
    let mut pool = fast_ones(2);
    let _ = pool
        .table
        .submit(several(1_000, 1_000), pool.now, &mut pool.workers);
    let idle = pool.workers.woken[0];
    pool.workers.begun = vec![1_000];
    assert_eq!(pool.next(idle), NO_WAKE);
    assert_eq!(pool.table.last_of(idle), Some(&several(1_500, 500)));
    assert_eq!(pool.table.last_of(1 - idle), Some(&several(1_001, 499)));
}

#[test]
fn a_worker_that_loses_all_that_it_has_is_told() {
    let mut pool = fast_ones(2);
    let _ = pool.table.submit(several(1_000, 10), pool.now, &mut pool.workers);
    let idle = std::mem::take(&mut pool.workers.woken)[0];
    pool.now += LONG;
    // It has not even begun, for instance because the system runs something else.
    assert_eq!(pool.next(idle), NO_WAKE);
    assert_eq!(pool.workers.woken, [1 - idle]);
    assert_eq!(pool.table.last_of(idle), Some(&several(1_000, 10)));
}

#[test]
fn a_task_that_travels_with_others_is_taken_back_with_those_behind_it() {
    let mut pool = Pool::ready(1);
    let _ = pool.table.submit(several(0, 10), pool.now, &mut pool.workers);
    pool.workers.begun = vec![0, 1, 2];
    assert_eq!(pool.table.take_back(2, &mut pool.workers), Some(0));
    assert_eq!(pool.table.last_of(0), Some(&several(0, 3)));
    assert_eq!(pool.table.waiting().0, 2 + 7);
    assert_eq!(pool.table.take_back(2, &mut pool.workers), None);
}

#[test]
fn replies_that_come_together_end_the_first_tasks_of_a_ticket_or_all() {
    let mut pool = Pool::ready(1);
    let _ = pool.table.submit(several(0, 10), pool.now, &mut pool.workers);
    let _ = pool.table.submit(ticket(10), pool.now, &mut pool.workers);
    assert_eq!(pool.table.answered(0, 0, 4), Some(Answered::First(&mut ())));
    assert_eq!(
        pool.table.last_of(0).map(|rest| (rest.number, rest.count)),
        Some((4, 6))
    );
    let last = pool.table.answered(0, 4, 7);
    assert_eq!(
        last,
        Some(Answered::Last(several(4, 6))),
        "one is in another ticket"
    );
    assert_eq!(pool.table.task_counts().answered, 10);
}

#[test]
fn a_worker_that_dies_in_a_chunk_loses_what_it_had_begun() {
    let mut pool = Pool::ready(1);
    let _ = pool.table.submit(several(0, 10), pool.now, &mut pool.workers);
    pool.workers.begun = vec![0, 1, 2];
    pool.answer(0, 0, SHORT);
    pool.answer(0, 1, SHORT);
    assert_eq!(pool.table.answered(0, 3, 1), None, "it is at the one before");
    let Died { lost, .. } = pool.died(0);
    assert_eq!(lost, [several(2, 1)]);
    assert_eq!(pool.table.waiting().0, 7);
    assert_eq!(
        (pool.table.task_counts().answered, pool.table.task_counts().lost),
        (2, 1)
    );
}

#[test]
fn a_worker_that_talks_nonsense_at_its_first_task_costs_that_one_of_its_chunk() {
    let mut pool = Pool::ready(1);
    let _ = pool.table.submit(several(0, 10), pool.now, &mut pool.workers);
    assert_eq!(pool.table.distrust(0, &mut pool.workers), Some(several(0, 1)));
    assert_eq!(pool.table.waiting().0, 9);
}

#[test]
fn a_chunk_is_divided_where_the_worker_may_run_no_more() {
    let rules = Rules {
        tasks_per_worker: Some(4),
        ..RULES
    };
    let mut pool = Pool::with_rules(1, rules);
    pool.start(0);
    let wakes = pool.table.submit(several(0, 10), pool.now, &mut pool.workers);
    assert_eq!(wakes, Submitted::Queued { wake: Some(0) });
    assert_eq!(pool.next(0), NO_WAKE);
    assert_eq!(pool.table.last_of(0), Some(&several(0, 4)));
    assert_eq!(pool.table.waiting().0, 9);
}

#[test]
fn what_travels_together_but_has_to_be_sent_one_by_one_is_for_all_workers() {
    let mut pool = Pool::new(3);
    pool.start(0);
    pool.start(1);
    pool.workers.have_no_room = true;
    pool.next(2);
    let submitted = pool.table.submit(several(0, 10), pool.now, &mut pool.workers);
    assert_eq!(submitted, Submitted::Queued { wake: Some(1) });
    assert_eq!(pool.next(1), Next::Send);
    assert_eq!(std::mem::take(&mut pool.workers.woken), [0]);
    assert_eq!(pool.next(0), Next::Send);
    assert_eq!(pool.workers.woken, [2]);
    assert_eq!(pool.next(2), Next::Start);
    assert_eq!(pool.table.waiting().0, 8);
}
