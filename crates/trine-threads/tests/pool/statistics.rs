//! A look inside.

use crate::fixture::{hold, pool};
use std::sync::mpsc;
use trine_fixture::in_own_process;
use trine_future::{Failure, Promise, Shutdown};
use trine_threads::ThreadPool;

#[test]
fn what_runs_and_what_is_queued() {
    in_own_process(|| {
        let pool = pool(2);
        let held = hold(&pool, 2);
        let queued = [(); 3].map(|()| pool.spawn(|| ()));
        let stats = pool.stats();
        assert_eq!(
            (stats.workers, stats.running, stats.queued, stats.spares),
            (2, 2, 3, 0)
        );
        assert_eq!((stats.done, stats.failed, stats.cancelled), (0, 0, 0));
        assert_eq!(pool.handle().stats(), stats);
        drop((held, queued));
    });
}

#[test]
fn how_tasks_ended() {
    in_own_process(|| {
        let pool = ThreadPool::builder()
            .workers(2)
            .failure_hook(|_| ())
            .build()
            .unwrap();
        let done: Vec<_> = (0..10).map(|_| pool.spawn(|| ())).collect();
        let failed: Vec<_> = (0..4).map(|_| pool.spawn(|| panic!("expected"))).collect();
        done.into_iter().for_each(|future| future.result().unwrap());
        // One is seen; three are dropped with the panic in them.
        assert!(failed.into_iter().next().unwrap().result().is_err());
        let held = hold(&pool, 2);
        assert!(pool.spawn(|| ()).cancel());
        // The hook is told of a callback that panics, which is no task.
        let mut watched = pool.spawn(|| ());
        watched.on_done(|_| panic!("expected"));
        drop(held);
        pool.shutdown(Shutdown::Drain);
        let stats = pool.stats();
        assert_eq!(
            (stats.done, stats.failed, stats.failed_unseen, stats.cancelled),
            (13, 4, 3, 1)
        );
        assert_eq!((stats.running, stats.queued), (0, 0));
    });
}

#[test]
fn tasks_that_their_waiters_run() {
    in_own_process(|| {
        let pool = pool(1);
        let handle = pool.handle();
        let outer = pool.spawn(move || {
            for number in 0..5 {
                assert_eq!(handle.spawn(move || number).result().unwrap(), number);
            }
        });
        outer.result().unwrap();
        pool.shutdown(Shutdown::Drain);
        assert_eq!((pool.stats().done, pool.stats().inlined), (1, 5));
    });
}

#[test]
fn tasks_that_were_stolen() {
    in_own_process(|| {
        let pool = pool(2);
        let handle = pool.handle();
        let outer = pool.spawn(move || {
            let (done, has_run) = mpsc::channel();
            for _ in 0..10 {
                let done = done.clone();
                drop(handle.spawn(move || done.send(()).unwrap()));
            }
            (0..10).for_each(|_| has_run.recv().unwrap());
        });
        outer.result().unwrap();
        assert_eq!(pool.stats().stolen, 10);
    });
}

#[test]
fn spares_are_there_while_somebody_sleeps_and_what_they_counted_stays() {
    in_own_process(|| {
        let pool = pool(1);
        let (promise, future) = Promise::new();
        let waits = pool.spawn(move || future.result().unwrap());
        // Only a spare runs this one.
        let (sender, sent) = mpsc::channel();
        let (open, opened) = mpsc::channel::<()>();
        let on_spare = pool.spawn(move || {
            sender.send(()).unwrap();
            opened.recv().unwrap();
        });
        sent.recv().unwrap();
        let stats = pool.stats();
        assert_eq!((stats.workers, stats.spares, stats.running), (1, 1, 2));
        open.send(()).unwrap();
        on_spare.result().unwrap();
        promise.complete(()).unwrap();
        waits.result().unwrap();
        pool.shutdown(Shutdown::Drain);
        assert_eq!((pool.stats().spares, pool.stats().done), (0, 2));
    });
}

#[test]
fn counters_never_fall() {
    in_own_process(|| {
        let pool = pool(2);
        let handle = pool.handle();
        let (stop, stopped) = mpsc::channel::<()>();
        let reader = std::thread::spawn(move || {
            let mut before = handle.stats();
            while stopped.try_recv() != Err(mpsc::TryRecvError::Disconnected) {
                let now = handle.stats();
                assert!(
                    now.done >= before.done && now.stolen >= before.stolen && now.inlined >= before.inlined
                );
                before = now;
            }
        });
        let futures: Vec<_> = (0..2000u64).map(|number| pool.spawn(move || number)).collect();
        let results: u64 = futures.into_iter().map(|future| future.result().unwrap()).sum();
        assert_eq!(results, 1999 * 2000 / 2);
        drop(stop);
        reader.join().unwrap();
        pool.shutdown(Shutdown::Drain);
        assert_eq!(pool.stats().done, 2000);
    });
}

#[test]
fn the_failure_hook_is_the_pools_own() {
    in_own_process(|| {
        let (first, failures_of_first) = mpsc::channel();
        let (second, failures_of_second) = mpsc::channel();
        let [first, second] = [first, second].map(|sender| {
            ThreadPool::builder()
                .workers(1)
                .failure_hook(move |failure| {
                    let unseen = matches!(failure, Failure::Unseen(_));
                    sender.send((unseen, failure.to_string())).unwrap();
                })
                .build()
                .unwrap()
        });
        // Dropped here, when it has ended, on a thread that belongs to no pool.
        let mut future = first.spawn(|| panic!("one"));
        while !future.is_done() {
            std::thread::yield_now();
        }
        let (sender, called) = mpsc::channel();
        future.on_done(move |_| sender.send(()).unwrap());
        called.recv().unwrap();
        drop(future);
        // Dropped by a task of another pool.
        let future = second.spawn(|| panic!("two"));
        first
            .spawn(move || {
                while !future.is_done() {
                    std::thread::yield_now();
                }
                drop(future);
            })
            .result()
            .unwrap();
        drop((first, second));
        let first: Vec<(bool, String)> = failures_of_first.iter().collect();
        let second: Vec<(bool, String)> = failures_of_second.iter().collect();
        assert_eq!((first.len(), second.len()), (1, 1));
        assert!(first[0].0 && first[0].1.contains("one"), "{first:?}");
        assert!(second[0].0 && second[0].1.contains("two"), "{second:?}");
    });
}

#[test]
fn a_failure_hook_that_panics_costs_no_worker() {
    in_own_process(|| {
        let pool = ThreadPool::builder()
            .workers(1)
            .failure_hook(|_| panic!("the hook"))
            .build()
            .unwrap();
        let held = hold(&pool, 1);
        drop(pool.spawn(|| panic!("the task")));
        drop(held);
        assert_eq!(pool.spawn(|| 1).result().unwrap(), 1);
    });
}
