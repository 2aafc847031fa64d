//! Panics of bodies, tasks and destructors in a scope.

use super::{Result, block_on, failure};
use crate::probe::{DropProbe, poll_once};
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::task::Poll;
use tokio::task::yield_now;
use trine_async::{AsyncPool, Scope, TaskError, scope};
use trine_fixture::in_own_process;
use trine_future::set_failure_hook;
use trine_lock::Lock;

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a destructor");
    }
}

#[test]
fn a084_a_panic_of_a_child_while_it_is_cancelled_is_told_and_ends_no_other() {
    in_own_process(|| {
        let (sender, failures) = mpsc::channel();
        set_failure_hook(move |failure| sender.send(failure.to_string()).unwrap());
        let (probe, dropped) = DropProbe::new();
        let error = block_on(scope(async |scope| {
            for _ in 0..2 {
                scope.spawn_detached(async {
                    let _bomb = Bomb;
                    pending::<Result<()>>().await
                });
            }
            scope.spawn_detached(async move {
                let _probe = probe;
                pending::<Result<()>>().await
            });
            yield_now().await;
            Err::<(), _>(failure("the first"))
        }));
        assert!(error.unwrap_err().to_string().contains("the first"));
        assert_eq!(dropped.try_recv(), Ok("dropped"));
        let failures: Vec<String> = failures.try_iter().collect();
        assert_eq!(failures.len(), 2, "{failures:?}");
        assert!(failures.iter().all(|failure| failure.contains("a destructor")));
    });
}

#[test]
fn values_whose_destructors_panic_are_told_and_replace_no_error() {
    in_own_process(|| {
        let (sender, failures) = mpsc::channel();
        set_failure_hook(move |failure| sender.send(failure.to_string()).unwrap());
        // The body has returned one when a task fails.
        let error = block_on(scope(async |scope| {
            scope.spawn_detached(async {
                yield_now().await;
                Err(failure("the first"))
            });
            Ok(Bomb)
        }));
        assert!(error.err().unwrap().to_string().contains("the first"));
        // A task returns one though it was cancelled, and is not the last one.
        let itself = Lock::new(None);
        let ended = block_on(scope(async |scope| {
            let task = scope.spawn(async {
                yield_now().await;
                assert!(
                    itself
                        .lock()
                        .take()
                        .is_some_and(|task: trine_future::Future<Bomb>| task.cancel())
                );
                Ok(Bomb)
            });
            *itself.lock() = Some(task);
            let other = scope.spawn(async {
                yield_now().await;
                yield_now().await;
                Ok(3)
            });
            other.await
        }));
        assert_eq!(ended.unwrap(), 3);
        assert_eq!(
            failures
                .try_iter()
                .filter(|failure| failure.contains("a destructor"))
                .count(),
            2
        );
    });
}

#[test]
fn a_panic_of_a_child_is_the_error_of_the_scope() {
    in_own_process(|| {
        let error = block_on(scope(async |scope| {
            scope.spawn_detached(async {
                yield_now().await;
                panic!("no such page");
                #[allow(unreachable_code, reason = "it says what the task returns")]
                Ok(())
            });
            pending::<Result<()>>().await
        }));
        assert_eq!(error.unwrap_err().panic().unwrap().message(), "no such page");
    });
}

#[test]
fn a_panic_of_the_destructor_of_a_task_is_the_error_of_the_scope() {
    in_own_process(|| {
        let (sender, failures) = mpsc::channel();
        set_failure_hook(move |failure| sender.send(failure.to_string()).unwrap());
        let task = Lock::new(None);
        let error = block_on(scope(async |scope| {
            let bomb = Bomb;
            *task.lock() = Some(scope.spawn(poll_fn(move |_| {
                let _owned = &bomb;
                Poll::Ready(Ok(Bomb))
            })));
            pending::<Result<()>>().await
        }));
        assert_eq!(error.unwrap_err().panic().unwrap().message(), "a destructor");
        let task = task.into_inner().unwrap();
        assert!(task.result().err().unwrap().is_cancelled());
        // That of its value comes second.
        assert_eq!(failures.try_iter().count(), 1);
    });
}

#[test]
fn a_panic_of_the_destructor_of_a_task_that_fails_is_told_and_replaces_no_error() {
    in_own_process(|| {
        let (sender, failures) = mpsc::channel();
        set_failure_hook(move |failure| sender.send(failure.to_string()).unwrap());
        let error = block_on(scope(async |scope| {
            let bomb = Bomb;
            scope.spawn_detached(poll_fn(move |_| {
                let _owned = &bomb;
                Poll::Ready(Err(failure("the first")))
            }));
            pending::<Result<()>>().await
        }));
        assert!(error.unwrap_err().to_string().contains("the first"));
        let failures: Vec<String> = failures.try_iter().collect();
        assert_eq!(failures.len(), 1, "{failures:?}");
        assert!(failures[0].contains("a destructor"), "{failures:?}");
    });
}

#[test]
fn the_first_error_is_that_of_the_scope_though_the_body_panics_when_it_is_dropped() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let failed = pool.spawn(scope(async |scope| {
            let _bomb = Bomb;
            scope.spawn_detached(async { Err(TaskError::refused("the first error")) });
            pending::<Result<()>>().await
        }));
        let error = failed.result().unwrap().unwrap_err();
        assert!(error.to_string().contains("the first error"), "{error}");
    });
}

#[test]
fn a_panic_of_the_body_keeps_its_place() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let (begun, end) = (line!(), 10);
        let panics = pool.spawn(scope(async |_: Scope<'_, TaskError>| -> Result<()> {
            panic!("no such page")
        }));
        let error = panics.result().unwrap_err();
        let location = error.panic().unwrap().location().unwrap();
        let line: u32 = location.rsplit(':').nth(1).unwrap().parse().unwrap();
        assert!((begun..begun + end).contains(&line), "{location}");
    });
}

#[test]
fn a_panic_of_the_body_goes_on_when_its_children_are_dropped() {
    in_own_process(|| {
        let (probe, dropped) = DropProbe::new();
        let mut panics = Box::pin(scope(async |scope: Scope<'_, TaskError>| -> Result<()> {
            scope.spawn_detached(async move {
                let _probe = probe;
                pending().await
            });
            yield_now().await;
            panic!("no such page")
        }));
        assert!(poll_once(panics.as_mut()).is_pending());
        let poll = AssertUnwindSafe(|| poll_once(panics.as_mut()));
        let payload = catch_unwind(poll).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"no such page"));
        // The scope itself is still there.
        assert_eq!(dropped.try_recv(), Ok("dropped"));
    });
}
