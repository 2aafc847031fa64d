//! The lock under every interleaving. Loom watches the value: an access that the lock does not order fails the model,
//! and so does a wake that gets lost, because then everybody sleeps.

use crate::Lock;
use crate::block_on::block_on;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use trine_platform::{model, thread};

const TIMEOUT: Duration = Duration::from_millis(1);

/// Runs `locker` with the lock in a thread of its own.
fn spawn(lock: &Arc<Lock<u32>>, locker: impl FnOnce(&Lock<u32>) + Send + 'static) -> thread::JoinHandle<()> {
    let lock = Arc::clone(lock);
    thread::spawn(move || locker(&lock))
}

fn join<const N: usize>(threads: [thread::JoinHandle<()>; N]) {
    for thread in threads {
        thread.join().expect("a model's threads do not panic");
    }
}

/// Polls once and gives up: what a `select!` does with the branch that loses.
fn poll_once_and_cancel(lock: &Lock<u32>) {
    let waiting = pin!(lock.lock_async());
    if let Poll::Ready(mut value) = waiting.poll(&mut Context::from_waker(Waker::noop())) {
        *value += 1;
    }
}

#[test]
fn two_lockers_exclude() {
    model::check("lock::two_lockers_exclude", || {
        let lock = Arc::new(Lock::new(0));
        let other = spawn(&lock, |lock| *lock.lock() += 1);
        *lock.lock() += 1;
        *lock.lock() += 1;
        join([other]);
        assert_eq!(*lock.lock(), 3);
    });
}

#[test]
fn unlock_wakes_sleeper() {
    model::check("lock::unlock_wakes_sleeper", || {
        let lock = Arc::new(Lock::new(0));
        let mut value = lock.lock();
        let sleeper = spawn(&lock, |lock| assert_eq!(*lock.lock(), 1));
        *value = 1;
        drop(value);
        join([sleeper]);
    });
}

/// The woken sleeper has to remember the other one.
#[test]
fn every_sleeper_is_woken() {
    model::check("lock::every_sleeper_is_woken", || {
        let lock = Arc::new(Lock::new(0));
        let mut value = lock.lock();
        let sleepers = [(); 2].map(|()| spawn(&lock, |lock| *lock.lock() += 1));
        *value = 1;
        drop(value);
        join(sleepers);
        assert_eq!(*lock.lock(), 3);
    });
}

#[test]
fn timeout_races_unlock() {
    model::check("lock::timeout_races_unlock", || {
        let lock = Arc::new(Lock::new(0));
        let mut value = lock.lock();
        let timed = spawn(&lock, |lock| {
            if let Some(mut value) = lock.lock_timeout(TIMEOUT) {
                assert_eq!(*value, 1);
                *value = 2;
            }
        });
        let clock = thread::spawn(model::expire_deadlines);
        *value = 1;
        drop(value);
        join([timed, clock]);
        assert!(*lock.lock() >= 1);
    });
}

/// Main holds the lock, lets go, and takes it again: so the thread that was woken may find it held, and give up.
#[test]
fn timed_out_sleeper_passes_the_wake_on() {
    model::check("lock::timed_out_sleeper_passes_the_wake_on", || {
        let lock = Arc::new(Lock::new(0));
        let value = lock.lock();
        let timed = spawn(&lock, |lock| drop(lock.lock_timeout(TIMEOUT)));
        let sleeper = spawn(&lock, |lock| *lock.lock() += 1);
        let clock = thread::spawn(model::expire_deadlines);
        drop(value);
        *lock.lock() += 1;
        join([timed, sleeper, clock]);
        assert_eq!(*lock.lock(), 2);
    });
}

/// The second thread never sleeps, so nothing but the word itself orders the accesses.
#[test]
fn try_lock_sees_writes() {
    model::check("lock::try_lock_sees_writes", || {
        let lock = Arc::new(Lock::new((0, 0)));
        let writer = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || *lock.lock() = (1, 1))
        };
        if let Some(value) = lock.try_lock() {
            assert_eq!(value.0, value.1);
        }
        join([writer]);
        assert_eq!(*lock.lock(), (1, 1));
    });
}

