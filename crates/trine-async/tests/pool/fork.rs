//! A pool in a child that was forked off.

use crate::probe::poll_once;
use std::pin::pin;
use trine_async::{AsyncPool, Shutdown, Stats};
use trine_fixture::{in_forked_child, in_own_process};

#[test]
fn a_pool_in_a_forked_child_refuses_tasks_and_ends_at_once() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        assert!(in_forked_child(|| {
            let refused = [
                pool.spawn(async { 1 }),
                pool.run_blocking(|| 1),
                pool.submit(async |number: u32| number, 1),
            ];
            let are_refused = refused
                .map(|future| future.result().is_err_and(|error| error.is_refused()))
                .iter()
                .all(|&refused| refused);
            pool.shutdown(Shutdown::Drain);
            drop(pool);
            are_refused
        }));
    });
}

#[test]
fn a_pool_in_a_forked_child_has_nothing_to_count_and_nothing_to_await() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        assert!(in_forked_child(|| {
            pool.stats() == Stats::default()
                && poll_once(pin!(pool.shutdown_async(Shutdown::Drain))).is_ready()
        }));
    });
}
