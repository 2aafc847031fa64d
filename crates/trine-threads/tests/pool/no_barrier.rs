//! A program that forbids itself, after its pool was made, the call of the system on which joins rely.

use crate::fixture::pool;
use std::sync::Barrier;
use trine_fixture::{deny, in_own_process};
use trine_threads::ThreadPool;

/// Each half of a join waits for the other one, so the second is stolen.
fn meet(pool: &ThreadPool) {
    let handle = pool.handle();
    let both = pool.spawn(move || {
        let meeting = Barrier::new(2);
        let meet = || {
            meeting.wait();
        };
        handle.join(meet, meet);
    });
    both.result().unwrap();
}

#[test]
fn a_job_is_stolen_although_the_barrier_was_forbidden_before_the_first_one() {
    in_own_process(|| {
        let pool = pool(2);
        pool.spawn(|| ()).result().unwrap();
        deny(&[libc::SYS_membarrier]);
        (0..100).for_each(|_| meet(&pool));
    });
}

#[test]
fn a_job_is_stolen_although_the_barrier_was_forbidden_after_some() {
    in_own_process(|| {
        let pool = pool(2);
        (0..100).for_each(|_| meet(&pool));
        deny(&[libc::SYS_membarrier]);
        (0..100).for_each(|_| meet(&pool));
    });
}
