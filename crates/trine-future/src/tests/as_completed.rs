//! The rows C: `as_completed`.

use super::{Counter, refused};
use crate::{Future, Promise, as_completed};
use std::collections::HashSet;
use std::thread;

#[test]
fn c01_each_future_comes_once_whether_it_had_ended_before_or_not() {
    let (promise, later) = Promise::new();
    let (_kept, cancelled) = Promise::new();
    assert!(cancelled.cancel());
    let pairs = [
        ("later", later),
        ("cancelled", cancelled),
        ("ready", Future::ready(1)),
        ("failed", Future::failed(refused())),
    ];
    let mut futures = as_completed(pairs);
    let mut names: Vec<_> = futures
        .by_ref()
        .take(3)
        .map(|(name, future)| (name, future.result().ok()))
        .collect();
    assert_eq!(names, [("cancelled", None), ("ready", Some(1)), ("failed", None)]);
    let producer = thread::spawn(move || promise.complete(2).unwrap());
    names.extend(futures.map(|(name, future)| (name, future.result().ok())));
    assert_eq!(names[3..], [("later", Some(2))]);
    producer.join().unwrap();
}

#[test]
fn c04_any_iterator_will_do() {
    let mut numbers = 0..3;
    let futures = as_completed(std::iter::from_fn(|| numbers.next().map(Future::ready)));
    assert_eq!(futures.map(|future| future.result().unwrap()).sum::<u32>(), 3);
}

#[test]
fn g10_without_futures_it_is_empty() {
    let mut futures = as_completed(Vec::<Future<u32>>::new());
    assert_eq!(futures.len(), 0);
    assert!(futures.next().is_none());
    assert!(futures.next().is_none());
}

#[test]
fn c06_a_future_can_be_completed_within_the_loop() {
    let (promises, futures): (Vec<_>, Vec<_>) = (0..10).map(|_| Promise::new()).unzip();
    let mut promises = promises.into_iter();
    promises.next().unwrap().complete(0).unwrap();
    let mut seen = 0;
    for future in as_completed(futures) {
        assert_eq!(future.result().unwrap(), seen);
        seen += 1;
        if let Some(promise) = promises.next() {
            promise.complete(seen).unwrap();
        }
    }
    assert_eq!(seen, 10);
}

#[test]
fn they_come_in_the_order_in_which_they_end() {
    let (promises, futures): (Vec<_>, Vec<_>) = (0..5).map(|_| Promise::new()).unzip();
    let mut promises: Vec<_> = promises.into_iter().map(Some).collect();
    let futures = as_completed((0..5).zip(futures));
    for number in [3, 0, 4, 1, 2] {
        promises[number].take().unwrap().complete(number).unwrap();
    }
    let order: Vec<_> = futures.map(|(number, _)| number).collect();
    assert_eq!(order, [3, 0, 4, 1, 2]);
}

#[test]
fn the_length_is_known_and_shown() {
    let (_kept, pending) = Promise::new();
    let mut futures = as_completed([Future::ready(1), pending]);
    assert_eq!(futures.size_hint(), (2, Some(2)));
    assert!(futures.next().is_some());
    assert_eq!(futures.len(), 1);
    assert_eq!(format!("{futures:?}"), "AsCompleted { unfinished: 1, .. }");
}

#[test]
fn g12_what_is_left_is_detached_and_what_was_yielded_is_not_kept() {
    let drops = Counter::default();
    let (promise, pending) = Promise::new();
    let mut futures = as_completed([Future::ready(drops.on_drop()), pending]);
    drop(futures.next().unwrap());
    assert_eq!(drops.get(), 1);
    drop(futures);
    assert!(promise.complete(drops.on_drop()).is_ok());
    assert_eq!(drops.get(), 2);
}

#[test]
fn ten_thousand_futures_in_random_order_come_once_each() {
    const COUNT: usize = 10_000;
    let (promises, futures): (Vec<_>, Vec<_>) = (0..COUNT).map(|_| Promise::new()).unzip();
    let mut promises: Vec<_> = (0..COUNT).zip(promises).collect();
    // A permutation, from a generator that is good enough for one.
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    for last in (1..COUNT).rev() {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        promises.swap(last, (random >> 33) as usize % (last + 1));
    }
    let mut producers = Vec::new();
    while !promises.is_empty() {
        let part = promises.split_off(promises.len().saturating_sub(COUNT / 4));
        producers.push(thread::spawn(move || {
            for (number, promise) in part {
                promise.complete(number).unwrap();
            }
        }));
    }
    let mut seen = HashSet::new();
    for (number, future) in as_completed((0..COUNT).zip(futures)) {
        assert_eq!(future.result().unwrap(), number);
        assert!(seen.insert(number));
    }
    assert_eq!(seen.len(), COUNT);
    for producer in producers {
        producer.join().unwrap();
    }
}
