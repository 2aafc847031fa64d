//! Sizes, bounds, variance, error texts, and values of unusual layouts.

use super::{Counter, refused};
use crate::{
    AsCompleted, CancelOnDrop, Future, Panic, Promise, Shared, Task, TaskError, WorkerDeath, as_completed,
    catch_panic,
};
use std::cell::Cell;
use std::error::Error;
use std::os::unix::process::ExitStatusExt;
use std::panic::{catch_unwind, panic_any, resume_unwind};
use std::process::ExitStatus;
use std::time::Duration;

#[test]
fn handles_are_one_pointer_wide() {
    let pointer = size_of::<*const ()>();
    assert_eq!(size_of::<Future<[u64; 100]>>(), pointer);
    assert_eq!(size_of::<Option<Future<[u64; 100]>>>(), pointer);
    assert_eq!(size_of::<Promise<String>>(), pointer);
    assert_eq!(size_of::<Option<CancelOnDrop<String>>>(), pointer);
    assert_eq!(size_of::<Option<Shared<String>>>(), pointer);
    assert_eq!(size_of::<Option<Task>>(), pointer);
    assert_eq!(size_of::<Result<(), TaskError>>(), pointer);
}

#[test]
fn handles_go_between_threads_if_their_values_do() {
    fn is_send_and_sync<T: Send + Sync>() {}
    fn is_unpin<T: Unpin>() {}
    // A cell is not `Sync`, and need not be: a shared future gives nobody its value.
    is_send_and_sync::<Future<Cell<u32>>>();
    is_send_and_sync::<Promise<Cell<u32>>>();
    is_send_and_sync::<Task>();
    is_send_and_sync::<TaskError>();
    is_send_and_sync::<AsCompleted<Future<u32>>>();
    is_unpin::<Future<std::marker::PhantomPinned>>();
}

#[test]
fn a_promise_may_only_become_one_of_more_special_values() {
    type General = for<'a> fn(&'a str) -> usize;
    type Special = fn(&'static str) -> usize;
    // These two compile. The other way round a special function would come out of the future as a general one.
    let narrow = |promise: Promise<Special>| -> Promise<General> { promise };
    let widen = |future: Future<General>| -> Future<Special> { future };
    let (promise, future) = Promise::<Special>::new();
    let general: General = |text| text.len();
    narrow(promise).complete(general).unwrap();
    assert_eq!(future.result().unwrap()("trine"), 5);
    assert_eq!(widen(Future::ready(general)).result().unwrap()("trine"), 5);
}

#[test]
fn values_of_any_alignment_and_size_fit() {
    #[repr(align(64))]
    #[derive(Debug, PartialEq)]
    struct Aligned(u8);
    let (promise, future) = Promise::new();
    promise.complete(Aligned(7)).unwrap();
    assert_eq!(
        future.map(|value| Aligned(value.0 + 1)).result().unwrap(),
        Aligned(8)
    );
    let captured = Aligned(3);
    let (task, future) = Task::new(move || captured, ());
    task.run();
    assert_eq!(future.result().unwrap(), Aligned(3));
    drop(Future::ready(Aligned(1)));

    let (task, future) = Task::new(|| [7_u8; 4096], ());
    task.run();
    assert_eq!(future.result().unwrap(), [7; 4096]);
}

#[test]
fn values_without_a_size_are_dropped_once() {
    thread_local!(static DROPS: Cell<u32> = const { Cell::new(0) });
    struct Nothing;
    impl Drop for Nothing {
        fn drop(&mut self) {
            DROPS.set(DROPS.get() + 1);
        }
    }
    drop(Future::ready(Nothing));
    assert_eq!(DROPS.take(), 1);
    let (task, future) = Task::new(|| Nothing, ());
    task.run();
    drop(future.result());
    assert_eq!(DROPS.take(), 1);
    let (promise, future) = Promise::new();
    let futures = as_completed([future]);
    promise.complete(Nothing).ok().unwrap();
    drop(futures);
    assert_eq!(DROPS.take(), 1);
}

/// An error, its text, its `Debug`, and the predicate that is true for it.
type Described = (TaskError, &'static str, &'static str, fn(&TaskError) -> bool);

