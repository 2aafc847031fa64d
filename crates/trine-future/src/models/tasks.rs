//! Models of tasks: a worker, the queue and the future's holder race for the closure.

use super::{Tracked, join};
use crate::{BlockingHook, Drive, Owner, Promise, Substitute, Task, Waiting, set_blocking_hook};
use std::sync::Arc;
use trine_platform::atomic::{AtomicU32, Ordering::Relaxed};
use trine_platform::model::check;
use trine_platform::thread::spawn;
use trine_platform::{Parker, UnsafeCell};

/// An owner that has waiting threads run its tasks.
pub(super) struct RunsInline;

impl Owner for RunsInline {
    fn drive(&self, _: Waiting<'_>) -> Drive {
        Drive::Run
    }
}

#[test]
fn worker_races_inline_run() {
    check("future::worker_races_inline_run", || {
        let runs = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&runs);
        let captured = Tracked::new(4);
        let (task, future) = Task::new(
            move || {
                counter.fetch_add(1, Relaxed);
                captured
            },
            RunsInline,
        );
        let worker = spawn(move || task.run());
        assert_eq!(future.result().expect("it was run").get(), 4);
        join(worker);
        assert_eq!(runs.load(Relaxed), 1);
    });
}

/// What was left with a future is called once, also if the future is gone by the time that the task runs.
#[test]
fn worker_races_drop_of_a_future_with_a_callback() {
    check("future::worker_races_drop_of_a_future_with_a_callback", || {
        let calls = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&calls);
        let captured = Tracked::new(4);
        let (task, mut future) = Task::new(move || captured, ());
        future.on_done(move |_| {
            counter.fetch_add(1, Relaxed);
        });
        let worker = spawn(move || task.run());
        drop(future);
        join(worker);
        assert_eq!(calls.load(Relaxed), 1);
    });
}

#[test]
fn worker_races_cancel() {
    check("future::worker_races_cancel", || {
        let captured = Tracked::new(4);
        let runs = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&runs);
        let (task, future) = Task::new(
            move || {
                counter.fetch_add(1, Relaxed);
                captured
            },
            (),
        );
        let worker = spawn(move || task.run());
        let cancelled = future.cancel();
        if cancelled {
            assert!(future.result().is_err_and(|error| error.is_cancelled()));
        } else {
            assert_eq!(future.result().expect("it was run").get(), 4);
        }
        join(worker);
        assert_eq!(runs.load(Relaxed), u32::from(!cancelled));
    });
}

#[test]
fn queue_drops_a_task_that_is_dropped() {
    check("future::queue_drops_a_task_that_is_dropped", || {
        let captured = Tracked::new(4);
        let (task, future) = Task::new(move || captured, ());
        let queue = spawn(move || drop(task));
        drop(future);
        join(queue);
    });
}

#[test]
fn queue_drops_a_task_that_is_waited_for() {
    check("future::queue_drops_a_task_that_is_waited_for", || {
        let captured = Tracked::new(4);
        let (task, mut future) = Task::new(move || captured, ());
        let queue = spawn(move || drop(task));
        let calls = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&calls);
        future.on_done(move |_| {
            counter.fetch_add(1, Relaxed);
        });
        assert!(future.result().is_err_and(|error| error.is_cancelled()));
        join(queue);
        assert_eq!(calls.load(Relaxed), 1);
    });
}

/// An owner whose running tasks can be cancelled.
pub(super) struct Stops;

impl Owner for Stops {
    const STOPS_RUNNING: bool = true;
}

#[test]
fn cancel_of_a_running_task_races_completion() {
    check("future::cancel_of_a_running_task_races_completion", || {
        let (mut promise, future) = Promise::with_owner(Stops);
        assert!(promise.start());
        let producer = spawn(move || drop(promise.complete(Tracked::new(5))));
        if future.cancel() {
            assert!(future.result().is_err_and(|error| error.is_cancelled()));
        } else {
            assert_eq!(future.result().expect("it was completed").get(), 5);
        }
        join(producer);
    });
}

#[test]
fn worker_races_drop() {
    check("future::worker_races_drop", || {
        let captured = Tracked::new(4);
        let (task, future) = Task::new(move || captured, ());
        let worker = spawn(move || task.run());
        drop(future);
        join(worker);
    });
}

#[test]
fn worker_races_inline_run_of_a_mapped_future() {
    check("future::worker_races_inline_run_of_a_mapped_future", || {
        let captured = Tracked::new(4);
        let (task, future) = Task::new(move || captured, RunsInline);
        let mapped = future.map(|value| Tracked::new(value.get() + 1));
        let worker = spawn(move || task.run());
        assert_eq!(mapped.result().expect("it was run").get(), 5);
        join(worker);
    });
}

