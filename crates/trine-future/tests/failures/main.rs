//! What no caller can be given goes to the failure hook, once, and goes no further.
//!
//! The hook is the whole program's, so these tests have a program of their own. It notes what it is told by thread:
//! nothing here leaves the thread of its test.

mod wakers;

use std::cell::RefCell;
use std::panic::{panic_any, resume_unwind};
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use trine_future::{
    Failure, Future, Owner, Panic, Promise, Task, TaskError, TaskGroup, catch_panic, set_failure_hook,
};

thread_local!(static NOTED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) });

/// What the hook is told while `action` runs.
fn noted(action: impl FnOnce()) -> Vec<String> {
    set_failure_hook(|failure| {
        let text = match failure {
            Failure::Unseen(error) => format!("unseen: {error}"),
            Failure::Panicked(panic) => format!("panicked: {}", panic.message()),
            _ => unreachable!("there are two kinds"),
        };
        let panics = text.contains("the hook panics, too");
        NOTED.with_borrow_mut(|noted| noted.push(text));
        assert!(!panics, "in the hook");
    });
    NOTED.take();
    action();
    NOTED.take()
}

const REFUSED: &str = "unseen: the task was not accepted: closed";

fn refused() -> TaskError {
    TaskError::refused("closed")
}

/// A value whose destructor panics, once.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any(self.0);
    }
}

/// Counts the calls of the callbacks that it makes.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicUsize>);