/// Each kind of error.
fn errors() -> Vec<Described> {
    let death = |status| WorkerDeath {
        pid: 4242,
        status,
        out_of_memory: false,
        stderr: String::new(),
    };
    let cause = "at byte 7".to_owned();
    vec![
        (
            TaskError::cancelled(),
            "the task was cancelled, by its future, its group or map, or the end of its pool: submit it again if it is still wanted",
            "Cancelled",
            TaskError::is_cancelled,
        ),
        (
            TaskError::panicked(Panic::remote("no page".to_owned(), Some("a.rs:1:2".to_owned()))),
            "the task panicked: no page (at a.rs:1:2). What is expected to fail is better returned as an `Err`",
            r#"Panic { message: "no page", location: Some("a.rs:1:2") }"#,
            TaskError::is_panic,
        ),
        (
            TaskError::abandoned(),
            "whoever was to give the value went away: a promise was dropped without a result, or a runtime before its task had ended. Keep it until then",
            "Abandoned",
            TaskError::is_abandoned,
        ),
        (
            refused(),
            "the task was not accepted: closed",
            r#"Refused { reason: "closed" }"#,
            TaskError::is_refused,
        ),
        (
            TaskError::worker_died("crawl", death(Some(ExitStatus::from_raw(9)))),
            "worker process 4242 died while it ran `crawl`, which is not tried again (submit it again if it may run twice): signal: 9 (SIGKILL)",
            r#"WorkerDied { task: "crawl", death: WorkerDeath { pid: 4242, status: Some(ExitStatus(unix_wait_status(9))), out_of_memory: false, stderr: "" } }"#,
            TaskError::is_worker_death,
        ),
        (
            TaskError::worker_died("crawl", death(None)),
            "worker process 4242 died while it ran `crawl`, which is not tried again (submit it again if it may run twice): the system does not say how",
            r#"WorkerDied { task: "crawl", death: WorkerDeath { pid: 4242, status: None, out_of_memory: false, stderr: "" } }"#,
            TaskError::is_worker_death,
        ),
        (
            TaskError::panicked_elsewhere(Panic::remote("no page".to_owned(), None), "0: crawl"),
            "the task panicked: no page. What is expected to fail is better returned as an `Err`",
            r#"Panic { message: "no page", location: None }"#,
            TaskError::is_panic,
        ),
        (
            TaskError::timed_out("crawl", Duration::from_millis(1500)),
            "`crawl` was stopped: it ran longer than 1.5s. Give it more time, or less work",
            r#"TimedOut { task: "crawl", timeout: 1.5s }"#,
            TaskError::is_timed_out,
        ),
        (
            TaskError::killed("crawl"),
            "`crawl` was stopped: its pool was killed. Submit it to another one if it is still wanted",
            r#"Killed { task: "crawl" }"#,
            TaskError::is_killed,
        ),
        (
            TaskError::serialization("the argument of type `Page` could not be serialised", cause),
            "the argument of type `Page` could not be serialised",
            r#"Serialization { what: "the argument of type `Page` could not be serialised", cause: "at byte 7" }"#,
            TaskError::is_serialization,
        ),
        (
            TaskError::taken(),
            "the result of this future was taken before: keep it, or let many look at it by `shared`",
            "Taken",
            TaskError::is_taken,
        ),
        (
            TaskError::deadlock(vec!["crawl", "index"]),
            "a deadlock: `crawl` waits for `index` waits for `crawl`. Return the future instead of waiting for it",
            r#"Deadlock(["crawl", "index"])"#,
            TaskError::is_deadlock,
        ),
    ]
}

#[test]
fn errors_say_what_happened() {
    let predicates: [fn(&TaskError) -> bool; 10] = [
        TaskError::is_cancelled,
        TaskError::is_panic,
        TaskError::is_abandoned,
        TaskError::is_refused,
        TaskError::is_worker_death,
        TaskError::is_timed_out,
        TaskError::is_killed,
        TaskError::is_serialization,
        TaskError::is_taken,
        TaskError::is_deadlock,
    ];
    for (error, text, debug, predicate) in errors() {
        assert_eq!(error.to_string(), text);
        assert_eq!(format!("{error:?}"), debug);
        assert!(predicate(&error), "{text}");
        assert_eq!(predicates.iter().filter(|is| is(&error)).count(), 1, "{text}");
        assert_eq!(error.source().is_some(), error.is_serialization(), "{text}");
        assert_eq!(error.worker_death().is_some(), error.is_worker_death(), "{text}");
        assert!(error.into_panic_payload().is_err(), "{text}");
    }
    let errors = errors();
    let (error, ..) = errors
        .iter()
        .find(|(error, ..)| error.is_serialization())
        .unwrap();
    assert_eq!(error.source().unwrap().to_string(), "at byte 7");
    let (error, ..) = errors
        .iter()
        .find(|(error, ..)| error.backtrace().is_some())
        .unwrap();
    assert_eq!(error.backtrace(), Some("0: crawl"));
}

#[test]
fn the_death_of_a_worker_says_all_that_is_known() {
    let death = WorkerDeath {
        pid: 4242,
        status: Some(ExitStatus::from_raw(9)),
        out_of_memory: true,
        stderr: "one\ntwo".to_owned(),
    };
    assert_eq!(
        death.to_string(),
        "signal: 9 (SIGKILL), probably because memory ran out: let fewer workers run, or give them more; it wrote last:\none\ntwo"
    );
}