#[test]
fn worker_races_cancel_of_a_mapped_future() {
    check("future::worker_races_cancel_of_a_mapped_future", || {
        let captured = Tracked::new(4);
        let (task, future) = Task::new(move || captured, ());
        let mapped = future.map(|value| Tracked::new(value.get() + 1));
        let worker = spawn(move || task.run());
        if mapped.cancel() {
            assert!(mapped.result().is_err_and(|error| error.is_cancelled()));
        } else {
            assert_eq!(mapped.result().expect("it was run").get(), 5);
        }
        join(worker);
    });
}

#[test]
fn three_cancels_race() {
    check("future::three_cancels_race", || {
        let captured = Tracked::new(4);
        let (task, mut future) = Task::new(move || captured, ());
        let calls = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&calls);
        future.on_done(move |_| {
            counter.fetch_add(1, Relaxed);
        });
        let future = Arc::new(future);
        let other = Arc::clone(&future);
        let canceller = spawn(move || assert!(other.cancel()));
        let queue = spawn(move || drop(task));
        assert!(future.cancel());
        assert!(future.is_cancelled());
        // The model does not see what std's `Arc` orders: the last handle goes after the others.
        join(canceller);
        join(queue);
        assert_eq!(calls.load(Relaxed), 1);
    });
}

/// What the one who asks wrote before.
struct Reason(UnsafeCell<u32>);

// SAFETY: it is written to before the request, and read after.
unsafe impl Sync for Reason {}

#[test]
fn request_publishes_what_came_before_it() {
    check("future::request_publishes_what_came_before_it", || {
        let (mut promise, future) = Promise::<u32>::new();
        assert!(promise.start());
        let reason = Arc::new(Reason(UnsafeCell::new(0)));
        let shared = Arc::clone(&reason);
        let producer = spawn(move || {
            if promise.is_cancel_requested() {
                // SAFETY: it is written to before the request.
                assert_eq!(shared.0.with(|reason| unsafe { *reason }), 7);
            }
            let _ = promise.complete(3);
        });
        // SAFETY: the other side reads it after the request only.
        reason.0.with_mut(|reason| unsafe { *reason = 7 });
        assert!(future.request_cancel() || future.is_done());
        assert_eq!(future.result().expect("it was completed"), 3);
        join(producer);
    });
}

#[test]
fn cancel_on_drop_races_the_worker() {
    check("future::cancel_on_drop_races_the_worker", || {
        let captured = Tracked::new(4);
        let (task, future) = Task::new(move || captured, ());
        let worker = spawn(move || task.run());
        drop(future.cancel_on_drop());
        join(worker);
    });
}

/// An owner that sleeps on the waiting thread's parker before that thread does.
struct SleepsFirst(AtomicU32);

impl Owner for SleepsFirst {
    fn drive(&self, _: Waiting<'_>) -> Drive {
        let calls = self.0.fetch_add(1, Relaxed);
        if calls == 0 {
            // It is asked again before the next sleep.
            Parker::current().unpark();
        }
        // By the second call the completer has the parker, so its token can be used up here.
        if calls == 1 {
            let (promise, future) = Promise::new();
            let other = spawn(move || drop(promise.complete(Tracked::new(1))));
            assert_eq!(future.result().expect("it was completed").get(), 1);
            join(other);
        }
        Drive::Sleep
    }
}

#[test]
fn owner_sleeps_during_completion() {
    check("future::owner_sleeps_during_completion", || {
        let (promise, future) = Promise::with_owner(SleepsFirst(AtomicU32::new(0)));
        let producer = spawn(move || drop(promise.complete(Tracked::new(3))));
        assert_eq!(future.result().expect("it was completed").get(), 3);
        join(producer);
    });
}

/// The hook sleeps on the waiting thread's parker, which the completer has by then, and uses its token up.
#[test]
fn hook_sleeps_until_completion() {
    check("future::hook_sleeps_until_completion", || {
        let (promise, future) = Promise::new();
        set_blocking_hook(Some(BlockingHook {
            begin: Box::new(|| {
                Parker::current().park();
                Substitute::Here
            }),
            substitute: Box::new(|| Substitute::Here),
            end: Box::new(|| ()),
            runs_members: Box::new(|| false),
        }));
        let producer = spawn(move || drop(promise.complete(Tracked::new(3))));
        assert_eq!(future.result().expect("it was completed").get(), 3);
        set_blocking_hook(None);
        join(producer);
    });
}
