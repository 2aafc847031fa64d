//! The end of a pool: drain, cancel, drop, from threads and inside runtimes.

use crate::probe::DropProbe;
use std::cell::RefCell;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;
use std::{panic, thread};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use trine_async::AsyncPool;
use trine_fixture::in_own_process;
use trine_future::{Pool, Shutdown};

#[test]
fn a025_after_a_shutdown_tasks_are_refused() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        pool.shutdown(Shutdown::Drain);
        let (probe, dropped) = DropProbe::new();
        let error = pool
            .spawn(async move {
                let _probe = probe;
            })
            .result()
            .unwrap_err();
        assert!(error.is_refused());
        assert_eq!(
            error.to_string(),
            "the task was not accepted: the async pool was shut down: submit before that, or to another pool"
        );
        assert_eq!(dropped.try_recv(), Ok("dropped"));
        assert!(
            pool.map(async |number: u32| number, [1])
                .next()
                .unwrap()
                .unwrap_err()
                .is_refused()
        );
        pool.shutdown(Shutdown::Drain);
    });
}

#[test]
fn drain_waits_for_tasks_that_wait() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let (open, opened) = oneshot::channel();
        let future = pool.spawn(async move { opened.await.unwrap() });
        thread::scope(|scope| {
            let shutting_down = scope.spawn(|| pool.shutdown(Shutdown::Drain));
            // Once tasks are refused the shutdown has begun.
            while !pool
                .spawn(async {})
                .result()
                .is_err_and(|error| error.is_refused())
            {
                thread::yield_now();
            }
            open.send(5).unwrap();
            shutting_down.join().unwrap();
            assert!(future.is_done());
        });
        assert_eq!(future.result().unwrap(), 5);
    });
}

#[test]
fn two_shutdowns_at_once_both_wait() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let (open, opened) = oneshot::channel();
        let future = pool.spawn(async move { opened.await.unwrap() });
        thread::scope(|scope| {
            let shutdown = || {
                pool.shutdown(Shutdown::Drain);
                assert!(future.is_done());
            };
            scope.spawn(shutdown);
            scope.spawn(shutdown);
            open.send(()).unwrap();
        });
    });
}

#[test]
fn cancel_queued_runs_nothing_that_has_not_started() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let gate = Arc::new(Barrier::new(2));
        let (started, has_started) = mpsc::channel();
        let running = {
            let gate = Arc::clone(&gate);
            pool.spawn(async move {
                started.send(()).unwrap();
                gate.wait();
                tokio::task::yield_now().await;
                1
            })
        };
        has_started.recv().unwrap();
        let queued = pool.spawn(async { 2 });
        thread::scope(|scope| {
            let shutting_down = scope.spawn(|| Pool::shutdown(&pool, Shutdown::CancelQueued));
            while !pool.spawn(async {}).is_done() {
                thread::yield_now();
            }
            gate.wait();
            shutting_down.join().unwrap();
        });
        assert_eq!(running.result().unwrap(), 1);
        assert!(queued.result().unwrap_err().is_cancelled());
    });
}

#[test]
fn drop_runs_the_tasks_to_their_end() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let futures: Vec<_> = (0..100)
            .map(|number| {
                pool.spawn(async move {
                    tokio::task::yield_now().await;
                    number
                })
            })
            .collect();
        drop(pool);
        for (number, future) in futures.into_iter().enumerate() {
            assert!(future.is_done());
            assert_eq!(future.result().unwrap(), number);
        }
    });
}

#[test]
fn drop_while_unwinding_does_not_start_queued_tasks() {
    in_own_process(|| {
        // Nobody drives the runtime before the pool is dropped.
        let runtime = Builder::new_current_thread().build().unwrap();
        let pool = runtime.block_on(async { AsyncPool::current().unwrap() });
        let queued = pool.spawn(async { 1 });
        panic::catch_unwind(AssertUnwindSafe(move || {
            let _pool = pool;
            panic!("the owner fails");
        }))
        .unwrap_err();
        assert!(runtime.block_on(queued).unwrap_err().is_cancelled());
    });
}

#[test]
fn the_threads_of_a_pool_end_with_it() {
    in_own_process(|| {
        thread_local! {
            static PROBE: RefCell<Option<DropProbe>> = const { RefCell::new(None) };
        }
        let ends: [fn(AsyncPool); 3] = [
            drop,
            |pool| _ = pool.shutdown(Shutdown::Drain),
            |pool| {
                let runtime = Builder::new_current_thread().build().unwrap();
                runtime.block_on(pool.shutdown_async(Shutdown::Drain));
            },
        ];
        for end in ends {
            let pool = AsyncPool::new(1).unwrap();
            let (probe, dropped) = DropProbe::new();
            pool.spawn(async move { PROBE.set(Some(probe)) })
                .result()
                .unwrap();
            assert!(dropped.try_recv().is_err());
            end(pool);
            assert_eq!(dropped.try_recv(), Ok("dropped"));
        }
    });
}

#[test]
fn drop_in_async_code_does_not_panic_and_lets_the_tasks_end() {
    in_own_process(|| {
        for runtime in [
            &mut Builder::new_current_thread(),
            Builder::new_multi_thread().worker_threads(1),
        ] {
            let (open, opened) = oneshot::channel();
            let pool = AsyncPool::new(1).unwrap();
            let future = pool.spawn(async move { opened.await.unwrap() });
            runtime.build().unwrap().block_on(async move { drop(pool) });
            assert!(!future.is_done());
            open.send(5).unwrap();
            assert_eq!(future.result().unwrap(), 5);
        }
    });
}

