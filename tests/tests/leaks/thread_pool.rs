//! How a thread pool can end.

use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use trine::ThreadPool;
use trine::{Future, Promise, Shutdown};
use trine_fixture::in_own_process;

fn pool(workers: usize) -> ThreadPool {
    ThreadPool::new(workers).expect("the system gives threads")
}

#[test]
fn unused() {
    in_own_process(|| drop(pool(3)));
}

#[test]
fn dropped_with_tasks_in_the_queue() {
    in_own_process(|| {
        let pool = pool(2);
        let futures: Vec<_> = (0..100).map(|number| pool.spawn(move || number)).collect();
        drop(pool);
        for (number, future) in futures.into_iter().enumerate() {
            assert_eq!(future.result().unwrap(), number);
        }
    });
}

#[test]
fn shut_down_after_draining() {
    in_own_process(|| {
        let pool = pool(2);
        (0..100).for_each(|_| drop(pool.spawn(thread::yield_now)));
        pool.shutdown(Shutdown::Drain);
        // So that the drop has no part in it.
        forget(pool);
    });
}

#[test]
fn shut_down_with_the_queue_cancelled() {
    in_own_process(|| {
        let pool = Arc::new(pool(1));
        let inside = Arc::clone(&pool);
        let (go, gone) = mpsc::channel::<()>();
        let running = pool.spawn(move || {
            gone.recv().unwrap();
            inside.shutdown(Shutdown::CancelQueued);
        });
        let queued: Vec<_> = (0..100).map(|_| pool.spawn(|| ())).collect();
        go.send(()).unwrap();
        running.result().unwrap();
        pool.shutdown(Shutdown::Drain);
        forget(pool);
        assert!(queued.iter().all(Future::is_cancelled));
    });
}

#[test]
fn dropped_while_its_workers_wait_and_spares_run() {
    in_own_process(|| {
        const WORKERS: usize = 3;
        let pool = pool(WORKERS);
        let started = Arc::new(Barrier::new(WORKERS + 1));
        let (promises, waiting): (Vec<_>, Vec<_>) = (0..WORKERS)
            .map(|_| {
                let (promise, kept) = Promise::<()>::new();
                let started = Arc::clone(&started);
                let waiting = pool.spawn(move || {
                    started.wait();
                    kept.result().unwrap();
                });
                (promise, waiting)
            })
            .unzip();
        started.wait();
        let keeper = pool.spawn(move || {
            for promise in promises {
                promise.complete(()).unwrap();
            }
            thread::current().name().map(str::to_owned)
        });
        drop(pool);
        for future in waiting {
            future.result().unwrap();
        }
        // All workers wait for it, so a spare has run it.
        let name = keeper.result().unwrap().expect("threads of pools are named");
        assert!(name.ends_with("-spare"), "{name}");
    });
}

#[test]
fn made_used_and_dropped_many_times() {
    in_own_process(|| {
        for number in 0..200 {
            let pool = pool(2);
            assert_eq!(pool.spawn(move || number).result().unwrap(), number);
        }
    });
}

#[test]
fn dropped_by_a_panic() {
    in_own_process(|| {
        let (sender, queued) = mpsc::channel();
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let pool = pool(1);
            let handle = pool.handle();
            let (started, has_started) = mpsc::channel();
            let (release, released) = mpsc::channel::<()>();
            drop(pool.spawn(move || {
                started.send(()).unwrap();
                // The end of the sender: it is dropped by the panic, before the pool.
                let _ = released.recv();
            }));
            has_started.recv().unwrap();
            sender.send(handle.spawn(|| ())).unwrap();
            let _release = release;
            panic!("a mistake of the program");
        }));
        assert!(panic.is_err());
        assert!(queued.recv().unwrap().is_done());
    });
}

#[test]
fn after_panics_in_tasks() {
    in_own_process(|| {
        let pool = pool(2);
        let failed = pool.map(|number: u32| assert!(number.is_multiple_of(2)), 0..20);
        assert_eq!(failed.filter(Result::is_err).count(), 10);
    });
}

#[test]
fn the_last_owner_goes_inside_a_task() {
    in_own_process(|| {
        let pool = Arc::new(pool(2));
        let inside = Arc::clone(&pool);
        let (go, gone) = mpsc::channel::<()>();
        let future = pool.spawn(move || {
            gone.recv().unwrap();
            drop(inside);
        });
        drop(pool);
        go.send(()).unwrap();
        future.result().unwrap();
    });
}
