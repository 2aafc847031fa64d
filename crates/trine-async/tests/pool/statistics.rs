//! What a pool says that it does, and did.

use std::future::pending;
use std::sync::mpsc;
use std::time::Duration;
use tokio::runtime::Builder;
use trine_async::{AsyncPool, Future, Shutdown};
use trine_fixture::in_own_process;

#[test]
fn tasks_are_counted_by_how_they_end() {
    in_own_process(|| {
        let pool = AsyncPool::new(2).unwrap();
        pool.spawn(async { 1 }).result().unwrap();
        pool.run_blocking(|| 1).result().unwrap();
        pool.spawn(async { Err::<(), _>("a value") })
            .result()
            .unwrap()
            .unwrap_err();
        let _ = pool.spawn(async { panic!("seen") }).result().unwrap_err();
        let late = pool.task(async |_: ()| pending::<()>().await, ());
        let _ = late.timeout(Duration::ZERO).submit().result().unwrap_err();
        drop(pool.spawn(async { panic!("unseen") }));
        pool.spawn(pending::<()>()).cancel();
        let report = pool.shutdown(Shutdown::Drain);
        assert!(report.is_complete());
        let stats = pool.stats();
        assert_eq!(stats.workers, 2);
        assert_eq!((stats.running, stats.queued), (0, 0));
        assert_eq!((stats.done, stats.failed, stats.failed_unseen), (3, 3, 1));
        assert_eq!(stats.cancelled, 1);
    });
}

#[test]
fn tasks_are_queued_until_they_are_polled() {
    in_own_process(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let pool = runtime.block_on(async { AsyncPool::current().unwrap() });
        let first = pool.spawn(pending::<()>());
        let second = pool.spawn(async { 2 });
        assert_eq!((pool.stats().queued, pool.stats().running), (2, 0));
        runtime.block_on(second).unwrap();
        assert_eq!((pool.stats().queued, pool.stats().running), (0, 1));
        first.cancel();
        runtime.block_on(pool.shutdown_async(Shutdown::Drain));
        assert_eq!((pool.stats().done, pool.stats().cancelled), (1, 1));
    });
}

#[test]
fn a_task_that_is_cancelled_while_it_is_polled_for_the_last_time_counts_as_cancelled() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let (hand_over, handed_over) = mpsc::channel::<Future<()>>();
        let task = pool.spawn(async move { assert!(handed_over.recv().unwrap().cancel()) });
        hand_over.send(task).unwrap();
        pool.shutdown(Shutdown::Drain);
        assert_eq!((pool.stats().done, pool.stats().cancelled), (0, 1));
    });
}

#[test]
fn a_task_that_panics_when_it_is_cancelled_has_not_failed_unseen() {
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a destructor");
        }
    }

    in_own_process(|| {
        let (tell, told) = mpsc::channel();
        let pool = AsyncPool::builder()
            .workers(1)
            .failure_hook(move |failure| tell.send(failure.to_string()).unwrap())
            .build()
            .unwrap();
        let bomb = Bomb;
        let task = pool.spawn(async move {
            let _bomb = bomb;
            pending::<()>().await;
        });
        assert!(task.cancel());
        assert!(told.recv().unwrap().contains("a destructor"));
        pool.shutdown(Shutdown::Drain);
        let stats = pool.stats();
        assert_eq!((stats.cancelled, stats.failed, stats.failed_unseen), (1, 0, 0));
    });
}
