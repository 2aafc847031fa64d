//! How often those who wait are passed over, by count.

use super::{Waiting, word};
use crate::Lock;
use crate::state::{MAX_OVERTAKES, Snapshot};
use std::thread;
use std::time::Duration;

/// How often a newcomer gets the lock before it is out of reach.
fn overtakes(lock: &Lock<u32>) -> u32 {
    let mut overtakes = 0;
    while lock.try_lock().is_some() {
        overtakes += 1;
        assert!(overtakes <= MAX_OVERTAKES);
    }
    overtakes
}

#[test]
fn a_task_is_passed_over_a_hundred_times() {
    let lock = Lock::new(0);
    let guard = lock.lock();
    let mut waiting = Waiting::new(&lock);
    drop(guard);
    assert_eq!(overtakes(&lock), 100);
    assert!(lock.lock_timeout(Duration::ZERO).is_none(), "nor in another way");
    assert!(Waiting::new(&lock).poll().is_none());
    assert_eq!(waiting.wakes(), 1, "it was on its way all the time");
    assert!(waiting.poll().is_some());
    assert_eq!(word(&lock), Snapshot::FREE);
}

#[test]
fn a_task_that_tries_in_vain_is_passed_over_no_more_often() {
    let lock = Lock::new(0);
    let mut guard = Some(lock.lock());
    let mut waiting = Waiting::new(&lock);
    for _ in 0..MAX_OVERTAKES {
        drop(guard.take());
        guard = lock.try_lock();
        assert!(guard.is_some() && waiting.poll().is_none());
    }
    drop(guard);
    assert!(lock.try_lock().is_none(), "it is reserved");
    assert_eq!(waiting.wakes(), 101);
    assert!(waiting.poll().is_some());
}

#[test]
fn each_in_line_is_passed_over_a_hundred_times_in_all() {
    let lock = Lock::new(0);
    let guard = lock.lock();
    let mut first = Waiting::new(&lock);
    drop(guard);
    // The second came 40 overtakes later, and the third 30 after that.
    let mut later = [40, 30].map(|overtakes| {
        (0..overtakes - 1).for_each(|_| drop(lock.try_lock().expect("not yet")));
        let _overtaker = lock.try_lock().expect("not yet");
        Waiting::new(&lock)
    });
    assert_eq!(overtakes(&lock), 30);
    drop(first.poll().expect("it is its turn"));
    assert_eq!(overtakes(&lock), 40);
    drop(later[0].poll().expect("it is its turn"));
    assert_eq!(overtakes(&lock), 30);
    drop(later[1].poll().expect("it is its turn"));
    assert_eq!(word(&lock), Snapshot::FREE);
}

#[test]
fn a_thread_is_passed_over_a_hundred_times_at_most() {
    for _ in 0..20 {
        let lock = Lock::new(0);
        let guard = lock.lock();
        thread::scope(|scope| {
            // The value counts the overtakes.
            let sleeper = scope.spawn(|| *lock.lock());
            while !word(&lock).has_line() {
                thread::yield_now();
            }
            drop(guard);
            while word(&lock).has_line() {
                if let Some(mut overtakes) = lock.try_lock() {
                    *overtakes += 1;
                }
            }
            // The last count may stem from after its turn.
            assert!(sleeper.join().expect("it does not panic") <= MAX_OVERTAKES);
        });
    }
}

#[test]
fn who_leaves_a_lock_that_is_reserved_for_it_wakes_the_next() {
    let lock = Lock::new(0);
    let guard = lock.lock();
    let (first, mut second) = (Waiting::new(&lock), Waiting::new(&lock));
    drop(guard);
    overtakes(&lock);
    assert_eq!(second.wakes(), 0);
    drop(first);
    assert_eq!(second.wakes(), 1);
    assert!(second.poll().is_some());
    assert_eq!(word(&lock), Snapshot::FREE);
}
