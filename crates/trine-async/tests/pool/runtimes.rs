//! Whose runtime the tasks run on, and who waits for them.

use crate::probe::DropProbe;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep};
use trine_async::AsyncPool;
use trine_fixture::in_own_process;
use trine_future::{Promise, as_completed};

#[test]
fn a_pool_has_a_thread_or_more() {
    in_own_process(|| {
        assert!(AsyncPool::new(0).unwrap_err().is_no_workers());
        assert_eq!(AsyncPool::new(2).unwrap().workers(), 2);
        assert!(AsyncPool::with_default_workers().unwrap().workers() >= 1);
    });
}

#[test]
fn there_is_no_current_runtime_on_a_plain_thread() {
    in_own_process(|| {
        let error = AsyncPool::current().unwrap_err();
        assert!(error.is_no_runtime());
        assert_eq!(
            error.to_string(),
            "there is no current tokio runtime here: call this inside one, or use AsyncPool::new"
        );
    });
}

/// Only the runtime of this test has the paused clock, so the hours pass at once only if the tasks run on it.
#[test]
fn the_current_runtime_runs_the_tasks() {
    in_own_process(|| {
        let paused = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        paused.block_on(async {
            let pool = AsyncPool::current().unwrap();
            let begin = Instant::now();
            let futures = [3, 1, 2].map(|hours| {
                pool.spawn(async move {
                    sleep(Duration::from_secs(hours * 3600)).await;
                    hours
                })
            });
            for (future, hours) in futures.into_iter().zip([3, 1, 2]) {
                assert_eq!(future.await.unwrap(), hours);
            }
            assert_eq!(begin.elapsed().as_secs() / 3600, 3);
        });
    });
}

#[test]
fn a_task_that_its_runtime_drops_fails() {
    in_own_process(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let pool = runtime.block_on(async { AsyncPool::current().unwrap() });
        let (probe, dropped) = DropProbe::new();
        let running = pool.spawn(async move {
            let _probe = probe;
            pending::<()>().await;
        });
        runtime.block_on(tokio::task::yield_now());
        assert!(running.is_running());
        let queued = pool.spawn(async {});
        drop(runtime);
        assert_eq!(dropped.try_recv(), Ok("dropped"));
        assert!(running.result().unwrap_err().is_abandoned());
        for never_begun in [queued, pool.spawn(async {}), pool.run_blocking(|| ())] {
            let error = never_begun.result().unwrap_err();
            assert!(error.is_refused(), "{error}");
            assert!(
                error
                    .to_string()
                    .contains("the runtime of the async pool is gone"),
                "{error}"
            );
        }
    });
}

#[test]
fn a_panic_of_a_task_that_its_runtime_drops_is_its_result() {
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a destructor");
        }
    }

    in_own_process(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let pool = runtime.block_on(async { AsyncPool::current().unwrap() });
        let bomb = Bomb;
        let running = pool.spawn(async move {
            let _bomb = bomb;
            pending::<()>().await;
        });
        drop(runtime);
        let error = running.result().unwrap_err();
        assert_eq!(error.panic().unwrap().message(), "a destructor");
    });
}

#[test]
fn a_runtime_that_is_gone_is_not_touched_by_cancel() {
    in_own_process(|| {
        let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let pool = runtime.block_on(async { AsyncPool::current().unwrap() });
        let future = pool.spawn(pending::<()>());
        while !future.is_running() {
            thread::yield_now();
        }
        drop(runtime);
        assert!(!future.cancel(), "it has failed");
        assert!(future.result().unwrap_err().is_abandoned());
    });
}

#[test]
fn another_runtime_can_await() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let other = Builder::new_current_thread().build().unwrap();
        let future = pool.spawn(async { 5 });
        assert_eq!(other.block_on(future).unwrap(), 5);
    });
}

#[test]
fn code_without_any_runtime_can_await() {
    in_own_process(|| {
        struct Unpark(Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let pool = AsyncPool::new(1).unwrap();
        let mut future = pin!(pool.spawn(async {
            tokio::task::yield_now().await;
            5
        }));
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let result = loop {
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(result) => break result,
                Poll::Pending => thread::park(),
            }
        };
        assert_eq!(result.unwrap(), 5);
    });
}

#[test]
fn a_task_awaits_a_task_of_another_pool_and_a_promise() {
    in_own_process(|| {
        let (first, second) = (AsyncPool::new(1).unwrap(), AsyncPool::new(1).unwrap());
        let (promise, promised) = Promise::new();
        let inner = first.spawn(async move { promised.await.map(|number: u32| number + 1) });
        let outer = second.spawn(async move { inner.await.flatten().map(|number| number + 1) });
        promise.complete(1).unwrap();
        assert_eq!(outer.result().unwrap().unwrap(), 3);
    });
}

#[test]
fn dropping_an_await_does_not_stop_the_task() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let (promise, promised) = Promise::<u32>::new();
        let (sender, receiver) = std::sync::mpsc::channel();
        let future = pool.spawn(async move { sender.send(promised.await.unwrap()).unwrap() });
        let mut future = Box::pin(future);
        assert!(
            future
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
        drop(future);
        promise.complete(5).unwrap();
        assert_eq!(receiver.recv(), Ok(5));
    });
}

#[test]
fn plain_threads_can_wait_for_many() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let futures = (0..5u32).map(|number| (number, pool.spawn(async move { number * number })));
        let mut squares: Vec<(u32, u32)> = as_completed(futures)
            .map(|(number, future)| (number, future.result().unwrap()))
            .collect();
        squares.sort_unstable();
        assert_eq!(squares, [(0, 0), (1, 1), (2, 4), (3, 9), (4, 16)]);
    });
}
