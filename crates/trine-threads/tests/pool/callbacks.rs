//! Callbacks that run on the threads of the pool.

use crate::fixture::{hold, pool};
use std::panic::panic_any;
use std::sync::{Arc, mpsc};
use std::thread;
use trine_fixture::in_own_process;
use trine_future::{Outcome, Shutdown};

#[test]
fn x09_x10_callbacks_come_after_the_pool_has_gone() {
    in_own_process(|| {
        let pool = pool(1);
        let (mut done, mut failed) = (pool.spawn(|| 1), pool.spawn(|| panic!("expected")));
        drop(pool);
        let (sender, outcomes) = mpsc::channel();
        let other = sender.clone();
        done.on_done(move |outcome| sender.send(outcome).unwrap());
        failed.on_done(move |outcome| other.send(outcome).unwrap());
        assert_eq!(
            outcomes.iter().collect::<Vec<_>>(),
            [Outcome::Done, Outcome::Failed]
        );
    });
}

#[test]
fn d23_d24_k40_a_callback_that_panics_costs_no_worker() {
    in_own_process(|| {
        let pool = pool(1);
        let worker = pool.spawn(|| thread::current().id()).result().unwrap();
        let held = hold(&pool, 1);
        let mut future = pool.spawn(|| ());
        let (sender, later) = mpsc::channel();
        future.on_done(|_| panic!("a text"));
        future.on_done(|_| panic_any(7));
        future.on_done(move |outcome| sender.send(outcome).unwrap());
        drop(held);
        assert_eq!(later.recv().unwrap(), Outcome::Done);
        assert_eq!(pool.spawn(|| thread::current().id()).result().unwrap(), worker);
    });
}

#[test]
fn d22_a_callback_submits_and_waits() {
    in_own_process(|| {
        let pool = pool(1);
        let handle = pool.handle();
        let held = hold(&pool, 1);
        let mut future = pool.spawn(|| ());
        let (sender, results) = mpsc::channel();
        future.on_done(move |_| {
            sender.send(handle.spawn(|| 1).result().unwrap()).unwrap();
            assert!(
                handle
                    .spawn(|| panic!("expected"))
                    .result()
                    .unwrap_err()
                    .is_panic()
            );
            sender.send(2).unwrap();
        });
        drop(held);
        assert_eq!(results.iter().collect::<Vec<_>>(), [1, 2]);
    });
}

#[test]
fn g16_a_callback_submits_during_a_shutdown() {
    in_own_process(|| {
        let pool = pool(1);
        let handle = pool.handle();
        let held = hold(&pool, 1);
        let mut future = pool.spawn(|| ());
        let (sender, refused) = mpsc::channel();
        future.on_done(move |_| {
            sender
                .send(handle.spawn(|| ()).result().unwrap_err().is_refused())
                .unwrap();
        });
        pool.shutdown_timeout(Shutdown::Drain, std::time::Duration::ZERO);
        drop(held);
        assert!(refused.recv().unwrap());
        pool.shutdown(Shutdown::Drain);
    });
}

#[test]
fn b13_a_callback_shuts_the_pool_down() {
    in_own_process(|| {
        let pool = Arc::new(pool(1));
        let held = hold(&pool, 1);
        let mut future = pool.spawn(|| ());
        let (inside, (sender, reports)) = (Arc::clone(&pool), mpsc::channel());
        future.on_done(move |_| sender.send(inside.shutdown(Shutdown::Drain)).unwrap());
        drop(held);
        // It did not wait for the thread that it ran on.
        assert_eq!(reports.recv().unwrap().running, 1);
        assert!(pool.spawn(|| ()).result().unwrap_err().is_refused());
        assert!(pool.shutdown(Shutdown::Drain).is_complete());
    });
}

#[test]
fn b04_a_cancelled_task_calls_back() {
    in_own_process(|| {
        let pool = pool(1);
        let held = hold(&pool, 1);
        let mut future = pool.spawn(|| ());
        let (sender, outcomes) = mpsc::channel();
        future.on_done(move |outcome| sender.send((outcome, thread::current().id())).unwrap());
        assert!(future.cancel());
        assert_eq!(
            outcomes.recv().unwrap(),
            (Outcome::Cancelled, thread::current().id())
        );
        drop(held);
    });
}

#[test]
fn g07_a_slow_callback_holds_up_its_worker_alone() {
    in_own_process(|| {
        let pool = pool(2);
        let (open, opened) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel();
        let held = hold(&pool, 2);
        let mut future = pool.spawn(|| ());
        future.on_done(move |_| {
            begin.send(()).unwrap();
            let _ = opened.recv();
        });
        drop(held);
        begun.recv().unwrap();
        for number in 0..100 {
            assert_eq!(pool.spawn(move || number).result().unwrap(), number);
        }
        drop(open);
    });
}