impl Counter {
    fn add(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    fn get(&self) -> usize {
        self.0.load(Relaxed)
    }
}

fn poll<T>(future: &mut Future<T>, waker: &Waker) -> Poll<Result<T, TaskError>> {
    std::future::Future::poll(Pin::new(future), &mut Context::from_waker(waker))
}

#[test]
fn a034_an_unseen_failure_is_told_once() {
    let ended_then_dropped = noted(|| {
        let (promise, future) = Promise::<()>::new();
        promise.fail(refused());
        drop(future);
    });
    assert_eq!(ended_then_dropped, [REFUSED]);

    let dropped_then_ended = noted(|| {
        let (promise, future) = Promise::<()>::new();
        drop(future);
        promise.fail(refused());
    });
    assert_eq!(dropped_then_ended, [REFUSED]);

    let panicked = noted(|| {
        let (task, future) = Task::new(|| panic!("no such page"), ());
        drop::<Future<()>>(future);
        task.run();
    });
    let [panicked] = &panicked[..] else {
        panic!("one failure, not {panicked:?}")
    };
    assert!(
        panicked.starts_with("unseen: the task panicked: no such page (at "),
        "{panicked}"
    );
}

#[test]
fn an_unseen_failure_of_a_mapped_future_is_told_once() {
    let map_twice = |future: Future<u32>| future.map(|value| value + 1).map(|value| value + 1);
    let ended_then_dropped = noted(|| {
        let (promise, future) = Promise::new();
        let mapped = map_twice(future);
        promise.fail(refused());
        drop(mapped);
    });
    assert_eq!(ended_then_dropped, [REFUSED]);

    let dropped_then_ended = noted(|| {
        let (promise, future) = Promise::new();
        drop(map_twice(future));
        promise.fail(refused());
    });
    assert_eq!(dropped_then_ended, [REFUSED]);
}

#[test]
fn an_unseen_failure_of_a_shared_future_is_told_once() {
    let ended_then_dropped = noted(|| {
        let (promise, future) = Promise::<u32>::new();
        let shared = future.shared();
        promise.fail(refused());
        // A copy that nobody takes has shown nobody anything.
        drop(shared.clone().into_future());
        drop(shared);
    });
    assert_eq!(ended_then_dropped, [REFUSED]);

    let dropped_then_ended = noted(|| {
        let (promise, future) = Promise::<u32>::new();
        drop(future.shared());
        promise.fail(refused());
    });
    assert_eq!(dropped_then_ended, [REFUSED]);

    let seen = noted(|| {
        let (promise, future) = Promise::<u32>::new();
        let shared = future.shared();
        promise.fail(refused());
        assert!(shared.result().is_err());
        let cancelled = Promise::<u32>::new().1.shared();
        cancelled.cancel();
    });
    assert_eq!(seen, [""; 0]);
}

#[test]
fn a065_failures_that_a_group_has_reported_are_not_told_again() {
    let fail_twice = |group: &mut TaskGroup<()>| {
        for _ in 0..2 {
            group.start(|| Future::failed(refused()));
        }
    };
    let joined = noted(|| {
        let (promise, future) = Promise::new();
        let mut group = TaskGroup::new();
        fail_twice(&mut group);
        group.start(|| future);
        assert_eq!(group.join().unwrap_err().failures.len(), 2);
        drop(promise);
    });
    assert_eq!(joined, [""; 0]);

    // Of a group that is dropped nobody hears what it has met, with a limit, or not.
    for limit in [1, 2] {
        let dropped = noted(|| {
            let mut group = TaskGroup::new().limit(limit);
            fail_twice(&mut group);
        });
        assert_eq!(dropped, [REFUSED].repeat(limit));
    }
}

#[test]
fn k40_g26_panics_around_a_shared_future_harm_nobody() {
    let told = noted(|| {
        let (promise, mut future) = Promise::new();
        let counter = Counter::default();
        let after = counter.clone();
        future.on_done(|_| panic!("a callback from before"));
        let shared = future.shared();
        shared.on_done(|_| panic!("a callback"));
        shared.on_done(move |_| after.add());
        assert!(promise.complete(Bomb("a value")).is_ok());
        shared.on_done(|_| panic!("a late callback"));
        assert_eq!(counter.get(), 1);
        drop(shared);
    });
    assert_eq!(
        told,
        [
            "panicked: a callback from before",
            "panicked: a callback",
            "panicked: a late callback",
            "panicked: a value"
        ]
    );

    struct Uncopied;
    impl Clone for Uncopied {
        fn clone(&self) -> Self {
            panic!("in clone")
        }
    }
    let told = noted(|| {
        let error = Future::ready(Uncopied).shared().into_future().result().err();
        assert_eq!(error.unwrap().panic().unwrap().message(), "in clone");
    });
    assert_eq!(told, [""; 0]);
}

#[test]
fn a035_what_was_seen_or_asked_for_is_not_told() {
    let nothing = noted(|| {
        assert!(Future::<()>::failed(refused()).result().is_err());
        let mut taken = Future::<()>::failed(refused());
        assert!(taken.result_timeout(Duration::ZERO).is_some());
        drop(taken);
        let mut awaited = Future::<()>::failed(refused());
        assert!(poll(&mut awaited, Waker::noop()).is_ready());
        drop(awaited);

        drop(Future::ready("a value that nobody takes"));

        let (promise, future) = Promise::<()>::new();
        assert!(future.cancel());
        drop((promise, future));
        let (task, future) = Task::new(|| (), ());
        drop((task, future));

        let (abandoned, future) = Promise::<()>::new();
        drop((abandoned, future));
        let (abandoned, future) = Promise::<()>::new();
        drop((future.map(|()| ()), abandoned));

        drop(Future::ready(Err::<(), _>(
            "an `Err` that the task returned is a value",
        )));
    });
    assert_eq!(nothing, [""; 0]);
}

#[test]
fn a_hook_that_panics_is_ignored() {
    let told = noted(|| {
        drop(Future::<()>::failed(TaskError::refused("the hook panics, too")));
        drop(Future::<()>::failed(refused()));
    });
    assert_eq!(
        told,
        ["unseen: the task was not accepted: the hook panics, too", REFUSED]
    );
}

#[test]
fn f08_k38_a_callback_that_panics_at_once_does_not_reach_the_caller() {
    let told = noted(|| {
        let mut future = Future::ready(3);
        future.on_done(|_| panic!("at once"));
        assert_eq!(future.result().unwrap(), 3);
    });
    assert_eq!(told, ["panicked: at once"]);
}

#[test]
fn k40_a_callback_that_panics_with_anything_stops_no_other() {
    let payloads: [fn(); 4] = [
        || panic!("text"),
        || panic_any(5),
        || resume_unwind(Box::new("quietly")),
        || panic_any(Bomb("the payload's destructor")),
    ];
    let texts = [
        "panicked: text",
        "panicked: a panic with a payload that is not text",
        "panicked: quietly",
        "panicked: a panic with a payload that is not text",
    ];
    for (payload, text) in payloads.into_iter().zip(texts) {
        let counter = Counter::default();
        let (before, after) = (counter.clone(), counter.clone());
        let told = noted(|| {
            let (promise, mut future) = Promise::new();
            future.on_done(move |_| before.add());
            future.on_done(move |_| payload());
            future.on_done(move |_| after.add());
            promise.complete(3).unwrap();
            assert_eq!(future.result().unwrap(), 3);
        });
        assert_eq!((&told[..], counter.get()), (&[text.to_owned()][..], 2));
    }
}

#[test]
fn a_task_that_panics_with_a_bomb_fails_and_nothing_else() {
    let told = noted(|| {
        let (task, future) = Task::new(|| -> u32 { panic_any(Bomb("the payload's destructor")) }, ());
        task.run();
        drop(future);
    });
    assert_eq!(
        told.len(),
        1,
        "the failure is told, what its payload's destructor does is not: {told:?}"
    );
}

#[test]
fn g26_a_value_whose_destructor_panics_harms_nobody() {
    let by_consumer = noted(|| {
        let (promise, mut future) = Promise::new();
        let counter = Counter::default();
        let callback = counter.clone();
        future.on_done(move |_| callback.add());
        assert!(promise.complete(Bomb("a value")).is_ok());
        drop(future);
        assert_eq!(counter.get(), 1);
    });
    assert_eq!(by_consumer, ["panicked: a value"]);

    let by_producer = noted(|| {
        let (task, mut future) = Task::new(|| Bomb("a value"), ());
        let counter = Counter::default();
        let callback = counter.clone();
        future.on_done(move |_| callback.add());
        drop(future);
        task.run();
        assert_eq!(counter.get(), 1);
    });
    assert_eq!(by_producer, ["panicked: a value"]);
}

#[test]
fn g25_captures_whose_destructor_panics_do_not_reach_the_canceller() {
    let told = noted(|| {
        let bomb = Bomb("a capture");
        let (task, mut future) = Task::new(move || drop(bomb), ());
        let counter = Counter::default();
        let callback = counter.clone();
        future.on_done(move |_| callback.add());
        assert!(future.cancel());
        assert_eq!(counter.get(), 1);
        task.run();
        assert!(future.result().unwrap_err().is_cancelled());
    });
    assert_eq!(told, ["panicked: a capture"]);
}

/// An owner that can stop what runs.
struct Stops;

impl Owner for Stops {
    const STOPS_RUNNING: bool = true;
}

#[test]
fn a_result_that_comes_after_the_cancel_is_dropped_without_harm() {
    let told = noted(|| {
        let shared: Arc<std::sync::Mutex<Option<Future<Bomb>>>> = Arc::default();
        let inside = Arc::clone(&shared);
        let (task, future) = Task::new(
            move || {
                let future = inside.lock().unwrap().take().unwrap();
                assert!(future.cancel());
                Bomb("a late value")
            },
            Stops,
        );
        *shared.lock().unwrap() = Some(future);
        task.run();
    });
    assert_eq!(told, ["panicked: a late value"]);
}

/// The cause of an error, whose destructor panics.
#[derive(Debug)]
struct Cause(#[allow(dead_code, reason = "it is there for its destructor")] BombInside);

struct BombInside(Option<Bomb>);

impl std::fmt::Debug for BombInside {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0.is_some())
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a cause")
    }
}

