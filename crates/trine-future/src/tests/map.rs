//! `Map`: a function over many arguments.

use super::refused;
use crate::{Future, Map, Promise};
use std::cell::{Cell, RefCell};

#[test]
fn arguments_are_taken_as_far_as_the_look_ahead() {
    let submitted = Cell::new(0);
    let mut results = Map::new(1.., 3, |number: u64| {
        submitted.set(number);
        Future::ready(number * 2)
    });
    assert_eq!(submitted.get(), 0, "it is lazy");
    assert_eq!(results.next().unwrap().unwrap(), 2);
    assert_eq!(submitted.get(), 3);
    assert_eq!(results.next().unwrap().unwrap(), 4);
    assert_eq!(submitted.get(), 4);
}

#[test]
fn a_look_ahead_of_zero_counts_as_one() {
    let results = Map::new(0..3, 0, Future::ready);
    assert_eq!(results.map(Result::unwrap).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn k18_results_come_after_a_failed_one() {
    let results = Map::new(0..3, 2, |number| match number {
        1 => Future::failed(refused()),
        _ => Future::ready(number),
    });
    assert_eq!(
        results.map(Result::ok).collect::<Vec<_>>(),
        [Some(0), None, Some(2)]
    );
}

#[test]
fn dropping_it_cancels_what_has_not_started() {
    let promises = RefCell::new(Vec::new());
    let mut results = Map::new(0..10, 4, |number| {
        let (mut promise, future) = Promise::new();
        match number {
            0 => promise.complete(number).unwrap(),
            1 => {
                assert!(promise.start());
                promises.borrow_mut().push(promise);
            }
            _ => promises.borrow_mut().push(promise),
        }
        future
    });
    assert_eq!(format!("{results:?}"), "Map { submitted: 0, .. }");
    assert!(results.next().is_some());
    assert_eq!(format!("{results:?}"), "Map { submitted: 3, .. }");
    assert_eq!(results.size_hint(), (9, Some(9)));
    drop(results);
    let cancelled: Vec<_> = promises.borrow().iter().map(Promise::is_cancelled).collect();
    assert_eq!(cancelled, [false, true, true]);
}

#[test]
fn it_is_over_for_good() {
    let mut more = [Some(1), None, Some(2)].into_iter();
    let mut results = Map::new(std::iter::from_fn(|| more.next().flatten()), 2, Future::ready);
    assert!(results.next().is_some());
    assert!(results.next().is_none());
    assert!(results.next().is_none());
}
