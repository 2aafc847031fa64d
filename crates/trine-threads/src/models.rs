//! Models of the types that the pool is made of: sleeping, and spares. The deque is crossbeam's and can't be modelled;
//! in its place stands a counter of tasks, which hides nothing that `Sleep` relies on: it calls a function that looks.

mod closing;
mod countdown;
mod limit;
mod map;
mod stack;
mod sweep;

use crate::sleep::Sleep;
use crate::spares::Spares;
use std::sync::Arc;
use trine_platform::atomic::AtomicU32;
use trine_platform::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use trine_platform::model::check;
use trine_platform::thread::spawn;

/// A queue that holds only the number of its tasks, and the sleep of its workers.
struct Pool {
    sleep: Sleep,
    queued: AtomicU32,
    closed: AtomicU32,
}

impl Pool {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            sleep: Sleep::new(),
            queued: AtomicU32::new(0),
            closed: AtomicU32::new(0),
        })
    }

    fn submit(&self) {
        self.queued.fetch_add(1, Release);
        self.sleep.notify();
    }

    fn take(&self) -> bool {
        self.queued
            .fetch_update(AcqRel, Acquire, |queued| queued.checked_sub(1))
            .is_ok()
    }

    /// What a worker does until it has a task. False when the pool is closed.
    fn next(&self, number: usize) -> bool {
        self.sleep.start_searching();
        loop {
            if self.take() {
                self.sleep.stop_searching(|| self.nothing_to_do());
                return true;
            }
            if self.closed.load(Acquire) == 1 {
                self.sleep.stop_searching(|| self.nothing_to_do());
                return false;
            }
            self.sleep.sleep(number, || self.nothing_to_do());
        }
    }

    fn nothing_to_do(&self) -> bool {
        self.queued.load(Relaxed) == 0 && self.closed.load(Relaxed) == 0
    }
}

#[test]
fn inject_vs_last_sleeper() {
    check("threads::inject_vs_last_sleeper", || {
        let pool = Pool::new();
        let worker = Arc::clone(&pool);
        let worker = spawn(move || assert!(worker.next(0)));
        pool.submit();
        worker.join().expect("the worker does not panic");
    });
}

#[test]
fn two_tasks_wake_two_workers() {
    // Each worker takes one task and ends: if the second wake is lost, one of them sleeps for ever.
    check("threads::two_tasks_wake_two_workers", || {
        let pool = Pool::new();
        let workers = [0, 1].map(|number| {
            let pool = Arc::clone(&pool);
            spawn(move || assert!(pool.next(number)))
        });
        pool.submit();
        pool.submit();
        for worker in workers {
            worker.join().expect("no worker panics");
        }
    });
}

#[test]
fn another_sleeper_is_woken_for_one_that_is_awake() {
    check("threads::another_sleeper_is_woken_for_one_that_is_awake", || {
        let pool = Pool::new();
        let worker = Arc::clone(&pool);
        let worker = spawn(move || assert!(worker.next(0)));
        pool.sleep.note_last(1);
        pool.submit();
        worker.join().expect("the worker does not panic");
    });
}

#[test]
fn close_wakes_every_sleeper() {
    check("threads::close_wakes_every_sleeper", || {
        let pool = Pool::new();
        let workers = [0, 1].map(|number| {
            let pool = Arc::clone(&pool);
            spawn(move || assert!(!pool.next(number)))
        });
        pool.closed.store(1, Release);
        pool.sleep.notify_all();
        for worker in workers {
            worker.join().expect("no worker panics");
        }
    });
}

#[test]
fn spares_that_were_started_retire() {
    // Each sleeper gets a spare, and when nobody sleeps any more every spare is told to leave.
    check("threads::spares_that_were_started_retire", || {
        let spares = Arc::new(Spares::new(false));
        let sleepers = [Arc::clone(&spares), Arc::clone(&spares)].map(|spares| {
            spawn(move || {
                let started = spares.block();
                spares.unblock();
                u32::from(started)
            })
        });
        let mut retired = u32::from(spares.retire());
        let started: u32 = sleepers
            .into_iter()
            .map(|sleeper| sleeper.join().expect("no sleeper panics"))
            .sum();
        assert!(started >= 1);
        while spares.retire() {
            retired += 1;
        }
        assert_eq!(retired, started);
    });
}
