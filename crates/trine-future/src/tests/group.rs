//! Groups of tasks.

use crate::{Executor, Future, GroupFailure, Promise, Task, TaskError, TaskGroup};
use std::collections::VecDeque;
use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::thread;

#[test]
fn a060_a077_join_gives_the_values_in_the_order_of_submission() {
    let (promises, futures): (Vec<_>, Vec<_>) = (0..100).map(|_| Promise::new()).unzip();
    let mut group = TaskGroup::new();
    for future in futures {
        group.start(|| future);
    }
    let completing = thread::spawn(move || {
        for (number, promise) in promises.into_iter().enumerate().rev() {
            promise.complete(number).unwrap();
        }
    });
    assert_eq!(group.join().unwrap(), (0..100).collect::<Vec<_>>());
    completing.join().unwrap();
}

#[test]
fn a078_next_gives_each_as_it_ends() {
    let (mut promises, futures): (Vec<_>, Vec<_>) = (0..3).map(|_| Promise::new()).unzip();
    let mut group = TaskGroup::new();
    for future in futures {
        group.start(|| future);
    }
    for number in [2, 1, 0] {
        promises.remove(number).complete(number).unwrap();
        let (index, result) = group.next().unwrap();
        assert_eq!((index, result.unwrap()), (number, number));
        assert_eq!(group.size_hint(), (number, Some(number)));
    }
    assert!(group.next().is_none());
    // It can be used on.
    group.start(|| Future::ready(7));
    assert_eq!(group.next().unwrap().0, 3);
    assert!(group.join().unwrap().is_empty());
}

#[test]
fn a_limit_is_kept() {
    let under_way = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let mut group = TaskGroup::new().limit(3);
    let mut threads = Vec::new();
    for number in 0..50 {
        group.start(|| {
            let (promise, future) = Promise::new();
            most.fetch_max(under_way.fetch_add(1, SeqCst) + 1, SeqCst);
            let under_way = Arc::clone(&under_way);
            threads.push(thread::spawn(move || {
                under_way.fetch_sub(1, SeqCst);
                promise.complete(number).unwrap();
            }));
            future
        });
    }
    assert_eq!(group.join().unwrap().len(), 50);
    assert!(most.load(SeqCst) <= 3);
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Polls once, as a task that nobody wakes.
fn poll_once<F: std::future::Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_limit_is_kept_in_async_code() {
    let (promise, pending) = Promise::new();
    let mut group = TaskGroup::new().limit(1);
    assert!(poll_once(group.start_async(|| pending)).is_ready());
    assert!(poll_once(group.start_async(|| unreachable!("there is no room"))).is_pending());
    promise.complete(1).unwrap();
    assert!(poll_once(group.start_async(|| Future::ready(2))).is_ready());
    assert_eq!(group.join().unwrap(), [1, 2]);
}

#[test]
fn what_has_ended_is_given_out_while_others_are_under_way() {
    let (mut promises, mut futures): (VecDeque<_>, VecDeque<_>) = (0..4).map(|_| Promise::new()).unzip();
    let mut group = TaskGroup::new().limit(2);
    let mut start = |group: &mut TaskGroup<_>| group.start(|| futures.pop_front().unwrap());
    start(&mut group);
    start(&mut group);
    // The limit has each of these look at the one that has ended.
    promises.pop_front().unwrap().complete(0).unwrap();
    start(&mut group);
    let (index, _) = group.next().unwrap();
    assert_eq!(index, 0);
    promises.pop_front().unwrap().complete(1).unwrap();
    start(&mut group);
    assert!(matches!(
        poll_once(group.next_async()),
        Poll::Ready(Some((1, Ok(1))))
    ));
}

#[test]
fn what_the_limit_has_met_is_given_out_in_the_order_in_which_it_ended() {
    let mut group = TaskGroup::new().limit(1);
    (0..3).for_each(|number| group.start(|| Future::ready(number)));
    let given_out: Vec<_> = group.map(|(index, _)| index).collect();
    assert_eq!(given_out, [0, 1, 2]);
}

#[test]
fn a080_the_first_failure_cancels_the_rest_and_all_failures_are_kept() {
    let mut group = TaskGroup::<u32>::new();
    let (running, runs) = Promise::new();
    let (pending, waits) = Promise::<u32>::new();
    let mut running = running;
    assert!(running.start());
    group.start(|| runs);
    group.start(|| waits);
    group.start(|| Future::failed(TaskError::refused("full")));
    let failing = thread::spawn(move || {
        // The group has met the first failure once it has cancelled this one.
        while !pending.is_cancelled() {
            thread::yield_now();
        }
        running.fail(TaskError::refused("late"));
    });
    let error = group.join().unwrap_err();
    failing.join().unwrap();
    assert_eq!((error.total, error.cancelled), (3, 1));
    let failed: Vec<_> = error.failures.iter().map(|(index, _)| *index).collect();
    assert_eq!(failed, [0, 2]);
    assert_eq!(
        error.to_string(),
        "2 of 3 tasks failed, 1 were cancelled; first, task 0: the task was not accepted: late"
    );
}

#[test]
fn a097_after_a_failure_nothing_is_started() {
    let mut group = TaskGroup::fallible().limit(1);
    group.start_fallible(|| Future::ready(Err::<u32, _>("broken")));
    // The limit has this one look at the first.
    group.start_fallible(|| unreachable!("the group has failed"));
    let error = group.join().unwrap_err();
    assert!(matches!(
        error.failures[..],
        [(0, GroupFailure::Returned("broken"))]
    ));
    assert_eq!(error.cancelled, 1);
}

#[test]
fn a066_a_dropped_group_cancels() {
    let (promise, future) = Promise::<u32>::new();
    let mut group = TaskGroup::new();
    group.start(|| future);
    drop(group);
    assert!(promise.is_cancelled());
}

#[test]
fn a063_a079_a_cancelled_task_has_no_value_and_ends_its_group() {
    let (queued, future) = Task::new(|| 1, ());
    let (pending, other) = Promise::new();
    let mut group = TaskGroup::new();
    group.start(|| future);
    group.start(|| other);
    // What a pool does that gives up its queue.
    drop(queued);
    let error = group.join().unwrap_err();
    assert!(error.failures.is_empty());
    assert_eq!((error.cancelled, error.total), (2, 2));
    assert_eq!(error.to_string(), "0 of 2 tasks failed, 2 were cancelled");
    assert!(pending.is_cancelled());
}

#[test]
fn a085_an_error_beside_the_tasks_cancels_them() {
    fn body(futures: Vec<Future<u32>>) -> Result<Vec<u32>, &'static str> {
        let mut group = TaskGroup::new();
        for future in futures {
            group.start(|| future);
        }
        Err("beside the tasks")?;
        group.join().map_err(|_| "in a task")
    }
    let (promises, futures): (Vec<_>, Vec<_>) = (0..5).map(|_| Promise::new()).unzip();
    assert_eq!(body(futures), Err("beside the tasks"));
    assert!(promises.iter().all(Promise::is_cancelled));
}

