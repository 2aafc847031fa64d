//! `cancel`: tasks really end.

use crate::probe::DropProbe;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use trine_async::{AsyncPool, TaskError, scope};
use trine_fixture::in_own_process;
use trine_future::{Outcome, Until, wait_async};
use trine_lock::Lock;

#[test]
fn a024_a072_k44_a_running_task_is_dropped_at_its_next_await_point() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let (probe, dropped) = DropProbe::new();
        let (started, has_started) = mpsc::channel();
        let future = pool.spawn(async move {
            let _probe = probe;
            started.send(()).unwrap();
            pending::<()>().await;
        });
        has_started.recv().unwrap();
        assert!(future.is_running());
        assert!(future.cancel());
        assert!(future.is_cancelled());
        assert_eq!(dropped.recv(), Ok("dropped"));
        assert!(future.cancel(), "cancelling twice is true twice");
        assert!(future.result().unwrap_err().is_cancelled());
    });
}

#[test]
fn a_task_that_is_cancelled_while_it_is_polled_runs_to_its_next_await_point_and_no_further() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let (polled, cancelled) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let went_on = Arc::new(AtomicBool::new(false));
        let (probe, dropped) = DropProbe::new();
        let future = {
            let (polled, cancelled, went_on) = (polled.clone(), cancelled.clone(), went_on.clone());
            pool.spawn(async move {
                let _probe = probe;
                polled.wait();
                cancelled.wait();
                tokio::task::yield_now().await;
                went_on.store(true, Ordering::Relaxed);
            })
        };
        polled.wait();
        assert!(future.cancel());
        cancelled.wait();
        assert_eq!(dropped.recv(), Ok("dropped"));
        assert!(!went_on.load(Ordering::Relaxed));
        assert!(future.result().unwrap_err().is_cancelled());
    });
}

/// A task that goes on and on with what is ready. On the pool's only thread, which has other tasks as well.
fn ends_although_all_is_ready<F>(turn: impl Fn() -> F + Send + 'static)
where
    F: Future<Output = ()> + Send,
{
    let pool = AsyncPool::new(1).unwrap();
    let (probe, dropped) = DropProbe::new();
    let future = pool.spawn(async move {
        let _probe = probe;
        loop {
            turn().await;
        }
    });
    assert_eq!(pool.spawn(async { 1 }).result().unwrap(), 1);
    assert!(future.cancel());
    assert_eq!(dropped.recv(), Ok("dropped"));
}

#[test]
fn a_task_that_finds_each_lock_free_is_cancelled_and_keeps_nobody() {
    in_own_process(|| {
        let lock = Arc::new(Lock::new(0));
        ends_although_all_is_ready(move || {
            let lock = Arc::clone(&lock);
            async move { *lock.lock_async().await += 1 }
        });
    });
}

#[test]
fn a_task_that_finds_each_future_done_is_cancelled_and_keeps_nobody() {
    in_own_process(|| {
        ends_although_all_is_ready(|| async { trine_future::Future::ready(()).await.unwrap() });
    });
}

#[test]
fn a_task_that_finds_each_of_a_stream_done_is_cancelled_and_keeps_nobody() {
    in_own_process(|| {
        ends_although_all_is_ready(|| async {
            let mut futures = [trine_future::Future::ready(()), trine_future::Future::ready(())];
            wait_async(&mut futures, Until::All).await;
        });
    });
}

#[test]
fn a_task_whose_scopes_and_waits_have_nothing_to_do_is_cancelled_and_keeps_nobody() {
    in_own_process(|| {
        ends_although_all_is_ready(|| async {
            scope(async |_| Ok::<_, TaskError>(())).await.unwrap();
        });
        ends_although_all_is_ready(|| async {
            wait_async(&mut [] as &mut [trine_future::Future<()>], Until::All).await;
        });
    });
}

#[test]
fn a_task_that_submits_and_finds_room_each_time_is_cancelled_and_keeps_nobody() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let handle = pool.handle();
        ends_although_all_is_ready(move || {
            let handle = handle.clone();
            async move { drop(handle.task(async |()| (), ()).submit_async().await) }
        });
    });
}

#[test]
fn a_task_that_has_not_started_never_runs() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let gate = Arc::new(Barrier::new(2));
        let blocker = {
            let gate = Arc::clone(&gate);
            pool.spawn(async move { gate.wait().is_leader() })
        };
        let (probe, dropped) = DropProbe::new();
        let ran = Arc::new(AtomicBool::new(false));
        let future = {
            let ran = Arc::clone(&ran);
            pool.spawn(async move {
                let _probe = probe;
                ran.store(true, Ordering::Relaxed);
            })
        };
        assert!(!future.is_running());
        assert!(future.cancel());
        assert!(future.result().unwrap_err().is_cancelled());
        gate.wait();
        blocker.result().unwrap();
        assert_eq!(dropped.recv(), Ok("dropped"));
        assert!(!ran.load(Ordering::Relaxed));
    });
}

#[test]
fn a_task_that_has_ended_is_not_cancelled() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let mut future = pool.spawn(async { 1 });
        let (sender, outcome) = mpsc::channel();
        future.on_done(move |outcome| sender.send(outcome).unwrap());
        assert_eq!(outcome.recv(), Ok(Outcome::Done));
        assert!(!future.cancel());
        assert_eq!(future.result().unwrap(), 1);
    });
}

#[test]
fn cancelling_a_mapped_future_ends_the_task_behind_it() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let (probe, dropped) = DropProbe::new();
        let (started, has_started) = mpsc::channel();
        let future = pool
            .spawn(async move {
                let _probe = probe;
                started.send(()).unwrap();
                pending::<u32>().await
            })
            .map(|number| number + 1);
        has_started.recv().unwrap();
        assert!(future.cancel());
        assert_eq!(dropped.recv(), Ok("dropped"));
        assert!(future.result().unwrap_err().is_cancelled());
    });
}
