//! A pool in a child that was forked off, where it has no threads.

use crate::fixture::{hold, pool};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;
use trine_fixture::{in_forked_child, in_own_process};
use trine_future::Shutdown;
use trine_threads::{Priority, Stats, ThreadPool, WhenFull};

#[test]
fn k15_a_pool_refuses_in_a_forked_child() {
    in_own_process(|| {
        let pool = pool(2);
        assert_eq!(pool.spawn(|| 1).result().unwrap(), 1);
        assert!(in_forked_child(|| {
            let error = pool.spawn(|| 2).result().unwrap_err();
            let rejected = pool.task(|number| number, 3).try_submit().unwrap_err();
            let high = pool.task(|number| number, 3).priority(Priority::High).submit();
            error.is_refused()
                && error.to_string().contains("forked")
                && rejected.is_closed()
                && rejected.argument == 3
                && high.result().unwrap_err().is_refused()
                && pool.stats() == Stats::default()
        }));
        // The parent goes on.
        assert_eq!(pool.spawn(|| 4).result().unwrap(), 4);
    });
}

#[test]
fn k15_a_forked_child_ends_a_pool_without_waiting() {
    in_own_process(|| {
        let pools = [pool(2), pool(2)];
        let held = hold(&pools[0], 2);
        let mut pools = Some(pools);
        assert!(in_forked_child(|| {
            for pool in pools.take().unwrap() {
                let report = pool.shutdown(Shutdown::Drain);
                pool.shutdown_timeout(Shutdown::CancelQueued, Duration::MAX);
                assert!(report.is_complete());
                let awaited =
                    pin!(pool.shutdown_async(Shutdown::Drain)).poll(&mut Context::from_waker(Waker::noop()));
                assert!(awaited.is_ready());
                drop(pool);
            }
            // It can have pools of its own.
            pool(1).spawn(|| 5).result().unwrap() == 5
        }));
        drop(held);
    });
}

#[test]
fn k15_a_full_queue_does_not_block_a_forked_child() {
    in_own_process(|| {
        let pool = ThreadPool::builder()
            .workers(1)
            .queue_limit(1, WhenFull::Block)
            .build()
            .unwrap();
        let held = hold(&pool, 1);
        let queued = pool.spawn(|| 1);
        assert!(in_forked_child(|| pool
            .spawn(|| 2)
            .result()
            .unwrap_err()
            .is_refused()));
        drop(held);
        assert_eq!(queued.result().unwrap(), 1);
    });
}

#[test]
fn k15_a_pool_that_was_made_after_a_fork_is_at_home() {
    in_own_process(|| {
        assert!(in_forked_child(|| true));
        assert_eq!(pool(1).spawn(|| 1).result().unwrap(), 1);
        assert!(in_forked_child(|| {
            let inner = pool(1);
            inner.spawn(|| 1).result().unwrap() == 1
                && in_forked_child(|| inner.spawn(|| 2).result().unwrap_err().is_refused())
        }));
    });
}