#[test]
fn a_question_mark_turns_an_error_into_a_box() {
    fn twice(
        future: Future<Result<u32, std::num::ParseIntError>>,
    ) -> Result<u32, Box<dyn Error + Send + Sync>> {
        Ok(future.result()?? * 2)
    }
    assert_eq!(twice(Future::ready("7".parse())).unwrap(), 14);
    let error = twice(Future::ready("x".parse())).unwrap_err();
    assert_eq!(error.to_string(), "invalid digit found in string");
    let error = twice(Future::failed(refused())).unwrap_err();
    assert!(error.downcast::<TaskError>().unwrap().is_refused());
}

#[test]
fn g15_a_panic_with_any_payload_is_a_value() {
    let run = |closure: fn()| {
        let (task, future) = Task::new(closure, ());
        task.run();
        future.result().unwrap_err()
    };
    let line = line!() + 1;
    let error = run(|| panic!("page {}", 7));
    let panic = error.panic().unwrap();
    assert_eq!(panic.message(), "page 7");
    let location = panic.location().unwrap();
    assert!(
        location.starts_with(&format!("{}:{line}:", file!())),
        "{location}"
    );
    assert_eq!(
        error.to_string(),
        format!(
            "the task panicked: page 7 (at {location}). What is expected to fail is better returned as an `Err`"
        )
    );

    let error = run(|| panic_any(Counter::default()));
    assert_eq!(
        error.panic().unwrap().message(),
        "a panic with a payload that is not text"
    );
    let payload = error.into_panic_payload().unwrap();
    assert!(payload.is::<Counter>());
}

#[test]
fn the_location_is_that_of_the_panic_that_was_caught() {
    let nested: Result<(), Panic> = catch_panic(|| {
        let inner = catch_panic(|| panic!("inner")).unwrap_err();
        assert_eq!(inner.message(), "inner");
        panic!("outer")
    });
    let outer = nested.unwrap_err();
    assert_eq!(outer.message(), "outer");
    assert!(outer.location().is_some());

    // A panic that the function caught itself is not where a later one happened, of which nothing is known.
    catch_panic(|| drop(catch_unwind(|| panic!("caught inside")))).unwrap();
    let resumed: Result<(), Panic> = catch_panic(|| resume_unwind(Box::new("resumed")));
    let resumed = resumed.unwrap_err();
    assert_eq!((resumed.message(), resumed.location()), ("resumed", None));
}

#[test]
fn a_panic_that_goes_on_without_a_place_gets_no_other_one() {
    let resumed: Result<(), Panic> = catch_panic(|| {
        drop(catch_unwind(|| panic!("caught inside")));
        Panic::remote("far away".to_owned(), None).resume()
    });
    let resumed = resumed.unwrap_err();
    assert_eq!((resumed.message(), resumed.location()), ("far away", None));
}

fn assert_is_at_line(panic: &Panic, line: u32) {
    let place = format!("{}:{line}:", file!());
    let location = panic.location();
    assert!(
        location.is_some_and(|location| location.starts_with(&place)),
        "{panic}"
    );
}

#[test]
fn what_a_panic_drops_may_catch_panics_and_the_place_is_that_of_the_panic() {
    struct Catches(fn());
    impl Drop for Catches {
        fn drop(&mut self) {
            let _ = catch_panic(self.0);
        }
    }
    for inner in [|| (), || panic!("inner")] {
        let line = line!() + 3;
        let caught: Result<(), Panic> = catch_panic(|| {
            let _dropped = Catches(inner);
            panic!("outer")
        });
        assert_is_at_line(&caught.unwrap_err(), line);
    }
}

#[test]
fn the_destructor_of_a_payload_may_panic_and_the_place_is_that_of_the_panic_that_drops_it() {
    struct PanicsToo;
    impl Drop for PanicsToo {
        fn drop(&mut self) {
            panic!("inner");
        }
    }
    let line = line!() + 3;
    let caught: Result<(), Panic> = catch_panic(|| {
        let _dropped = catch_panic(|| panic_any(PanicsToo));
        panic!("outer")
    });
    assert_is_at_line(&caught.unwrap_err(), line);
}

#[test]
fn a_remote_panic_has_words_and_no_payload() {
    let panic = Panic::remote("far away".to_owned(), None);
    assert_eq!(panic.to_string(), "far away");
    assert_eq!(panic.into_payload().unwrap_err().message(), "far away");
}

#[test]
fn an_unseen_value_is_dropped_with_the_last_side() {
    let drops = Counter::default();
    let (promise, mut future) = Promise::new();
    promise.complete(drops.on_drop()).ok().unwrap();
    assert_eq!(drops.get(), 0);
    drop(future.result_timeout(Duration::ZERO));
    assert_eq!(drops.get(), 1);
    drop(future);
    assert_eq!(drops.get(), 1);
}
