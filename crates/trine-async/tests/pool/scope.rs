//! Scopes: tasks that borrow, and that end with the async block around them.

use crate::probe::{DropProbe, poll_once};
use std::cell::RefCell;
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use trine_async::{AsyncPool, Scope, Scoped, Shutdown, TaskError, scope};
use trine_fixture::in_own_process;
use trine_future::set_failure_hook;
use trine_lock::Lock;

fn block_on<F: Future>(future: F) -> F::Output {
    Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(future)
}

type Result<T> = std::result::Result<T, TaskError>;

fn failure(text: &str) -> TaskError {
    TaskError::refused(text)
}

#[test]
fn children_borrow_and_run_side_by_side() {
    in_own_process(|| {
        let pages = ["one".to_owned(), "three".to_owned()];
        let order = Lock::new(Vec::new());
        let sum = block_on(scope(async |scope| {
            let lengths = pages.each_ref().map(|page| {
                let order = &order;
                scope.spawn(async move {
                    order.lock().push(format!("{page} begins"));
                    yield_now().await;
                    order.lock().push(format!("{page} ends"));
                    Ok(page.len())
                })
            });
            let mut sum = 0;
            for length in lengths {
                sum += length.await?;
            }
            Ok::<_, TaskError>(sum)
        }));
        assert_eq!(sum.unwrap(), 8);
        // In what order they are woken is the runtime's business.
        let mut order = order.into_inner();
        order[2..].sort_unstable();
        assert_eq!(order, ["one begins", "three begins", "one ends", "three ends"]);
    });
}

#[test]
fn a_scope_waits_for_children_that_nobody_awaits() {
    in_own_process(|| {
        let count = AtomicUsize::new(0);
        block_on(scope(async |scope| {
            for _ in 0..10 {
                scope.spawn_detached(async {
                    yield_now().await;
                    count.fetch_add(1, Relaxed);
                    Ok(())
                });
            }
            Result::Ok(())
        }))
        .unwrap();
        assert_eq!(count.into_inner(), 10);
    });
}

#[test]
fn a082_a083_a_scope_that_is_dropped_drops_its_body_and_children() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let (probe, dropped) = DropProbe::new();
        let probe = Arc::new(probe);
        let (started, have_started) = mpsc::channel();
        let task = pool.spawn(async move {
            scope(async |scope| {
                for _ in 0..5 {
                    let (probe, started) = (Arc::clone(&probe), started.clone());
                    scope.spawn_detached(async move {
                        let _probe = probe;
                        started.send(()).unwrap();
                        pending::<Result<()>>().await
                    });
                }
                // The body's own cleanup.
                let _probe = Arc::clone(&probe);
                pending::<Result<()>>().await
            })
            .await
        });
        for _ in 0..5 {
            have_started.recv().unwrap();
        }
        assert!(task.cancel());
        assert!(task.result().unwrap_err().is_cancelled());
        // By the last of those who have it.
        assert_eq!(dropped.recv(), Ok("dropped"));
    });
}

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

fn boxed_tree<'env>(
    scope: Scope<'env, TaskError>,
    depth: u32,
    count: &'env AtomicUsize,
) -> std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send + 'env>> {
    Box::pin(async move {
        count.fetch_add(1, Relaxed);
        yield_now().await;
        for _ in 0..if depth == 0 { 0 } else { 2 } {
            scope.spawn_detached(boxed_tree(scope.clone(), depth - 1, count));
        }
        Ok(())
    })
}

