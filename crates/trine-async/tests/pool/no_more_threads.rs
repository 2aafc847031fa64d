//! A system that gives no more threads.

#![cfg(target_os = "linux")]

use crate::probe::poll_once;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use trine_async::{AsyncPool, Shutdown};
use trine_fixture::{in_own_process, limit_address_space};

#[test]
fn a_call_that_the_system_has_no_thread_for_is_refused_and_nothing_of_it_stays() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        assert_eq!(pool.spawn(async { 1 }).result().unwrap(), 1);
        limit_address_space(1 << 20);
        let probe = Arc::new(());
        let held = Arc::clone(&probe);
        let refused = pool.run_blocking(move || drop(held));
        limit_address_space(u64::MAX);
        let error = refused.result().unwrap_err();
        assert!(error.is_refused(), "{error}");
        assert_eq!(Arc::strong_count(&probe), 1);
        assert_eq!(pool.run_blocking(|| 2).result().unwrap(), 2);
        // It would wait for what is queued.
        assert!(pool.shutdown(Shutdown::Drain).is_complete());
    });
}

#[test]
fn an_async_shutdown_waits_for_the_tasks() {
    in_own_process(|| {
        Builder::new_current_thread().build().unwrap().block_on(async {
            let pool = AsyncPool::new(1).unwrap();
            let (ends, end) = oneshot::channel();
            let running = pool.spawn(end);
            assert_eq!(pool.spawn(async { 1 }).await.unwrap(), 1);
            limit_address_space(1 << 20);
            let mut shutdown = Box::pin(pool.shutdown_async(Shutdown::Drain));
            assert!(poll_once(shutdown.as_mut()).is_pending());
            ends.send(2).unwrap();
            assert!(shutdown.await.is_complete());
            assert_eq!(running.await.unwrap(), Ok(2));
        });
    });
}

#[test]
fn an_async_shutdown_with_a_time_out_cancels_the_tasks() {
    in_own_process(|| {
        Builder::new_current_thread().build().unwrap().block_on(async {
            let pool = AsyncPool::new(1).unwrap();
            let endless = pool.spawn(pending::<()>());
            assert_eq!(pool.spawn(async { 1 }).await.unwrap(), 1);
            limit_address_space(1 << 20);
            pool.shutdown_timeout_async(Shutdown::Drain, Duration::MAX).await;
            assert!(endless.await.unwrap_err().is_cancelled());
        });
    });
}