/// An executor that runs a task when it is submitted.
struct AtOnce;

impl<F: FnOnce(A) -> R + Send + 'static, A: Send + 'static, R: Send + 'static> Executor<F, A> for AtOnce {
    type Output = R;

    fn submit(&self, function: F, argument: A) -> Future<R> {
        let (task, future) = Task::new(move || function(argument), ());
        task.run();
        future
    }

    fn map<I>(&self, function: F, arguments: I) -> impl Iterator<Item = Result<R, TaskError>>
    where
        I: IntoIterator<Item = A>,
        F: Clone,
    {
        arguments
            .into_iter()
            .map(move |argument| self.submit(function.clone(), argument).result())
    }
}

#[test]
fn any_executor_will_do() {
    let mut group = TaskGroup::new().limit(2);
    for number in 0..1_000u32 {
        group.submit(&AtOnce, |number| number + 1, number);
    }
    assert_eq!(group.join().unwrap().into_iter().sum::<u32>(), 500_500);
}

#[test]
fn an_executor_may_be_a_trait_object() {
    let mut group = TaskGroup::new();
    let executor: &dyn Executor<fn(u32) -> u32, u32, Output = u32> = &AtOnce;
    group.submit(executor, |number| number + 1, 1);
    assert_eq!(group.join().unwrap(), [2]);
}

#[test]
fn a_task_that_panics_is_a_failure() {
    let mut group = TaskGroup::new();
    group.submit(&AtOnce, |()| panic!("no such page"), ());
    let mut error = group.join().map(|_: Vec<()>| ()).unwrap_err();
    let (0, GroupFailure::Task(cause)) = error.failures.remove(0) else {
        panic!("the task has not returned");
    };
    assert_eq!(cause.panic().unwrap().message(), "no such page");
}

#[test]
fn the_source_of_a_failure_is_that_of_its_error() {
    let cause = "at byte 7".to_owned();
    let inner = TaskError::serialization("the reply could not be read", cause.clone());
    let outer = TaskError::serialization("the page could not be read", inner);
    let failures = [
        GroupFailure::Task(TaskError::serialization("the reply could not be read", cause)),
        GroupFailure::Returned(outer),
    ];
    let sources = failures.map(|failure| failure.source().map(ToString::to_string));
    assert_eq!(
        sources,
        ["at byte 7", "the reply could not be read"].map(|source| Some(source.to_owned()))
    );
}