#[test]
fn rogue_wake_is_harmless() {
    model::check("lock::rogue_wake_is_harmless", || {
        let lock = Arc::new(Lock::new(0));
        let mut value = lock.lock();
        let sleeper = spawn(&lock, |lock| assert_eq!(*lock.lock(), 1));
        let rogue = spawn(&lock, |lock| lock.word.futex().wake_one());
        *value = 1;
        drop(value);
        join([sleeper, rogue]);
    });
}

#[test]
fn async_waiter_is_woken() {
    model::check("lock::async_waiter_is_woken", || {
        let lock = Arc::new(Lock::new(0));
        let mut value = lock.lock();
        let waiter = spawn(&lock, |lock| assert_eq!(*block_on(lock.lock_async()), 1));
        *value = 1;
        drop(value);
        join([waiter]);
    });
}

/// The waiter may be woken, find the lock held again, and has to stand in line once more.
#[test]
fn overtaken_async_waiter_is_woken_again() {
    model::check("lock::overtaken_async_waiter_is_woken_again", || {
        let lock = Arc::new(Lock::new(0));
        let value = lock.lock();
        let waiter = spawn(&lock, |lock| *block_on(lock.lock_async()) += 1);
        drop(value);
        *lock.lock() += 1;
        join([waiter]);
        assert_eq!(*lock.lock(), 2);
    });
}

#[test]
fn every_async_waiter_is_woken() {
    model::check("lock::every_async_waiter_is_woken", || {
        let lock = Arc::new(Lock::new(0));
        let mut value = lock.lock();
        let waiters = [(); 2].map(|()| spawn(&lock, |lock| *block_on(lock.lock_async()) += 1));
        *value = 1;
        drop(value);
        join(waiters);
        assert_eq!(*lock.lock(), 3);
    });
}

#[test]
fn replaced_waker_is_the_one_woken() {
    model::check("lock::replaced_waker_is_the_one_woken", || {
        let lock = Arc::new(Lock::new(0));
        let mut value = lock.lock();
        let waiter = spawn(&lock, |lock| {
            let mut waiting = pin!(lock.lock_async());
            let first = waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            let value = match first {
                Poll::Ready(value) => value,
                Poll::Pending => block_on(waiting),
            };
            assert_eq!(*value, 1);
        });
        *value = 1;
        drop(value);
        join([waiter]);
    });
}

#[test]
fn cancelled_async_waiter_passes_the_wake_on() {
    model::check("lock::cancelled_async_waiter_passes_the_wake_on", || {
        let lock = Arc::new(Lock::new(0));
        let mut value = lock.lock();
        let cancelled = spawn(&lock, poll_once_and_cancel);
        let waiter = spawn(&lock, |lock| assert!(*block_on(lock.lock_async()) >= 1));
        *value = 1;
        drop(value);
        join([cancelled, waiter]);
    });
}

#[test]
fn async_and_blocking_waiters() {
    model::check("lock::async_and_blocking_waiters", || {
        let lock = Arc::new(Lock::new(0));
        let mut value = lock.lock();
        let sleeper = spawn(&lock, |lock| *lock.lock() += 1);
        let waiter = spawn(&lock, |lock| *block_on(lock.lock_async()) += 1);
        *value = 1;
        drop(value);
        join([sleeper, waiter]);
        assert_eq!(*lock.lock(), 3);
    });
}

#[test]
fn async_guard_unlocks_in_another_thread() {
    model::check("lock::async_guard_unlocks_in_another_thread", || {
        // The guard that travels borrows for as long as its thread lives.
        let lock: &'static Lock<u32> = Box::leak(Box::new(Lock::new(0)));
        let mut value = block_on(lock.lock_async());
        let sleeper = thread::spawn(|| assert_eq!(*lock.lock(), 1));
        let unlocker = thread::spawn(move || *value = 1);
        join([sleeper, unlocker]);
    });
}
