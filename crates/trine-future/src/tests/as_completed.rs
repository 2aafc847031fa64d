//! The rows C: `as_completed`.

use super::{Counter, TellsAndRunsInline, refused};
use crate::{BlockingHook, Future, Promise, Substitute, Task, TimedOut, as_completed, set_blocking_hook};
use std::collections::HashSet;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

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
fn g10_a044_without_futures_it_is_empty() {
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
    let futures = (0..5).zip(futures).chain([(5, Future::ready(5))]);
    let mut futures = as_completed(futures);
    // It has looked at them all.
    assert_eq!(futures.next().unwrap().0, 5);
    for number in [3, 0, 4, 1, 2] {
        promises[number].take().unwrap().complete(number).unwrap();
    }
    let order: Vec<_> = futures.map(|(number, _)| number).collect();
    assert_eq!(order, [3, 0, 4, 1, 2]);
}

#[test]
fn what_ends_before_the_first_look_comes_in_the_order_of_the_input() {
    let (promises, futures): (Vec<_>, Vec<_>) = (0..3).map(|_| Promise::new()).unzip();
    let [first, second, third] = promises.try_into().unwrap();
    let mut futures = as_completed((0..3).zip(futures));
    second.complete(()).unwrap();
    first.complete(()).unwrap();
    assert_eq!(futures.next().unwrap().0, 0);
    third.complete(()).unwrap();
    assert_eq!(futures.map(|(number, _)| number).collect::<Vec<_>>(), [1, 2]);
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

#[test]
fn c02_c07_what_has_ended_comes_before_the_time_out() {
    for timeout in [Duration::ZERO, Duration::from_millis(1)] {
        let (_kept, pending) = Promise::new();
        let (_kept_too, other) = Promise::new();
        let (_cancelled, cancelled) = Promise::new();
        assert!(cancelled.cancel());
        let mut futures = as_completed([pending, Future::ready(1), other, cancelled]).timeout(timeout);
        assert_eq!(futures.size_hint(), (1, Some(4)));
        assert_eq!(futures.next().unwrap().unwrap().result().unwrap(), 1);
        assert!(futures.next().unwrap().unwrap().is_cancelled());
        let timed_out = futures.next().unwrap().unwrap_err();
        assert_eq!(
            timed_out,
            TimedOut {
                unfinished: 2,
                total: 4
            }
        );
        assert_eq!(timed_out.to_string(), "2 (of 4) futures unfinished");
        assert_eq!(
            format!("{futures:?}"),
            "TimedAsCompleted { unfinished: 2, is_over: true, .. }"
        );
        assert_eq!(futures.size_hint(), (0, Some(0)));
        assert!(futures.next().is_none());
        assert!(futures.next().is_none());
    }
}

#[test]
fn c02_what_ends_after_the_time_out_was_reported_is_not_yielded() {
    let (promise, future) = Promise::new();
    let mut futures = as_completed([future]).timeout(Duration::ZERO);
    assert!(futures.next().unwrap().is_err());
    promise.complete(1).unwrap();
    assert!(futures.next().is_none());
    let [future] = futures.into_unfinished().try_into().unwrap();
    assert_eq!(future.result().unwrap(), 1);
}

#[test]
fn c02_without_a_time_out_nothing_is_reported() {
    let (promise, future) = Promise::new();
    let (started, start) = mpsc::channel();
    let producer = thread::spawn(move || {
        start.recv().unwrap();
        promise.complete(2).unwrap();
    });
    let mut futures = as_completed([future, Future::ready(1)]).timeout(Duration::MAX);
    assert_eq!(futures.next().unwrap().unwrap().result().unwrap(), 1);
    started.send(()).unwrap();
    assert_eq!(futures.next().unwrap().unwrap().result().unwrap(), 2);
    assert!(futures.next().is_none());
    producer.join().unwrap();

    let mut none = as_completed(Vec::<Future<u32>>::new()).timeout(Duration::ZERO);
    assert_eq!(none.size_hint(), (0, Some(0)));
    assert!(none.next().is_none());
}

#[test]
fn g13_the_time_counts_from_the_call_and_not_from_the_first_next() {
    const TIMEOUT: Duration = Duration::from_millis(20);
    let (_promise, future) = Promise::<u32>::new();
    let mut futures = as_completed([future]).timeout(TIMEOUT);
    // Reading the clock until it has moved on is enough: nothing here depends on how far.
    let called = Instant::now();
    while called.elapsed() < TIMEOUT {
        std::hint::spin_loop();
    }
    // Counted from here there would be something to sleep for.
    let sleeps = Counter::default();
    let counter = sleeps.clone();
    set_blocking_hook(Some(BlockingHook {
        begin: Box::new(move || {
            counter.add();
            Substitute::Missing
        }),
        substitute: Box::new(|| Substitute::Missing),
        end: Box::new(|| ()),
        runs_members: Box::new(|| false),
    }));
    assert!(futures.next().unwrap().is_err());
    set_blocking_hook(None);
    assert_eq!(sleeps.get(), 0);
}

#[test]
fn g12_what_is_left_can_be_taken_back() {
    let (promises, futures): (Vec<_>, Vec<_>) = (0..4).map(|_| Promise::new()).unzip();
    let mut promises: Vec<_> = promises.into_iter().map(Some).collect();
    let mut futures = as_completed((0..4).zip(futures));
    promises[2].take().unwrap().complete(2).unwrap();
    assert_eq!(futures.next().unwrap().0, 2);
    promises[0].take().unwrap().complete(0).unwrap();
    let left = futures.into_unfinished();
    assert_eq!(
        left.iter().map(|(number, _)| *number).collect::<Vec<_>>(),
        [0, 1, 3]
    );
    for (number, mut future) in left {
        assert!(!super::has_waiter(&mut future));
        if let Some(promise) = promises[number].take() {
            promise.complete(number).unwrap();
        }
        assert_eq!(future.result().unwrap(), number);
    }
}

#[test]
fn what_was_yielded_is_not_kept_by_a_timed_one_either() {
    let drops = Counter::default();
    let (_promise, pending) = Promise::new();
    let mut futures = as_completed([Future::ready(drops.on_drop()), pending]).timeout(Duration::ZERO);
    drop(futures.next().unwrap().unwrap());
    assert_eq!(drops.get(), 1);
    assert!(futures.next().unwrap().is_err());
    assert_eq!(futures.into_unfinished().len(), 1);
}

#[test]
fn a_stream_gives_back_what_it_has_not_yielded() {
    let (_promise, pending) = Promise::<u32>::new();
    let stream = as_completed([(0, Future::ready(1)), (1, pending)]).into_stream();
    let left = stream.into_unfinished();
    assert_eq!(left.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn a_thread_of_no_pool_asks_the_pools_of_the_tasks() {
    let (asks, _asked) = mpsc::channel();
    let (_task, future) = Task::new(|| thread::current().id(), TellsAndRunsInline(asks));
    let first = as_completed([future]).next().unwrap();
    assert_eq!(first.result().unwrap(), thread::current().id());
}
