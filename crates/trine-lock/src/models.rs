//! The lock under every interleaving. Loom watches the value: an access that the lock does not order fails the model,
//! and so does a wake that gets lost, because then everybody sleeps.

use crate::Lock;
use crate::block_on::block_on;
use crate::bucket_lock::BucketLock;
use crate::state::MAX_OVERTAKES;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use trine_platform::{Parker, model, thread};

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
fn three_lockers_exclude() {
    model::check("lock::three_lockers_exclude", || {
        let lock = Arc::new(Lock::new(0));
        let others = [(); 2].map(|()| spawn(&lock, |lock| *lock.lock() += 1));
        *lock.lock() += 1;
        join(others);
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

#[test]
fn timed_out_sleeper_passes_the_wake_to_a_task() {
    model::check("lock::timed_out_sleeper_passes_the_wake_to_a_task", || {
        let lock = Arc::new(Lock::new(0));
        let value = lock.lock();
        let timed = spawn(&lock, |lock| drop(lock.lock_timeout(TIMEOUT)));
        let waiter = spawn(&lock, |lock| *block_on(lock.lock_async()) += 1);
        let clock = thread::spawn(model::expire_deadlines);
        drop(value);
        *lock.lock() += 1;
        join([timed, waiter, clock]);
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

/// Somebody wakes the thread for nothing, perhaps before it is its turn.
fn rogue_wake(name: &str, wait: fn(&Lock<u32>) -> u32) {
    model::check(name, move || {
        let lock = Arc::new(Lock::new(0));
        let mut value = lock.lock();
        let waiter = spawn(&lock, move |lock| {
            let parker = Parker::current();
            let rogue = thread::spawn(move || parker.unpark());
            assert_eq!(wait(lock), 1);
            join([rogue]);
        });
        *value = 1;
        drop(value);
        join([waiter]);
    });
}

#[test]
fn rogue_wake_is_harmless() {
    rogue_wake("lock::rogue_wake_is_harmless", |lock| *lock.lock());
}

#[test]
fn rogue_wake_of_a_timed_sleeper_is_harmless() {
    rogue_wake("lock::rogue_wake_of_a_timed_sleeper_is_harmless", |lock| {
        // The clock stands still here, so nothing but the unlock ends the wait.
        *lock.lock_timeout(TIMEOUT).expect("the deadline does not pass")
    });
}

#[test]
fn rogue_wake_of_a_task_is_harmless() {
    rogue_wake("lock::rogue_wake_of_a_task_is_harmless", |lock| {
        *block_on(lock.lock_async())
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

/// Main comes by again and again. It counts in the value how often it found the other one in line and got the lock
/// nevertheless.
#[test]
fn a_waiter_is_passed_over_a_few_times_at_most() {
    model::check("lock::a_waiter_is_passed_over_a_few_times_at_most", || {
        let lock = Arc::new(Lock::new(0));
        let value = lock.lock();
        let waiter = spawn(&lock, |lock| assert!(*lock.lock() <= MAX_OVERTAKES));
        drop(value);
        for _ in 0..=MAX_OVERTAKES {
            let overtakes = lock.word.snapshot().has_line();
            if let Some(mut value) = lock.try_lock() {
                *value += u32::from(overtakes);
            }
        }
        join([waiter]);
    });
}

/// Takes the lock so often that it is reserved for whoever stands in line all the while.
fn pass_over(lock: &Lock<u32>) {
    for _ in 0..=MAX_OVERTAKES {
        if let Some(mut value) = lock.try_lock() {
            *value += 1;
        }
    }
}

#[test]
fn lock_is_reserved_for_task_and_thread() {
    model::check("lock::lock_is_reserved_for_task_and_thread", || {
        let lock = Arc::new(Lock::new(0));
        let value = lock.lock();
        let waiter = spawn(&lock, |lock| *block_on(lock.lock_async()) += 1);
        let sleeper = spawn(&lock, |lock| *lock.lock() += 1);
        drop(value);
        pass_over(&lock);
        join([waiter, sleeper]);
        assert!(*lock.lock() >= 2);
    });
}

#[test]
fn cancelled_async_waiter_passes_the_reserved_lock_on() {
    model::check("lock::cancelled_async_waiter_passes_the_reserved_lock_on", || {
        let lock = Arc::new(Lock::new(0));
        let value = lock.lock();
        let cancelled = spawn(&lock, poll_once_and_cancel);
        let sleeper = spawn(&lock, |lock| *lock.lock() += 1);
        drop(value);
        pass_over(&lock);
        join([cancelled, sleeper]);
        assert!(*lock.lock() >= 1);
    });
}

#[test]
fn timed_out_sleeper_gives_the_reserved_lock_back() {
    model::check("lock::timed_out_sleeper_gives_the_reserved_lock_back", || {
        let lock = Arc::new(Lock::new(0));
        let value = lock.lock();
        let timed = spawn(&lock, |lock| {
            if let Some(mut value) = lock.lock_timeout(TIMEOUT) {
                *value += 1;
            }
        });
        let clock = thread::spawn(model::expire_deadlines);
        drop(value);
        pass_over(&lock);
        join([timed, clock]);
        *lock.lock() += 1;
    });
}

/// The one that leaves is not first, or first, or the last one there.
#[test]
fn cancelled_async_waiters_leave_the_sleeper_its_wake() {
    model::check("lock::cancelled_async_waiters_leave_the_sleeper_its_wake", || {
        let lock = Arc::new(Lock::new(0));
        let value = lock.lock();
        let cancelled = [(); 2].map(|()| spawn(&lock, poll_once_and_cancel));
        let sleeper = spawn(&lock, |lock| *lock.lock() += 1);
        drop(value);
        join(cancelled);
        join([sleeper]);
        assert!(*lock.lock() >= 1);
    });
}

#[test]
fn everybody_gets_into_a_bucket() {
    model::check("lock::everybody_gets_into_a_bucket", || {
        let bucket = Arc::new(BucketLock::new(0));
        let others = [(); 2].map(|()| {
            let bucket = Arc::clone(&bucket);
            thread::spawn(move || bucket.with(|value| *value += 1))
        });
        bucket.with(|value| *value += 1);
        join(others);
        bucket.with(|value| assert_eq!(*value, 3));
    });
}
