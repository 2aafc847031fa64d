//! Guards of a part of the value.

use crate::block_on::block_on;
use crate::{AsyncLockGuard, Lock, LockGuard};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn a_mapped_guard_lends_a_part_and_holds_the_lock() {
    let lock = Lock::new((1, vec![2]));
    let mut part = LockGuard::map(lock.lock(), |(_, numbers)| numbers.as_mut_slice());
    part[0] = 3;
    assert_eq!(format!("{part:?}"), "[3]");
    assert!(lock.try_lock().is_none());
    drop(part);
    let guard = block_on(lock.lock_async());
    let mut part = AsyncLockGuard::map(guard, |(first, _)| first);
    *part += 3;
    assert_eq!((format!("{part:?}").as_str(), *part), ("4", 4));
    assert!(lock.try_lock().is_none());
    drop(part);
    assert_eq!(lock.into_inner(), (4, vec![3]));
}

#[test]
fn guards_are_printed_as_what_they_lend() {
    let lock = Lock::new((1, "one"));
    assert_eq!(LockGuard::map(lock.lock(), |(_, name)| name).to_string(), "one");
    let guard = block_on(lock.lock_async());
    assert_eq!(AsyncLockGuard::map(guard, |(number, _)| number).to_string(), "1");
    let lock = Lock::new(2);
    assert_eq!(lock.lock().to_string(), "2");
    assert_eq!(block_on(lock.lock_async()).to_string(), "2");
}

#[test]
fn a_guard_without_the_part_is_given_back() {
    let lock = Lock::new(vec![1]);
    let guard = LockGuard::filter_map(lock.lock(), |numbers| numbers.get_mut(1)).expect_err("there is one");
    assert!(lock.try_lock().is_none());
    *LockGuard::filter_map(guard, |numbers| numbers.get_mut(0)).expect("it is there") = 2;
    let guard = block_on(lock.lock_async());
    let guard = AsyncLockGuard::filter_map(guard, |numbers| numbers.get_mut(1)).expect_err("there is one");
    assert!(lock.try_lock().is_none());
    *AsyncLockGuard::filter_map(guard, |numbers| numbers.get_mut(0)).expect("it is there") += 1;
    assert_eq!(lock.into_inner(), [3]);
}

#[test]
fn a_panic_while_mapping_unlocks() {
    let lock = Lock::new(0);
    let mapped = catch_unwind(AssertUnwindSafe(|| {
        LockGuard::map(lock.lock(), |_| -> &mut u32 { panic!("no such part") })
    }));
    assert!(mapped.is_err());
    assert!(lock.try_lock().is_some());
}
