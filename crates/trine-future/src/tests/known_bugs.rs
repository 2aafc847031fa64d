//! The rows K: bugs that the peers had, of those that concern futures.

use super::{Counter, refused};
use crate::{Future, Promise, Task, TimedOut, Until, as_completed, wait};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

#[test]
fn k19_the_time_out_of_a_task_is_not_that_of_the_wait() {
    type Answer = Result<u32, TimedOut>;
    let own = TimedOut {
        unfinished: 1,
        total: 1,
    };
    let (promise, mut future) = Promise::<Answer>::new();
    assert!(future.result_timeout(Duration::ZERO).is_none(), "not ready");
    promise.complete(Err(own)).unwrap();
    let ready = future.result_timeout(Duration::ZERO);
    assert_eq!(
        ready.unwrap().unwrap(),
        Err(own),
        "ready, with the task's own time-out"
    );
}

#[test]
fn k22_k23_futures_are_observed_again_after_they_have_ended() {
    let (promises, futures): (Vec<_>, Vec<_>) = (0..3).map(|_| Promise::new()).unzip();
    let mut promises = promises.into_iter();
    let mut futures = futures;
    for done in 0..3 {
        assert_eq!(wait(&mut futures, Until::All, Duration::ZERO).done.len(), done);
        let observed = as_completed(futures);
        promises.next().unwrap().complete(done).unwrap();
        futures = observed.into_unfinished();
        assert_eq!(futures.len(), 3, "nothing was yielded");
    }
    assert_eq!(wait(&mut futures, Until::All, None).done, [0, 1, 2]);
    let values: Vec<_> = as_completed(futures)
        .map(|future| future.result().unwrap())
        .collect();
    assert_eq!(values, [0, 1, 2]);
}

#[test]
fn k30_the_last_handle_may_go_in_a_callback_or_in_the_task() {
    let drops = Counter::default();
    let kept: Arc<Mutex<Option<Future<_>>>> = Arc::default();
    let (promise, mut future) = Promise::new();
    let inside = Arc::clone(&kept);
    future.on_done(move |_| drop(inside.lock().unwrap().take()));
    *kept.lock().unwrap() = Some(future);
    assert!(promise.complete(drops.on_drop()).is_ok());
    assert!(kept.lock().unwrap().is_none());
    assert_eq!(drops.get(), 1);

    let inside = Arc::clone(&kept);
    let captured = drops.on_drop();
    let (task, future) = Task::new(
        move || {
            drop(inside.lock().unwrap().take());
            captured
        },
        (),
    );
    *kept.lock().unwrap() = Some(future);
    task.run();
    assert_eq!(drops.get(), 2);
}

#[test]
fn k43_a_future_and_its_callback_that_hold_each_other_go_with_the_end() {
    for cancels in [false, true] {
        let drops = Counter::default();
        let kept: Arc<Mutex<Option<Future<u32>>>> = Arc::default();
        let (promise, mut future) = Promise::new();
        let (inside, captured) = (Arc::clone(&kept), drops.on_drop());
        future.on_done(move |_| drop((inside, captured)));
        *kept.lock().unwrap() = Some(future);
        if cancels {
            assert!(kept.lock().unwrap().as_ref().unwrap().cancel());
        } else {
            promise.fail(refused());
        }
        assert_eq!(drops.get(), 1);
        assert_eq!(Arc::strong_count(&kept), 1);
        assert!(kept.lock().unwrap().take().unwrap().result().is_err());
    }
}

#[test]
fn k13_k63_cancel_and_completion_have_one_winner() {
    for _ in 0..1_000 {
        let (promise, mut future) = Promise::new();
        let calls = Counter::default();
        let counter = calls.clone();
        future.on_done(move |_| counter.add());
        let barrier = Arc::new(Barrier::new(2));
        let start = Arc::clone(&barrier);
        let producer = thread::spawn(move || {
            start.wait();
            promise.complete(7).is_ok()
        });
        barrier.wait();
        let cancelled = future.cancel();
        assert_ne!(producer.join().unwrap(), cancelled);
        assert_eq!(future.is_cancelled(), cancelled);
        assert_eq!(future.result().is_ok(), !cancelled);
        assert_eq!(calls.get(), 1);
    }
}
