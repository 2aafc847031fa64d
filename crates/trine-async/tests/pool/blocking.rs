//! `run_blocking`, and the pool as one of plain functions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use tokio::runtime::Builder;
use trine_async::{AsyncPool, Executor, Shutdown, TaskError};
use trine_fixture::in_own_process;
use trine_future::cancelled;

#[test]
fn a008_a015_a_call_runs_once_beside_the_threads_of_the_tasks() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let result = {
            let (handle, calls) = (pool.handle(), Arc::clone(&calls));
            pool.spawn(async move {
                let task = thread::current().id();
                let call = handle.run_blocking(move || {
                    calls.fetch_add(1, Relaxed);
                    thread::current().id()
                });
                (task, call.await.unwrap())
            })
        };
        let (task, call) = result.result().unwrap();
        assert_ne!(task, call);
        assert_eq!(calls.load(Relaxed), 1);
    });
}

#[test]
fn a016_errors_and_panics_of_a_call_come_back() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let number = pool.run_blocking(|| "many".parse::<u32>());
        let panics = pool.run_blocking(|| panic!("no such page"));
        Builder::new_current_thread().build().unwrap().block_on(async {
            assert!(number.await.unwrap().is_err());
            let error = panics.await.unwrap_err();
            assert_eq!(error.panic().unwrap().message(), "no such page");
        });
        assert_eq!(pool.run_blocking(|| 1).result().unwrap(), 1);
    });
}

#[test]
fn a017_ten_calls_run_at_once() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        // None passes before all are there.
        let barrier = Arc::new(std::sync::Barrier::new(10));
        let calls: Vec<_> = (0..10)
            .map(|number| {
                let barrier = Arc::clone(&barrier);
                pool.run_blocking(move || {
                    barrier.wait();
                    number
                })
            })
            .collect();
        for (number, call) in calls.into_iter().enumerate() {
            assert_eq!(call.result().unwrap(), number);
        }
    });
}

#[test]
fn a_call_that_runs_is_asked_to_stop() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let call = pool.run_blocking(|| {
            while !cancelled() {
                thread::yield_now();
            }
            "as far as I got"
        });
        while !call.is_running() {
            thread::yield_now();
        }
        assert!(!call.cancel());
        assert!(call.request_cancel());
        assert_eq!(call.result().unwrap(), "as far as I got");
    });
}

#[test]
fn plain_functions_run_through_the_adapter() {
    in_own_process(|| {
        fn total<E, F>(pool: &E, double: F) -> u64
        where
            E: Executor<F, u64, Output = u64>,
            F: Clone,
        {
            let first = pool.submit(double.clone(), 1).result().unwrap();
            let others: Result<u64, TaskError> = pool.map(double, [2, 3]).sum();
            first + others.unwrap()
        }
        let pool = AsyncPool::new(1).unwrap();
        assert_eq!(total(&pool.blocking(), |number| 2 * number), 12);
        assert_eq!(total(&pool.handle(), async |number| 2 * number), 12);
        pool.shutdown(Shutdown::Drain);
        let refused = pool.blocking().submit(|number: u64| number, 1);
        assert!(refused.result().unwrap_err().is_refused());
    });
}

#[test]
fn a_call_is_refused_if_its_runtime_is_gone() {
    in_own_process(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let pool = runtime.block_on(async { AsyncPool::current().unwrap() });
        drop(runtime);
        let error = pool.run_blocking(|| 1).result().unwrap_err();
        assert!(error.is_refused());
        assert!(
            error
                .to_string()
                .contains("the runtime of the async pool is gone")
        );
    });
}