#[test]
fn a_pool_can_be_dropped_by_its_own_task() {
    in_own_process(|| {
        let pool = Arc::new(AsyncPool::new(1).unwrap());
        let (open, opened) = oneshot::channel::<()>();
        let future = {
            let pool = Arc::clone(&pool);
            pool.clone().spawn(async move {
                opened.await.unwrap();
                drop(pool);
                5
            })
        };
        drop(pool);
        open.send(()).unwrap();
        assert_eq!(future.result().unwrap(), 5);
    });
}

#[test]
fn shutdown_in_async_code_does_not_wait() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let (open, opened) = oneshot::channel();
        let future = pool.spawn(async move { opened.await.unwrap() });
        Builder::new_current_thread().build().unwrap().block_on(async {
            pool.shutdown(Shutdown::Drain);
            assert!(!future.is_done());
            assert!(pool.spawn(async {}).await.unwrap_err().is_refused());
            open.send(5).unwrap();
            assert_eq!(future.await.unwrap(), 5);
        });
    });
}

#[test]
fn shutdown_async_waits_for_the_tasks() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let (open, opened) = oneshot::channel();
        let future = pool.spawn(async move { opened.await.unwrap() });
        Builder::new_current_thread().build().unwrap().block_on(async {
            let mut shutdown = Box::pin(pool.shutdown_async(Shutdown::Drain));
            tokio::select! {
                biased;
                _ = &mut shutdown => panic!("a task has not ended"),
                () = std::future::ready(()) => open.send(5).unwrap(),
            }
            shutdown.await;
            assert!(future.is_done());
            pool.shutdown_async(Shutdown::Drain).await;
        });
        assert_eq!(future.result().unwrap(), 5);
    });
}

#[test]
fn dropping_a_pool_on_the_current_runtime_leaves_its_tasks_running() {
    in_own_process(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let pool = runtime.block_on(async { AsyncPool::current().unwrap() });
        let future = pool.spawn(async {
            tokio::task::yield_now().await;
            5
        });
        runtime.block_on(async move { drop(pool) });
        assert!(!future.is_done());
        assert_eq!(runtime.block_on(future).unwrap(), 5);
    });
}

#[test]
fn dropping_a_pool_on_a_runtime_that_nobody_drives_does_not_block() {
    in_own_process(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let pool = runtime.block_on(async { AsyncPool::current().unwrap() });
        let future = pool.spawn(pending::<()>());
        drop(pool);
        assert!(!future.is_done());
    });
}

#[test]
fn what_has_not_started_at_the_deadline_on_another_runtime_goes_on() {
    in_own_process(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let pool = runtime.block_on(async { AsyncPool::current().unwrap() });
        let future = pool.spawn(async { 5 });
        let report = pool.shutdown_timeout(Shutdown::Drain, Duration::ZERO);
        assert_eq!((report.cancelled, report.queued), (0, 1));
        assert_eq!(runtime.block_on(future).unwrap(), 5);
    });
}

#[test]
fn a014_k46_a_shutdown_waits_for_so_long_and_reports_what_it_leaves_behind() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let (open, opened) = mpsc::channel::<()>();
        let (started, has_started) = mpsc::channel();
        let stuck = pool.run_blocking(move || {
            started.send(()).unwrap();
            opened.recv().unwrap();
            5
        });
        has_started.recv().unwrap();
        let report = pool.shutdown_timeout(Shutdown::CancelQueued, Duration::from_millis(1));
        assert_eq!((report.running, report.queued), (1, 0));
        assert!(!report.is_complete());
        // It goes on, on the thread that was left behind.
        open.send(()).unwrap();
        assert_eq!(stuck.result().unwrap(), 5);
    });
}

#[test]
fn at_the_deadline_what_awaits_is_cancelled_and_what_has_ended_is_counted() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let (open, opened) = oneshot::channel::<()>();
        let (probe, dropped) = DropProbe::new();
        let waits = pool.spawn(async move {
            let _probe = probe;
            opened.await
        });
        let ended = pool.spawn(async { 1 });
        // Else the deadline could pass before it is run.
        while !ended.is_done() {
            thread::yield_now();
        }
        let report = pool.shutdown_timeout(Shutdown::Drain, Duration::from_millis(1));
        assert_eq!((report.cancelled, report.running, report.queued), (1, 0, 0));
        assert!(report.ran <= 1);
        assert_eq!(dropped.try_recv(), Ok("dropped"));
        assert!(waits.result().unwrap_err().is_cancelled());
        assert_eq!(ended.result().unwrap(), 1);
        drop(open);
    });
}

#[test]
fn async_code_awaits_the_deadline_of_a_shutdown() {
    in_own_process(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let own = AsyncPool::new(1).unwrap();
        let current = runtime.block_on(async { AsyncPool::current().unwrap() });
        let (on_own, on_current) = (own.spawn(pending::<()>()), current.spawn(pending::<()>()));
        runtime.block_on(async {
            let report = own.shutdown_timeout_async(Shutdown::Drain, Duration::ZERO).await;
            assert_eq!((report.cancelled, report.running), (1, 0));
            assert!(on_own.await.unwrap_err().is_cancelled());
            // A runtime that is somebody else's goes on, and with it what is left.
            let report = current
                .shutdown_timeout_async(Shutdown::Drain, Duration::ZERO)
                .await;
            assert_eq!(report.cancelled, 0);
            assert_eq!(report.running + report.queued, 1);
            assert!(!on_current.is_done());
        });
        assert!(on_current.cancel());
    });
}
