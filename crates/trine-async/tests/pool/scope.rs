//! Scopes: tasks that borrow, and that end with the async block around them.

mod errors;
mod panics;

use crate::probe::{DropProbe, poll_once};
use std::cell::RefCell;
use std::future::{pending, ready};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use trine_async::{AsyncPool, Scope, Scoped, TaskError, scope};
use trine_fixture::in_own_process;
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

/// Spawns when it is dropped.
struct SpawnsLate(Scope<'static, TaskError>, mpsc::Sender<trine_future::Future<()>>);

impl Drop for SpawnsLate {
    fn drop(&mut self) {
        self.1.send(self.0.spawn(ready(Ok(())))).unwrap();
    }
}

#[test]
fn destructors_find_the_scope_closed_when_it_is_dropped() {
    in_own_process(|| {
        let (sender, spawned) = mpsc::channel();
        let mut scoped = Box::pin(scope(async |scope| {
            let _late = SpawnsLate(scope, sender);
            pending::<Result<()>>().await
        }));
        assert!(poll_once(scoped.as_mut()).is_pending());
        drop(scoped);
        let late = spawned.try_recv().unwrap();
        assert!(late.is_done() && late.result().unwrap_err().is_refused());
    });
}

#[test]
fn destructors_find_the_scope_closed_when_it_has_failed() {
    in_own_process(|| {
        let (sender, spawned) = mpsc::channel();
        let mut scoped = Box::pin(scope(async |scope: Scope<'static, TaskError>| {
            let late = SpawnsLate(scope.clone(), sender);
            scope.spawn_detached(async move {
                let _late = late;
                pending().await
            });
            yield_now().await;
            Result::<()>::Err(failure("the first"))
        }));
        while poll_once(scoped.as_mut()).is_pending() {}
        let late = spawned.try_recv().unwrap();
        assert!(late.is_done() && late.result().unwrap_err().is_refused());
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

#[test]
fn a_task_spawned_into_a_scope_that_waits_wakes_it() {
    #[derive(Default)]
    struct Woken(AtomicBool);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Relaxed);
        }
    }

    in_own_process(|| {
        let (give, given) = mpsc::channel();
        let mut scoped = Box::pin(scope(async |scope: Scope<'static, TaskError>| {
            give.send(scope).unwrap();
            pending::<Result<()>>().await
        }));
        let woken = Arc::new(Woken::default());
        let waker = std::task::Waker::from(Arc::clone(&woken));
        let mut context = std::task::Context::from_waker(&waker);
        assert!(scoped.as_mut().poll(&mut context).is_pending());
        given.recv().unwrap().spawn_detached(ready(Ok(())));
        assert!(woken.0.load(Relaxed));
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
