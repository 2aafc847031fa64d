//! Models of the queue's limit. A place is all there is to it: no task, no queue.

use crate::limit::{Limit, Place};
use std::sync::Arc;
use trine_platform::model::check;
use trine_platform::thread::{JoinHandle, spawn};

/// What a submitter does that blocks. False if the limit is closed.
fn pass(limit: &Arc<Limit>) -> bool {
    let place = limit.take().or_else(|waiting| waiting.result());
    place.map(drop).is_ok()
}

fn start(limit: &Arc<Limit>, role: impl FnOnce(&Arc<Limit>) + Send + 'static) -> JoinHandle<()> {
    let limit = Arc::clone(limit);
    spawn(move || role(&limit))
}

fn join<const N: usize>(threads: [JoinHandle<()>; N]) {
    for thread in threads {
        thread.join().expect("no model's thread panics");
    }
}

fn free_place(limit: &Arc<Limit>) -> Place {
    limit.try_take().expect("all places are free")
}

/// Nobody has a place or waits for one.
fn is_free(limit: &Arc<Limit>) {
    drop(free_place(limit));
}

#[test]
fn a_free_place_is_not_waited_for() {
    check("threads::limit::a_free_place_is_not_waited_for", || {
        let limit = Limit::new(1);
        let place = free_place(&limit);
        let waiter = start(&limit, |limit| assert!(pass(limit)));
        drop(place);
        join([waiter]);
        is_free(&limit);
    });
}

#[test]
fn a_place_goes_through_the_line() {
    check("threads::limit::a_place_goes_through_the_line", || {
        let limit = Limit::new(1);
        let place = free_place(&limit);
        let waiters = [0, 1].map(|_| start(&limit, |limit| assert!(pass(limit))));
        drop(place);
        join(waiters);
        is_free(&limit);
    });
}

#[test]
fn who_gives_up_passes_the_place_on() {
    check("threads::limit::who_gives_up_passes_the_place_on", || {
        let limit = Limit::new(1);
        let place = free_place(&limit);
        // As an async submitter that is dropped while it waits.
        let gives_up = start(&limit, |limit| drop(limit.take()));
        let waits = start(&limit, |limit| assert!(pass(limit)));
        drop(place);
        join([gives_up, waits]);
        is_free(&limit);
    });
}

#[test]
fn a_place_beyond_the_limit_is_not_handed_over() {
    check(
        "threads::limit::a_place_beyond_the_limit_is_not_handed_over",
        || {
            let limit = Limit::new(1);
            let (place, beyond) = (free_place(&limit), limit.take_beyond());
            let waiter = start(&limit, |limit| assert!(pass(limit)));
            let other = start(&limit, move |_| drop(beyond));
            drop(place);
            join([waiter, other]);
            is_free(&limit);
        },
    );
}

#[test]
fn a_close_is_told_to_who_waits() {
    check("threads::limit::a_close_is_told_to_who_waits", || {
        let limit = Limit::new(1);
        // It is not given back before the waiter has ended, so only the close can end the wait.
        let place = free_place(&limit);
        let waiter = start(&limit, |limit| assert!(!pass(limit)));
        limit.close();
        join([waiter]);
        drop(place);
        assert!(limit.try_take().is_none());
    });
}

#[test]
fn a_close_races_a_place_that_comes_back() {
    check("threads::limit::a_close_races_a_place_that_comes_back", || {
        let limit = Limit::new(1);
        let place = free_place(&limit);
        let waiter = start(&limit, |limit| {
            pass(limit);
        });
        let closer = start(&limit, |limit| limit.close());
        drop(place);
        join([waiter, closer]);
        assert!(!pass(&limit));
    });
}
