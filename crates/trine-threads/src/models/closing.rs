//! Models of a pool's end. The deque is crossbeam's and can't be modelled: in its place stands a counter of tasks,
//! which is what pushing raises, and what emptying brings to zero. `Closing` and `Sleep` are what ships, called in the
//! order in which `queues.rs` and `worker.rs` call them.

use crate::closing::Closing;
use crate::sleep::Sleep;
use std::sync::Arc;
use std::time::Duration;
use trine_future::Shutdown;
use trine_platform::Deadline;
use trine_platform::atomic::AtomicU32;
use trine_platform::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use trine_platform::model::{check, expire_deadlines};
use trine_platform::thread::{JoinHandle, spawn};

struct Pool {
    closing: Closing,
    sleep: Sleep,
    queued: AtomicU32,
    run: AtomicU32,
    refused: AtomicU32,
}

impl Pool {
    /// A pool of which so many threads have been started.
    fn of_threads(threads: u32) -> Arc<Self> {
        let pool = Self {
            closing: Closing::new(),
            sleep: Sleep::new(),
            queued: AtomicU32::new(0),
            run: AtomicU32::new(0),
            refused: AtomicU32::new(0),
        };
        (0..threads).for_each(|_| pool.closing.thread_starts());
        Arc::new(pool)
    }

    /// As `Queues::admit`.
    fn submit(&self) {
        let push = |()| {
            self.queued.fetch_add(1, Release);
            self.sleep.notify();
        };
        if self.closing.admit((), push, || self.refuse_queued()).is_err() {
            self.refused.fetch_add(1, Relaxed);
        }
    }

    fn close(&self) {
        self.closing.close(Shutdown::Drain);
        self.sleep.notify_all();
    }

    /// As `Worker::work`, with the end of its thread.
    fn work(&self) {
        self.closing.starts_work();
        while self.next() {
            self.run.fetch_add(1, Relaxed);
        }
        self.end();
    }

    /// As `work` of a spare: the task that it runs pushes another one, and then it is told to leave.
    fn work_as_spare(&self) {
        self.closing.starts_work();
        self.queued.fetch_add(1, Release);
        self.sleep.notify();
        self.end();
    }

    fn end(&self) {
        if self.closing.stops_work() {
            while self.take() {
                self.run.fetch_add(1, Relaxed);
            }
        }
        self.closing.thread_ends(|| self.refuse_queued());
    }

    fn next(&self) -> bool {
        self.sleep.start_searching();
        loop {
            if self.take() {
                self.sleep.stop_searching(|| self.nothing_to_do());
                return true;
            }
            if self.closing.is_closed() {
                let found = self.take();
                self.sleep.stop_searching(|| self.nothing_to_do());
                return found;
            }
            self.sleep.sleep(0, || self.nothing_to_do());
        }
    }

    fn nothing_to_do(&self) -> bool {
        self.queued.load(Relaxed) == 0 && !self.closing.is_closed()
    }

    fn take(&self) -> bool {
        self.queued
            .fetch_update(AcqRel, Acquire, |queued| queued.checked_sub(1))
            .is_ok()
    }

    fn refuse_queued(&self) {
        while self.take() {
            self.refused.fetch_add(1, Relaxed);
        }
    }

    /// So many tasks were submitted, and each of them had its end.
    fn has_ended(&self, submitted: u32) {
        assert_eq!(self.queued.load(Relaxed), 0, "a task was left behind");
        assert_eq!(self.run.load(Relaxed) + self.refused.load(Relaxed), submitted);
    }
}

fn start(pool: &Arc<Pool>, role: impl FnOnce(&Pool) + Send + 'static) -> JoinHandle<()> {
    let pool = Arc::clone(pool);
    spawn(move || role(&pool))
}

fn join<const N: usize>(threads: [JoinHandle<()>; N]) {
    for thread in threads {
        thread.join().expect("no model's thread panics");
    }
}

#[test]
fn a_late_submit_meets_the_last_thread() {
    check("threads::closing::a_late_submit_meets_the_last_thread", || {
        let pool = Pool::of_threads(1);
        let threads = [start(&pool, Pool::work), start(&pool, Pool::submit)];
        pool.close();
        join(threads);
        pool.has_ended(1);
    });
}

#[test]
fn two_late_submits_meet_the_end_of_a_thread() {
    // The thread is past its last look; both submitters may empty the queue beside it.
    check(
        "threads::closing::two_late_submits_meet_the_end_of_a_thread",
        || {
            let pool = Pool::of_threads(1);
            let threads = [start(&pool, Pool::submit), start(&pool, Pool::submit)];
            pool.closing.thread_ends(|| pool.refuse_queued());
            join(threads);
            pool.has_ended(2);
        },
    );
}

#[test]
fn of_two_threads_the_last_one_refuses() {
    check("threads::closing::of_two_threads_the_last_one_refuses", || {
        let pool = Pool::of_threads(2);
        let end = |pool: &Pool| pool.closing.thread_ends(|| pool.refuse_queued());
        let threads = [start(&pool, end), start(&pool, end)];
        pool.submit();
        join(threads);
        pool.has_ended(1);
    });
}

#[test]
fn what_a_spare_has_pushed_is_run() {
    check("threads::closing::what_a_spare_has_pushed_is_run", || {
        let pool = Pool::of_threads(2);
        pool.closing.close(Shutdown::Drain);
        let threads = [start(&pool, Pool::work), start(&pool, Pool::work_as_spare)];
        join(threads);
        pool.has_ended(1);
        assert_eq!(pool.run.load(Relaxed), 1, "it was refused");
    });
}

#[test]
fn who_waits_for_the_end_sees_what_the_threads_did() {
    check(
        "threads::closing::who_waits_for_the_end_sees_what_the_threads_did",
        || {
            let pool = Pool::of_threads(2);
            // Relaxed: only the end of the threads can order it.
            let threads = [0, 1].map(|_| {
                start(&pool, |pool| {
                    pool.run.fetch_add(1, Relaxed);
                    pool.closing.thread_ends(|| ());
                })
            });
            assert!(pool.closing.wait_for_threads(None));
            assert_eq!(pool.run.load(Relaxed), 2);
            join(threads);
        },
    );
}

#[test]
fn the_end_races_the_deadline() {
    check("threads::closing::the_end_races_the_deadline", || {
        let pool = Pool::of_threads(1);
        let threads = [
            start(&pool, |pool| pool.closing.thread_ends(|| ())),
            spawn(expire_deadlines),
        ];
        let deadline = Deadline::after(Duration::from_millis(1));
        let ended = pool.closing.wait_for_threads(Some(&deadline));
        assert!(ended || deadline.has_passed());
        join(threads);
        assert!(pool.closing.wait_for_threads(Some(&deadline)));
    });
}
