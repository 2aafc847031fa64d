//! Time-outs of tasks.

use crate::probe::DropProbe;
use std::future::{Future as _, pending};
use std::sync::mpsc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{sleep, timeout};
use trine_async::{AsyncPool, Future};
use trine_fixture::in_own_process;
use trine_future::Promise;

const SECOND: Duration = Duration::from_secs(1);

/// A runtime whose clock goes on to the next timer when nothing else is to be done.
fn paused() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
}

async fn seconds(seconds: u32) -> u32 {
    sleep(SECOND * seconds).await;
    seconds
}

#[test]
fn a106_a115_a_task_that_takes_too_long_has_ended_when_that_is_told() {
    in_own_process(|| {
        paused().block_on(async {
            let pool = AsyncPool::current().unwrap();
            let (probe, dropped) = DropProbe::new();
            let slow = async move |_: ()| {
                let _probe = probe;
                seconds(3600).await
            };
            let error = pool.task(slow, ()).timeout(SECOND).submit().await.unwrap_err();
            assert!(error.is_timed_out());
            let text = error.to_string();
            assert!(text.contains("was stopped: it ran longer than 1s"), "{text}");
            assert!(text.contains("a106_a115"), "{text}");
            assert_eq!(dropped.try_recv(), Ok("dropped"));
        });
    });
}

#[test]
fn a107_a118_with_no_time_a_task_runs_to_where_it_has_to_wait() {
    in_own_process(|| {
        paused().block_on(async {
            let pool = AsyncPool::current().unwrap();
            let (probe, dropped) = DropProbe::new();
            let (started, has_started) = mpsc::channel();
            let waits = async move |_: ()| {
                let _probe = probe;
                started.send(()).unwrap();
                pending::<()>().await;
            };
            let error = pool
                .task(waits, ())
                .timeout(Duration::ZERO)
                .submit()
                .await
                .unwrap_err();
            assert!(error.is_timed_out());
            assert!(has_started.try_recv().is_ok());
            assert_eq!(dropped.try_recv(), Ok("dropped"));
        });
    });
}

#[test]
fn a108_a_time_out_that_is_not_reached_has_no_effect() {
    in_own_process(|| {
        paused().block_on(async {
            let pool = AsyncPool::current().unwrap();
            let with = pool.task(seconds, 1).timeout(2 * SECOND).submit();
            let longest = pool.task(seconds, 2).timeout(Duration::MAX).submit();
            let without = pool.task(seconds, 3).submit();
            assert_eq!(with.await.unwrap(), 1);
            assert_eq!(longest.await.unwrap(), 2);
            assert_eq!(without.await.unwrap(), 3);
        });
    });
}

#[test]
fn a110_of_nested_time_outs_the_right_one_reports() {
    in_own_process(|| {
        paused().block_on(async {
            let pool = AsyncPool::current().unwrap();
            for (outer, inner) in [(1, 5), (5, 1)] {
                let handle = pool.handle();
                let nested = async move |_: ()| {
                    let inner = handle.task(seconds, 3600).timeout(SECOND * inner).submit();
                    inner.cancel_on_drop().await
                };
                let result = pool.task(nested, ()).timeout(SECOND * outer).submit().await;
                if outer < inner {
                    assert!(result.unwrap_err().is_timed_out(), "the outer one");
                } else {
                    assert!(result.unwrap().unwrap_err().is_timed_out(), "the inner one");
                }
            }
        });
    });
}

#[test]
fn a111_a_task_goes_on_after_a_time_out_that_it_handles() {
    in_own_process(|| {
        paused().block_on(async {
            let pool = AsyncPool::current().unwrap();
            let handle = pool.handle();
            let task = pool.spawn(async move {
                let inner = handle.task(seconds, 3600).timeout(SECOND).submit();
                assert!(inner.await.unwrap_err().is_timed_out());
                seconds(1).await
            });
            assert_eq!(task.await.unwrap(), 1);
        });
    });
}

#[test]
fn a112_a_task_that_is_cancelled_in_time_is_cancelled() {
    in_own_process(|| {
        paused().block_on(async {
            let pool = AsyncPool::current().unwrap();
            let task = pool.task(seconds, 3600).timeout(2 * SECOND).submit();
            sleep(SECOND).await;
            assert!(task.cancel());
            sleep(2 * SECOND).await;
            assert!(task.await.unwrap_err().is_cancelled());
        });
    });
}

#[test]
fn a119_a_value_that_is_there_at_once_counts() {
    in_own_process(|| {
        paused().block_on(async {
            let pool = AsyncPool::current().unwrap();
            let (promise, promised) = Promise::new();
            let waits = async |promised: Future<u32>| promised.await;
            let task = pool.task(waits, promised).timeout(Duration::ZERO).submit();
            // Before the task is polled for the first time.
            promise.complete(7).unwrap();
            assert_eq!(task.await.unwrap().unwrap(), 7);
        });
    });
}

#[test]
fn a120_giving_up_a_wait_can_end_the_task() {
    in_own_process(|| {
        paused().block_on(async {
            let pool = AsyncPool::current().unwrap();
            for timed in [true, false] {
                let (probe, dropped) = DropProbe::new();
                let (started, has_started) = tokio::sync::oneshot::channel();
                let task = pool.spawn(async move {
                    let _probe = probe;
                    started.send(()).unwrap();
                    pending::<()>().await;
                });
                has_started.await.unwrap();
                let wait = task.cancel_on_drop();
                if timed {
                    assert!(timeout(SECOND, wait).await.is_err());
                } else {
                    let mut wait = Box::pin(wait);
                    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                    assert!(wait.as_mut().poll(&mut context).is_pending());
                    drop(wait);
                }
                tokio::task::yield_now().await;
                assert_eq!(dropped.try_recv(), Ok("dropped"));
            }
        });
    });
}

#[test]
fn a_runtime_without_timers_says_so() {
    in_own_process(|| {
        Builder::new_current_thread().build().unwrap().block_on(async {
            let pool = AsyncPool::current().unwrap();
            let error = pool.task(async |_: ()| pending::<()>().await, ()).timeout(SECOND);
            let error = error.submit().await.unwrap_err();
            assert!(
                error.panic().unwrap().message().contains("timers are disabled"),
                "{error}"
            );
        });
    });
}