impl std::error::Error for Cause {}

#[test]
fn an_error_whose_destructor_panics_harms_nobody() {
    let told = noted(|| {
        let (promise, mut future) = Promise::<()>::new();
        let counter = Counter::default();
        let callback = counter.clone();
        future.on_done(move |_| callback.add());
        drop(future);
        let cause = Cause(BombInside(Some(Bomb("a cause's destructor"))));
        promise.fail(TaskError::serialization("the result could not be read", cause));
        assert_eq!(counter.get(), 1);
    });
    assert_eq!(
        told,
        [
            "unseen: the result could not be read",
            "panicked: a cause's destructor"
        ]
    );
}

#[test]
fn a_map_function_whose_destructor_panics_does_not_hide_the_error() {
    let told = noted(|| {
        let bomb = Bomb("the function's destructor");
        let mapped = Future::<u32>::failed(refused()).map(move |value| {
            drop(bomb);
            value
        });
        assert!(mapped.result().unwrap_err().is_refused());
    });
    assert_eq!(told, ["panicked: the function's destructor"]);
}

#[test]
fn dropping_while_the_thread_unwinds_is_contained_as_well() {
    let told = noted(|| {
        let future = Future::ready(Bomb("while unwinding"));
        let panic: Result<(), Panic> = catch_panic(move || {
            let _future = future;
            panic!("the first")
        });
        assert_eq!(panic.unwrap_err().message(), "the first");
    });
    assert_eq!(told, ["panicked: while unwinding"]);
}

#[test]
#[ignore = "runs in a process of its own, below"]
fn child_whose_stderr_is_gone() {
    drop(Future::<()>::failed(refused()));
}

#[test]
fn a_stderr_that_is_gone_does_not_matter() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "child_whose_stderr_is_gone",
            "--ignored",
            "--nocapture",
        ])
        .stdout(Stdio::null())
        .stderr(writer)
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn values_that_a_failed_group_drops_are_dropped_each_for_itself() {
    let told = noted(|| {
        let mut group = TaskGroup::new();
        group.start(|| Future::ready(Bomb("the first")));
        group.start(|| Future::ready(Bomb("the second")));
        group.start(|| Future::failed(refused()));
        let error = group.join().err().unwrap();
        assert_eq!(error.failures.len(), 1);
    });
    assert_eq!(told, ["panicked: the first", "panicked: the second"]);
}

/// An owner whose `stop` panics, as a waker in it may.
struct StopPanics;

impl Owner for StopPanics {
    const STOPS_RUNNING: bool = true;

    fn stop(&self) {
        panic_any("in stop");
    }
}

#[test]
fn who_waits_for_a_cancelled_task_is_told_though_its_owner_panics() {
    let counter = Counter::default();
    let callback = counter.clone();
    let told = noted(|| {
        let (mut promise, mut future) = Promise::<u32>::with_owner(StopPanics);
        future.on_done(move |_| callback.add());
        assert!(promise.start() && future.cancel());
    });
    assert_eq!(
        (&told[..], counter.get()),
        (&["panicked: in stop".to_owned()][..], 1)
    );
}