#[test]
fn a093_children_spawn_children() {
    in_own_process(|| {
        let count = AtomicUsize::new(0);
        block_on(scope(async |scope| boxed_tree(scope, 6, &count).await)).unwrap();
        assert_eq!(count.into_inner(), 127);
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
fn a103_a_scope_that_has_ended_keeps_nothing() {
    in_own_process(|| {
        let kept = Arc::new(());
        for fails in [false, true] {
            let result = block_on(scope(async |scope| {
                for _ in 0..3 {
                    let (own, handle) = (Arc::clone(&kept), scope.clone());
                    scope.spawn_detached(async move {
                        let (_own, _handle) = (own, handle);
                        if fails {
                            pending::<Result<()>>().await
                        } else {
                            Ok(())
                        }
                    });
                }
                yield_now().await;
                if fails { Err(failure("the end")) } else { Ok(()) }
            }));
            assert_eq!(result.is_err(), fails);
            assert_eq!(Arc::strong_count(&kept), 1);
        }
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
fn a_cancelled_child_ends_alone() {
    in_own_process(|| {
        let (probe, dropped) = DropProbe::new();
        let value = block_on(scope(async |scope| {
            let child = scope.spawn(async move {
                let _probe = probe;
                pending::<Result<()>>().await
            });
            let other = scope.spawn(async {
                yield_now().await;
                Ok(7)
            });
            yield_now().await;
            assert!(child.is_running());
            assert!(child.cancel());
            assert!(child.await.unwrap_err().is_cancelled());
            other.await
        }));
        assert_eq!(value.unwrap(), 7);
        assert_eq!(dropped.try_recv(), Ok("dropped"));
    });
}

#[test]
fn after_its_end_a_scope_takes_no_tasks() {
    in_own_process(|| {
        let (probe, dropped) = DropProbe::new();
        let late: Scope<'static, TaskError> =
            block_on(scope(async |scope| Result::Ok(scope.clone()))).unwrap();
        let future = late.spawn(async move {
            let _probe = probe;
            Ok(())
        });
        assert!(block_on(future).unwrap_err().is_refused());
        assert_eq!(dropped.try_recv(), Ok("dropped"));
    });
}

#[test]
fn a_task_spawned_on_another_thread_wakes_the_scope() {
    in_own_process(|| {
        let (give, given) = oneshot::channel::<Scope<'static, TaskError>>();
        let thread = std::thread::spawn(move || {
            let scope = given.blocking_recv().unwrap();
            scope.spawn(ready(Ok(7)))
        });
        let (end, ended) = oneshot::channel();
        let value = block_on(scope(async |scope| {
            give.send(scope.clone()).unwrap();
            // The body waits for what the thread's task has given.
            let spawned = tokio::task::spawn_blocking(move || thread.join().unwrap());
            end.send(spawned.await.unwrap().await?).unwrap();
            Result::Ok(())
        }));
        value.unwrap();
        assert_eq!(block_on(ended).unwrap(), 7);
    });
}

/// Compiles only if a scope can be part of a task that moves between threads.
#[test]
fn a_scope_is_send_if_what_is_in_it_is() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let borrowed = String::from("trine");
    let scoped: Scoped<'_, _, _, TaskError> = is_send(scope(async |scope| {
        let length = scope.spawn(async { Ok(borrowed.len()) });
        yield_now().await;
        length.await
    }));
    assert_eq!(block_on(scoped).unwrap(), 5);
}

#[test]
fn a_scope_runs_without_any_runtime() {
    in_own_process(|| {
        let log = RefCell::new(Vec::new());
        let ended = scope(async |scope| {
            let child = scope.spawn(async { Ok(7) });
            let value = child.await?;
            log.borrow_mut().push(value);
            Result::Ok(())
        });
        let mut ended = std::pin::pin!(ended);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        // Once to run the body and the child, and once for the body, which the child has woken.
        while ended.as_mut().poll(&mut context).is_pending() {}
        assert_eq!(*log.borrow(), [7]);
    });
}

#[test]
fn a_waker_that_is_dropped_may_spawn_into_the_scope_that_has_it() {
    type Shared = Arc<std::sync::Mutex<Option<Scope<'static, TaskError>>>>;

    struct Spawns(Shared);

    impl std::task::Wake for Spawns {
        fn wake(self: Arc<Self>) {}
    }

    impl Drop for Spawns {
        fn drop(&mut self) {
            let scope = self.0.lock().unwrap().take();
            scope.unwrap().spawn_detached(async { Ok(()) });
        }
    }

    in_own_process(|| {
        let shared = Shared::default();
        let ended = scope(async |scope: Scope<'static, TaskError>| {
            *shared.lock().unwrap() = Some(scope);
            std::future::pending::<Result<()>>().await
        });
        let mut ended = std::pin::pin!(ended);
        for waker in [
            std::task::Waker::from(Arc::new(Spawns(Arc::clone(&shared)))),
            std::task::Waker::noop().clone(),
        ] {
            let mut context = std::task::Context::from_waker(&waker);
            assert!(ended.as_mut().poll(&mut context).is_pending());
        }
        assert!(shared.lock().unwrap().is_none());
    });
}

#[test]
fn the_first_error_is_that_of_the_scope_though_the_body_panics_when_it_is_dropped() {
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("expected");
        }
    }

    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let failed = pool.spawn(scope(async |scope| {
            let _bomb = Bomb;
            scope.spawn_detached(async { Err(TaskError::refused("the first error")) });
            std::future::pending::<Result<()>>().await
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
fn a_scope_beside_one_that_finds_all_ready_has_its_turn() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let both = pool.spawn(async {
            let has_run = AtomicBool::new(false);
            let busy = async {
                // As many as may be ready in a row, each time.
                while !has_run.load(Relaxed) {
                    for _ in 0..128 {
                        trine_future::Future::ready(()).await.unwrap();
                    }
                    yield_now().await;
                }
            };
            let scope = scope(async |_| {
                has_run.store(true, Relaxed);
                Ok::<_, TaskError>(())
            });
            futures_util::future::join(busy, scope).await.1
        });
        both.result().unwrap().unwrap();
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
