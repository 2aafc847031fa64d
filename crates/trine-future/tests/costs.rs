//! What a completion costs while `wait` or `as_completed` observes it: no allocation and no thread, whatever the number
//! of futures. And what waits that were given up leave behind: nothing that grows.
//!
//! The allocator and the number of threads are the whole process's, so these tests have one of their own, and are one
//! test. Wakes are counted in `src/tests/costs.rs`.

// Without recycling each block is an allocation.
#![cfg(not(trine_no_recycling))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};
use trine_future::{Future, Promise, TaskGroup, Until, as_completed, wait};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        let _ = BYTES.try_with(|bytes| bytes.set(bytes.get() + layout.size().cast_signed()));
        // SAFETY: passed on to the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let _ = BYTES.try_with(|bytes| bytes.set(bytes.get() - layout.size().cast_signed()));
        // SAFETY: passed on to the caller.
        unsafe { System.dealloc(pointer, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `action` allocates on this thread, with what it returns.
fn allocations<R>(action: impl FnOnce() -> R) -> (usize, R) {
    let before = ALLOCATIONS.get();
    let result = action();
    (ALLOCATIONS.get() - before, result)
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

fn promises(count: usize) -> (Vec<Promise<usize>>, Vec<Future<usize>>) {
    (0..count).map(|_| Promise::new()).unzip()
}

fn complete(promises: Vec<Promise<usize>>) {
    for (number, promise) in promises.into_iter().enumerate() {
        promise.complete(number).unwrap();
    }
}

/// All are completed, then all are taken; and each is taken before the next is completed.
fn as_completed_allocates_nothing_for_a_completion(count: usize) {
    let (promises, futures) = promises(count);
    let mut futures = as_completed(futures);
    assert_eq!(allocations(|| complete(promises)).0, 0);
    let (allocated, sum) = allocations(|| {
        futures
            .by_ref()
            .map(|future| future.result().unwrap())
            .sum::<usize>()
    });
    assert_eq!((allocated, sum), (0, (0..count).sum()));

    let (promises, futures) = self::promises(count);
    let mut futures = as_completed(futures);
    let (allocated, ()) = allocations(|| {
        for (number, promise) in promises.into_iter().enumerate() {
            promise.complete(number).unwrap();
            assert_eq!(futures.next().unwrap().result().unwrap(), number);
        }
    });
    assert_eq!(allocated, 0);
}

/// How often a `wait` for that many allocates.
fn allocations_of_a_wait(count: usize) -> usize {
    let (promises, mut futures) = promises(count);
    assert_eq!(
        wait(&mut futures, Until::All, Duration::ZERO).pending.len(),
        count
    );
    let producer = thread::spawn(|| allocations(|| complete(promises)).0);
    let (allocated, waited) = allocations(|| wait(&mut futures, Until::All, None));
    assert_eq!(waited.done.len(), count);
    assert_eq!(producer.join().unwrap(), 0, "completing allocates nothing");
    allocated
}

/// Waits for what does not end, again and again.
fn waits_that_were_given_up_leave_nothing() {
    let (promise, future) = Promise::<usize>::new();
    let (other_promise, mut other) = Promise::<usize>::new();
    let shared = future.shared();
    let give_up = |times: usize, other: &mut Future<usize>| {
        for _ in 0..times {
            assert!(shared.result_timeout(Duration::ZERO).is_none());
            assert!(
                shared
                    .clone()
                    .into_future()
                    .result_timeout(Duration::ZERO)
                    .is_none()
            );
            assert_eq!(wait([&mut *other], Until::All, Duration::ZERO).pending, [0]);
        }
    };
    give_up(1_000, &mut other);
    let before = BYTES.get();
    // A million waits in all.
    give_up(333_334, &mut other);
    // A few freed blocks are kept for the next tasks. A byte for each wait would be more than these.
    assert!(BYTES.get() - before < 65_536);
    promise.complete(1).unwrap();
    other_promise.complete(1).unwrap();
}

/// Goes through a group of many tasks, of which a few are under way at a time.
fn a_group_keeps_nothing_of_what_it_has_given_out() {
    let mut group = TaskGroup::new().limit(2);
    let mut go_through = |times: usize| {
        for _ in 0..times {
            group.start(|| Future::ready(1));
            assert_eq!(group.next().unwrap().1.unwrap(), 1);
        }
    };
    go_through(1_000);
    let before = BYTES.get();
    go_through(100_000);
    assert!(BYTES.get() - before < 65_536);
}

#[test]
fn g12_a092_a_completion_costs_the_same_whatever_the_number_of_futures() {
    // The panic hook and the thread's parker, block lists and so on are made by the first use.
    allocations_of_a_wait(1);
    let (_promise, mut future) = Promise::<usize>::new();
    assert_eq!(
        wait([&mut future], Until::All, Duration::from_millis(1)).pending,
        [0]
    );
    let before = threads();
    for count in [10, 10_000] {
        as_completed_allocates_nothing_for_a_completion(count);
    }
    assert_eq!(allocations_of_a_wait(10), allocations_of_a_wait(10_000));
    waits_that_were_given_up_leave_nothing();
    a_group_keeps_nothing_of_what_it_has_given_out();
    // The kernel lists a thread a moment longer than it can be joined.
    let watchdog = Instant::now() + Duration::from_secs(30);
    while threads() != before {
        assert!(
            Instant::now() < watchdog,
            "{} threads instead of {before}",
            threads()
        );
        thread::yield_now();
    }
}
