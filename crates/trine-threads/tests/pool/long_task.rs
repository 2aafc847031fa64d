//! What lies in the queue of a worker that runs one task for long, which has others run again and again.

use crate::fixture::{hold, pool};
use trine_fixture::in_own_process;
use trine_future::{Shutdown, Until, wait};
use trine_threads::Handle;

/// How many tasks are queued when a task, on the only worker, has called `part` a thousand times.
fn queued_after(part: impl Fn(&Handle) + Send + 'static) -> usize {
    let pool = pool(1);
    let handle = pool.handle();
    let long = pool.spawn(move || {
        for _ in 0..1_000 {
            part(&handle);
        }
        handle.stats().queued
    });
    long.result().unwrap()
}

/// So few that it does not grow with the number of calls.
const FEW: usize = 100;

#[test]
fn what_it_waits_for_leaves_nothing() {
    in_own_process(|| {
        assert!(queued_after(|handle| handle.spawn(|| ()).result().unwrap()) < FEW);
    });
}

#[test]
fn what_it_waits_for_together_leaves_nothing() {
    in_own_process(|| {
        let queued = queued_after(|handle| {
            let mut futures: Vec<_> = (0..10).map(|_| handle.spawn(|| ())).collect();
            wait(&mut futures, Until::All, None);
        });
        assert!(queued < FEW, "{queued} are queued");
    });
}

#[test]
fn what_it_cancels_leaves_nothing() {
    in_own_process(|| {
        assert!(queued_after(|handle| assert!(handle.spawn(|| ()).cancel())) < FEW);
    });
}

#[test]
fn its_maps_leave_nothing() {
    in_own_process(|| {
        let queued = queued_after(|handle| assert_eq!(handle.map(|number| number, 0..10).count(), 10));
        assert!(queued < FEW, "{queued} are queued");
    });
}

#[test]
fn its_maps_leave_nothing_while_others_are_held() {
    in_own_process(|| {
        let pool = pool(2);
        let held = hold(&pool, 1);
        let handle = pool.handle();
        let long = pool.spawn(move || {
            for _ in 0..1_000 {
                let map = handle.map(|number| number, 0..10).chunk_size(10);
                assert_eq!(map.count(), 10);
            }
            handle.stats().queued
        });
        let queued = long.result().unwrap();
        assert!(queued < FEW, "{queued} are queued");
        drop(held);
    });
}

#[test]
fn a_map_that_is_over_has_cancelled_nothing() {
    in_own_process(|| {
        let pool = pool(1);
        let handle = pool.handle();
        let maps = pool.spawn(move || {
            let numbers = handle.map(|number| number, 0..10).count();
            numbers + handle.map_slice(|number| *number, &[1]).unwrap().len()
        });
        assert_eq!(maps.result().unwrap(), 11);
        pool.shutdown(Shutdown::Drain);
        assert_eq!(pool.stats().cancelled, 0);
    });
}

#[test]
fn its_maps_of_slices_leave_nothing() {
    in_own_process(|| {
        let queued =
            queued_after(|handle| assert_eq!(handle.map_slice(|number| number + 1, &[1]).unwrap(), [2]));
        assert!(queued < FEW, "{queued} are queued");
    });
}

#[test]
fn what_is_not_wanted_yet_is_kept() {
    in_own_process(|| {
        let pool = pool(1);
        let handle = pool.handle();
        let long = pool.spawn(move || {
            let mut kept = Vec::new();
            for number in 0..1_000 {
                handle.spawn(|| ()).result().unwrap();
                kept.push(handle.spawn(move || number));
            }
            (handle.stats().queued, kept)
        });
        let (queued, kept) = long.result().unwrap();
        assert!(queued < 2_000, "{queued} are queued");
        for (number, future) in kept.into_iter().enumerate() {
            assert_eq!(future.result().unwrap(), number);
        }
    });
}
