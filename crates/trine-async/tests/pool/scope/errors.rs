//! An error ends a scope, and the tasks and scopes in it.

use super::{Result, block_on, boxed_tree, failure};
use crate::probe::DropProbe;
use std::future::pending;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;
use std::time::Duration;
use tokio::task::yield_now;
use trine_async::{AsyncPool, Scope, Shutdown, TaskError, scope};
use trine_fixture::in_own_process;
use trine_lock::Lock;

/// Why a scope failed that has another one in it.
#[derive(Debug)]
enum Failed {
    Inner(TaskError),
    Outer(TaskError),
}

impl From<TaskError> for Failed {
    fn from(error: TaskError) -> Self {
        Self::Outer(error)
    }
}

#[test]
fn a086_a088_an_error_of_an_inner_scope_cancels_beside_the_inner_one() {
    in_own_process(|| {
        let (probe, dropped) = DropProbe::new();
        let result: std::result::Result<(), Failed> = block_on(scope(async |outer| {
            outer.spawn_detached(async move {
                let _probe = probe;
                pending::<std::result::Result<(), Failed>>().await
            });
            outer.spawn_detached(async {
                scope(async |inner| {
                    inner.spawn_detached(async { Err::<(), _>(failure("inside")) });
                    pending::<Result<()>>().await
                })
                .await
                .map_err(Failed::Inner)
            });
            pending().await
        }));
        let Err(Failed::Inner(error)) = result else {
            panic!("the error of the inner one is kept")
        };
        assert!(error.to_string().contains("inside"));
        assert_eq!(dropped.try_recv(), Ok("dropped"));
    });
}

#[test]
fn a087_an_error_beside_an_inner_scope_cancels_it_and_is_the_only_one() {
    in_own_process(|| {
        let (probe, dropped) = DropProbe::new();
        let result: std::result::Result<(), Failed> = block_on(scope(async |outer| {
            outer.spawn_detached(async move {
                scope(async |inner| {
                    inner.spawn_detached(async move {
                        let _probe = probe;
                        pending::<Result<()>>().await
                    });
                    pending::<Result<()>>().await
                })
                .await
                .map_err(Failed::Inner)
            });
            yield_now().await;
            Err(Failed::Outer(failure("outside")))
        }));
        let Err(Failed::Outer(error)) = result else {
            panic!("the error of the outer one is kept")
        };
        assert!(error.to_string().contains("outside"));
        assert_eq!(dropped.try_recv(), Ok("dropped"));
    });
}

#[test]
fn a094_children_that_spawn_without_end_stop_at_a_failure() {
    in_own_process(|| {
        let count = AtomicUsize::new(0);
        let error = block_on(scope(async |scope| {
            scope.spawn_detached(boxed_tree(scope.clone(), u32::MAX, &count));
            for _ in 0..6 {
                yield_now().await;
            }
            Err::<(), _>(failure("enough"))
        }));
        assert!(error.unwrap_err().to_string().contains("enough"));
        // Nobody polls them any more: all that borrows has gone.
        assert!(count.into_inner() < 1000);
    });
}

#[test]
fn a102_k48_an_error_does_not_hide_that_the_task_around_was_cancelled() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let (give, given) = mpsc::channel::<trine_async::Future<Result<()>>>();
        let (keep, kept) = mpsc::channel();
        let (probe, dropped) = DropProbe::new();
        let task = pool.spawn(async move {
            let result = scope(async |scope| {
                scope.spawn_detached(async move {
                    let outer = given.recv().unwrap();
                    assert!(outer.cancel());
                    keep.send(outer).unwrap();
                    Err::<(), _>(failure("at the same time"))
                });
                let _probe = probe;
                pending::<Result<()>>().await
            })
            .await;
            assert!(result.is_err());
            pending::<()>().await;
            result
        });
        give.send(task).unwrap();
        let task = kept.recv().unwrap();
        assert_eq!(dropped.recv(), Ok("dropped"));
        assert!(task.result().unwrap_err().is_cancelled());
        // Nothing is left that the end of the pool would wait for.
        assert!(pool.shutdown(Shutdown::Drain).is_complete());
    });
}

#[test]
fn a104_k49_what_a_failing_child_has_spawned_is_dropped() {
    in_own_process(|| {
        let (probe, dropped) = DropProbe::new();
        let error = block_on(scope(async |scope| {
            let handle = scope.clone();
            scope.spawn_detached(async move {
                handle.spawn_detached(async move {
                    let _probe = probe;
                    pending::<Result<()>>().await
                });
                Err::<(), _>(failure("at once"))
            });
            pending::<Result<()>>().await
        }));
        assert!(error.is_err());
        assert_eq!(dropped.try_recv(), Ok("dropped"));
    });
}

#[test]
fn a105_after_an_error_that_is_handled_the_code_around_goes_on() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let task = pool.spawn(async {
            let error = scope(async |_: Scope<'_, TaskError>| Err::<(), _>(failure("handled"))).await;
            assert!(error.is_err());
            tokio::time::sleep(Duration::from_millis(1)).await;
            7
        });
        assert_eq!(task.result().unwrap(), 7);
    });
}

#[test]
fn the_futures_of_the_tasks_of_a_scope_that_has_failed_are_cancelled() {
    in_own_process(|| {
        let tasks = Lock::new(Vec::new());
        let error = block_on(scope(async |scope| {
            tasks.lock().push(scope.spawn(pending::<Result<()>>()));
            tasks
                .lock()
                .push(scope.spawn(async { Err(failure("the first")) }));
            pending::<Result<()>>().await
        }));
        assert!(error.unwrap_err().to_string().contains("the first"));
        for task in tasks.into_inner() {
            assert!(task.result().unwrap_err().is_cancelled());
        }
    });
}
