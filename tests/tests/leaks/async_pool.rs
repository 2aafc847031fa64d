//! How an async pool can end.

use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use trine::AsyncPool;
use trine::{Future, Promise, Shutdown};
use trine_fixture::in_own_process;

fn pool(threads: usize) -> AsyncPool {
    AsyncPool::new(threads).expect("the system gives threads")
}

#[test]
fn unused() {
    in_own_process(|| drop(pool(2)));
}

#[test]
fn dropped_with_tasks_that_have_not_ended() {
    in_own_process(|| {
        let pool = pool(2);
        let futures: Vec<_> = (0..100).map(|number| pool.spawn(ready(number))).collect();
        drop(pool);
        for (number, future) in futures.into_iter().enumerate() {
            assert_eq!(future.result().unwrap(), number);
        }
    });
}

#[test]
fn shut_down() {
    in_own_process(|| {
        for shutdown in [Shutdown::Drain, Shutdown::CancelQueued] {
            let pool = pool(2);
            let futures: Vec<_> = (0..100).map(|_| pool.spawn(ready(()))).collect();
            pool.shutdown(shutdown);
            assert!(futures.iter().all(Future::is_done));
        }
    });
}

#[test]
fn shut_down_by_a_task_of_another_runtime() {
    in_own_process(|| {
        let (other, pool) = (pool(1), pool(1));
        let future = pool.spawn(ready(1));
        let ended = other.spawn(async move {
            pool.shutdown_async(Shutdown::Drain).await;
        });
        ended.result().unwrap();
        assert_eq!(future.result().unwrap(), 1);
    });
}

#[test]
fn dropped_after_its_endless_tasks_were_cancelled() {
    in_own_process(|| {
        let pool = pool(1);
        let endless: Vec<_> = (0..100).map(|_| pool.spawn(pending::<()>())).collect();
        // Behind the others in the queue of the only thread: they have been polled, and wait.
        pool.spawn(ready(())).result().unwrap();
        assert!(endless.iter().all(Future::cancel));
    });
}

#[test]
fn made_used_and_dropped_many_times() {
    in_own_process(|| {
        for number in 0..50 {
            let pool = pool(2);
            assert_eq!(pool.spawn(ready(number)).result().unwrap(), number);
        }
    });
}

#[test]
fn dropped_by_a_panic() {
    in_own_process(|| {
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let pool = pool(1);
            let (promise, kept) = Promise::<()>::new();
            let waiting = pool.spawn(kept);
            let _drops_before_the_pool = (promise, waiting);
            panic!("a mistake of the program");
        }));
        assert!(panic.is_err());
    });
}

#[test]
fn after_panics_in_tasks() {
    in_own_process(|| {
        let pool = pool(2);
        let failed = pool.map(async |number: u32| assert!(number.is_multiple_of(2)), 0..20);
        assert_eq!(failed.filter(Result::is_err).count(), 10);
    });
}

#[test]
fn the_last_owner_goes_inside_a_task() {
    in_own_process(|| {
        let pool = Arc::new(pool(1));
        let inside = Arc::clone(&pool);
        let (go, gone) = mpsc::channel::<()>();
        let future = pool.spawn(async move {
            gone.recv().unwrap();
            drop(inside);
        });
        drop(pool);
        go.send(()).unwrap();
        future.result().unwrap();
    });
}
