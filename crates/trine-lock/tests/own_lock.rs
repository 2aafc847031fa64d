//! A thread that waits for a lock which it holds itself: debug builds say so, and where.
#![cfg(debug_assertions)]

use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::time::Duration;
use trine_lock::{Lock, LockGuard};

/// The file and line from which this is called.
#[track_caller]
fn here() -> String {
    let here = Location::caller();
    format!("{}:{}", here.file(), here.line())
}

/// What `wait` says, which waits for a lock that its thread holds.
fn message<T>(wait: impl FnOnce() -> T) -> String {
    let payload = catch_unwind(AssertUnwindSafe(|| drop(wait()))).expect_err("it would wait for ever");
    *payload.downcast().expect("the message is formatted")
}

#[test]
fn both_places_are_named() {
    let lock = Lock::new(0);
    let (_guard, taken) = (lock.lock(), here());
    let (message, wanted) = (message(|| lock.lock()), here());
    assert!(message.contains(&format!("at {wanted}:")), "{message}");
    assert!(message.contains(&format!("since {taken}:")), "{message}");
}

#[test]
fn the_other_ways_to_take_it_are_known() {
    let lock = Lock::new(0);
    let guard = lock.try_lock();
    let line = line!() - 1;
    assert!(message(|| lock.lock()).contains(&format!("own_lock.rs:{line}:")));
    drop(guard);
    let guard = lock.lock_timeout(Duration::ZERO);
    let line = line!() - 1;
    assert!(message(|| lock.lock()).contains(&format!("own_lock.rs:{line}:")));
    let part = LockGuard::map(guard.expect("it was free"), |value| value);
    assert!(message(|| lock.lock()).contains(&format!("own_lock.rs:{line}:")));
    drop(part);
    assert_eq!(*lock.lock(), 0);
}

#[test]
fn a_time_out_is_enough_to_get_away() {
    let lock = Lock::new(0);
    let _guard = lock.lock();
    assert!(lock.lock_timeout(Duration::from_millis(1)).is_none());
    assert!(lock.try_lock().is_none());
    assert!(message(|| lock.lock_timeout(Duration::MAX)).starts_with("deadlock"));
}

#[test]
fn guards_may_be_dropped_in_any_order() {
    let locks = [1, 2, 3].map(Lock::new);
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut guards = locks.each_ref().map(|lock| Some(lock.lock()));
        for (dropped, place) in order.into_iter().enumerate() {
            guards[place] = None;
            assert!(locks[place].try_lock().is_some());
            for &held in &order[dropped + 1..] {
                assert!(message(|| locks[held].lock()).starts_with("deadlock"));
            }
        }
    }
}
