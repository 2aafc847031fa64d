//! Which task comes next.

use crate::fixture::{hold, pool};
use std::sync::mpsc;
use trine_fixture::in_own_process;
use trine_future::Shutdown;
use trine_threads::{BACKGROUND_TURN, Priority, ThreadPool};

#[test]
fn high_comes_before_normal_before_background() {
    in_own_process(|| {
        let pool = pool(1);
        let held = hold(&pool, 1);
        let (sender, order) = mpsc::channel();
        for (number, priority) in [
            (5, Priority::Background),
            (3, Priority::Normal),
            (1, Priority::High),
            (6, Priority::Background),
            (4, Priority::Normal),
            (2, Priority::High),
        ] {
            let sender = sender.clone();
            let task = pool.task(move |number| sender.send(number).unwrap(), number);
            drop(task.priority(priority).submit());
        }
        drop((held, sender));
        assert_eq!(order.iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    });
}

#[test]
fn high_comes_before_the_workers_own_tasks() {
    in_own_process(|| {
        let pool = pool(1);
        let handle = pool.handle();
        let (sender, order) = mpsc::channel();
        drop(pool.spawn(move || {
            for (number, priority) in [
                (2, Priority::Normal),
                (3, Priority::Background),
                (1, Priority::High),
            ] {
                let sender = sender.clone();
                let task = handle.task(move |number| sender.send(number).unwrap(), number);
                drop(task.priority(priority).submit());
            }
        }));
        assert_eq!(order.iter().collect::<Vec<_>>(), [1, 2, 3]);
    });
}

/// How many of an endless chain of tasks run before a queued background task starts.
fn passed_over(priority: Priority) -> usize {
    fn next(pool: &trine_threads::Handle, priority: Priority, started: mpsc::Sender<bool>) {
        let handle = pool.clone();
        let task = move |sender: mpsc::Sender<bool>| {
            if sender.send(false).is_ok() {
                next(&handle, priority, sender);
            }
        };
        drop(pool.task(task, started).priority(priority).submit());
    }
    let pool = pool(1);
    let held = hold(&pool, 1);
    let (sender, started) = mpsc::channel();
    let background = sender.clone();
    let task = pool.task(move |()| background.send(true).is_ok(), ());
    drop(task.priority(Priority::Background).submit());
    next(&pool.handle(), priority, sender);
    drop(held);
    started.iter().take_while(|is_background| !is_background).count()
}

#[test]
fn background_is_not_held_up_for_ever() {
    in_own_process(|| {
        assert!(passed_over(Priority::Normal) < BACKGROUND_TURN);
        assert!(passed_over(Priority::High) < BACKGROUND_TURN);
    });
}

#[test]
fn cancelled_tasks_of_all_priorities_do_not_run() {
    in_own_process(|| {
        let pool = pool(1);
        let held = hold(&pool, 1);
        for priority in [Priority::High, Priority::Normal, Priority::Background] {
            let future = pool
                .task(|()| panic!("it was cancelled"), ())
                .priority(priority)
                .submit();
            assert!(future.cancel());
        }
        drop(held);
        pool.shutdown(Shutdown::Drain);
        assert_eq!((pool.stats().cancelled, pool.stats().failed), (3, 0));
    });
}

fn with_all_priorities(shutdown: Shutdown) -> (usize, usize) {
    let pool: ThreadPool = pool(1);
    let held = hold(&pool, 1);
    let futures = [Priority::High, Priority::Normal, Priority::Background]
        .map(|priority| pool.task(|()| (), ()).priority(priority).submit());
    pool.shutdown_timeout(shutdown, std::time::Duration::ZERO);
    drop(held);
    pool.shutdown(Shutdown::Drain);
    assert!(futures.iter().all(trine_future::Future::is_done));
    (pool.stats().done, pool.stats().cancelled)
}

#[test]
fn s05_s06_a_shutdown_reaches_all_priorities() {
    in_own_process(|| {
        assert_eq!(with_all_priorities(Shutdown::Drain), (4, 0));
        assert_eq!(with_all_priorities(Shutdown::CancelQueued), (1, 3));
    });
}

#[test]
fn an_idle_pool_wakes_for_each_priority() {
    in_own_process(|| {
        let pool = pool(2);
        for _ in 0..200 {
            for priority in [Priority::High, Priority::Normal, Priority::Background] {
                assert_eq!(
                    pool.task(|one| one, 1)
                        .priority(priority)
                        .submit()
                        .result()
                        .unwrap(),
                    1
                );
            }
        }
    });
}
