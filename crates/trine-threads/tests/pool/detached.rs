//! Tasks whose result nobody wants.

use crate::fixture::{DropProbe, hold, pool};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use trine_fixture::in_own_process;
use trine_future::Shutdown;
use trine_threads::{ThreadPool, WhenFull};

/// A pool whose failures come over the channel.
fn pool_with_hook() -> (ThreadPool, mpsc::Receiver<String>) {
    let (sender, failures) = mpsc::channel();
    let pool = ThreadPool::builder()
        .workers(1)
        .failure_hook(move |failure| sender.send(failure.to_string()).unwrap())
        .build()
        .unwrap();
    (pool, failures)
}

#[test]
fn a_detached_task_runs_and_is_counted() {
    in_own_process(|| {
        let pool = pool(2);
        let (sender, receiver) = mpsc::channel();
        for number in 0..100 {
            let sender = sender.clone();
            pool.spawn_detached(move || sender.send(number).unwrap());
        }
        drop(sender);
        let mut numbers: Vec<u32> = receiver.iter().collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..100).collect::<Vec<_>>());
        pool.shutdown(Shutdown::Drain);
        assert_eq!(pool.stats().done, 100);
    });
}

#[test]
fn the_panic_of_a_detached_task_goes_to_the_hook() {
    in_own_process(|| {
        let (pool, failures) = pool_with_hook();
        pool.spawn_detached(|| panic!("nobody waits"));
        assert!(failures.recv().unwrap().contains("nobody waits"));
        assert_eq!(pool.spawn(|| 1).result().unwrap(), 1, "the worker goes on");
        pool.shutdown(Shutdown::Drain);
        assert_eq!((pool.stats().failed, pool.stats().failed_unseen), (1, 1));
    });
}

#[test]
fn a_detached_task_that_is_cancelled_or_refused_drops_what_it_captured() {
    in_own_process(|| {
        let drops = Arc::new(AtomicUsize::new(0));
        let probe = || DropProbe(Arc::clone(&drops));
        let pool = pool(1);
        let held = hold(&pool, 1);
        let captured = probe();
        pool.spawn_detached(move || {
            let _captured = captured;
            unreachable!("it is cancelled");
        });
        let handle = pool.handle();
        let end = std::thread::spawn(move || pool.shutdown(Shutdown::CancelQueued).cancelled);
        while drops.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        drop(held);
        assert_eq!(end.join().unwrap(), 1);
        let captured = probe();
        handle.spawn_detached(move || {
            let _captured = captured;
            unreachable!("it is refused");
        });
        assert_eq!(drops.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn a_detached_task_takes_a_place_in_a_queue_with_a_limit() {
    in_own_process(|| {
        let pool = ThreadPool::builder()
            .workers(1)
            .queue_limit(1, WhenFull::Refuse)
            .build()
            .unwrap();
        let held = hold(&pool, 1);
        let (sender, receiver) = mpsc::channel();
        let other = sender.clone();
        pool.spawn_detached(move || sender.send(1).unwrap());
        pool.spawn_detached(move || other.send(2).unwrap());
        drop(held);
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [1], "the second was refused");
    });
}
