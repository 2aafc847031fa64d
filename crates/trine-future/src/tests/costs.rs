//! What a completion costs: the wakes. Allocations are counted in `tests/costs.rs`, in a process of its own. There is
//! no lock to be counted: what a wait for many futures shares is one word and one slot for each (`completions.rs`). A
//! task's waker is under a lock, which is taken when it is left there, and once a wake.

use super::Counter;
use crate::completions::WAKES;
use crate::{Promise, Until, as_completed, wait};
use std::pin::pin;
use std::sync::Arc;
use std::task::Context;
use std::thread;

/// How many wakes it takes to complete `count` futures one by one, each time with the consumer asleep.
fn wakes_of_a_sleeper(count: usize) -> usize {
    let (promises, futures): (Vec<_>, Vec<_>) = (0..count).map(|_| Promise::new()).unzip();
    let futures = as_completed(futures);
    let completions = Arc::clone(&futures.crowd.many.completions);
    let consumer = thread::spawn(move || futures.count());
    WAKES.set(0);
    for (place, promise) in promises.into_iter().enumerate() {
        while !completions.is_asleep(place) {
            thread::yield_now();
        }
        promise.complete(()).unwrap();
    }
    assert_eq!(consumer.join().unwrap(), count);
    WAKES.get()
}

#[test]
fn a_completion_wakes_a_sleeper_once() {
    assert_eq!(wakes_of_a_sleeper(10), 10);
    assert_eq!(wakes_of_a_sleeper(10_000), 10_000);
}

#[test]
fn a_completion_wakes_nobody_if_nobody_sleeps() {
    for count in [10, 10_000] {
        let (promises, mut futures): (Vec<_>, Vec<_>) = (0..count).map(|_| Promise::new()).unzip();
        WAKES.set(0);
        for promise in promises {
            promise.complete(()).unwrap();
        }
        assert_eq!(wait(&mut futures, Until::All, None).done.len(), count);
        assert_eq!(as_completed(futures).count(), count);
        assert_eq!(WAKES.get(), 0);
    }
}

/// How many wakes it takes to complete `count` futures one by one, each time with a task that awaits the next.
fn wakes_of_a_task(count: usize) -> usize {
    let (promises, futures): (Vec<_>, Vec<_>) = (0..count).map(|_| Promise::new()).unzip();
    let mut stream = as_completed(futures).into_stream();
    let wakes = Counter::default();
    let waker = wakes.waker();
    let mut context = Context::from_waker(&waker);
    for promise in promises {
        let mut next = pin!(stream.next());
        assert!(next.as_mut().poll(&mut context).is_pending());
        promise.complete(()).unwrap();
        assert!(next.as_mut().poll(&mut context).is_ready());
    }
    wakes.get()
}

#[test]
fn a_completion_wakes_a_task_once() {
    assert_eq!(wakes_of_a_task(10), 10);
    assert_eq!(wakes_of_a_task(10_000), 10_000);
}
