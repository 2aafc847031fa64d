//! The rows F: states, results, callbacks.

use super::{Counter, Example, examples, poll, refused};
use crate::{Future, Outcome, Promise, Task, TaskError};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

#[test]
fn f01_f02_a_callback_runs_when_the_task_ends_on_the_thread_that_ends_it() {
    for (fails, expected) in [(false, Outcome::Done), (true, Outcome::Failed)] {
        let (promise, mut future) = Promise::new();
        let (sender, receiver) = mpsc::channel();
        future.on_done(move |outcome| sender.send((outcome, thread::current().id())).unwrap());
        assert!(receiver.try_recv().is_err());
        let producer = thread::spawn(move || {
            if fails {
                promise.fail(refused());
            } else {
                promise.complete(5).unwrap();
            }
        });
        let producer_id = producer.thread().id();
        producer.join().unwrap();
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [(expected, producer_id)]);
        assert_eq!(future.result().is_err(), fails);
    }
}

/// A callback is told how the task ended and not the result: somebody who waited may have taken that by then. Who wants
/// it can take it.
#[test]
fn f01_f02_the_result_can_be_taken_inside_of_the_callback() {
    let (promise, future) = Promise::new();
    let taken = taken_by_a_callback(future, || promise.complete(5).unwrap());
    assert_eq!(taken.unwrap(), 5);

    let (promise, future) = Promise::<u32>::new();
    let taken = taken_by_a_callback(future, || promise.fail(refused()));
    assert!(taken.unwrap_err().is_refused());

    let (task, future) = Task::new(|| -> u32 { std::panic::panic_any(7_u8) }, ());
    let taken = taken_by_a_callback(future, || {
        task.run();
    });
    let payload = taken.unwrap_err().into_panic_payload().unwrap();
    assert_eq!(payload.downcast_ref(), Some(&7_u8));
}

/// What a callback of `future` takes out of it when `end` ends the task.
fn taken_by_a_callback(mut future: Future<u32>, end: impl FnOnce()) -> Result<u32, TaskError> {
    let kept: Arc<Mutex<Option<Future<u32>>>> = Arc::default();
    let (sender, receiver) = mpsc::channel();
    let inside = Arc::clone(&kept);
    future.on_done(move |_| {
        let future = inside.lock().unwrap().take().unwrap();
        sender.send(future.result()).unwrap();
    });
    *kept.lock().unwrap() = Some(future);
    end();
    receiver.try_recv().expect("the callback has run")
}

#[test]
fn f03_cancel_runs_the_callbacks_before_it_returns() {
    let (_promise, mut future) = Promise::<u32>::new();
    let (sender, receiver) = mpsc::channel();
    future.on_done(move |outcome| sender.send((outcome, thread::current().id())).unwrap());
    assert!(future.cancel());
    let calls: Vec<_> = receiver.try_iter().collect();
    assert_eq!(calls, [(Outcome::Cancelled, thread::current().id())]);
}

#[test]
fn f05_f06_f07_a_callback_of_an_ended_future_runs_at_once() {
    for mut example in examples() {
        let (sender, receiver) = mpsc::channel();
        example.future.on_done(move |outcome| {
            // Those that have not ended end after the receiver has gone.
            let _ = sender.send((outcome, thread::current().id()));
        });
        let expected = example.outcome.map(|outcome| (outcome, thread::current().id()));
        assert_eq!(receiver.try_recv().ok(), expected, "{}", example.state);
    }
}

#[test]
fn a036_callbacks_run_in_order_and_also_if_the_future_has_gone() {
    for is_dropped in [false, true] {
        let ends: [fn(Promise<u32>); 2] = [
            |promise| promise.complete(3).unwrap(),
            |promise| promise.fail(refused()),
        ];
        for end in ends {
            let (promise, mut future) = Promise::new();
            let (sender, receiver) = mpsc::channel();
            for number in 0..100 {
                let sender = sender.clone();
                future.on_done(move |_| sender.send(number).unwrap());
            }
            let kept = (!is_dropped).then_some(future);
            end(promise);
            assert_eq!(receiver.try_iter().collect::<Vec<_>>(), Vec::from_iter(0..100));
            // A failure that nobody takes would be told to the hook.
            let _ = kept.map(Future::result);
        }
    }
}

#[test]
fn f09_debug_names_the_type_and_the_state() {
    struct NotDebug;
    let (mut promise, future) = Promise::<NotDebug>::new();
    let name = std::any::type_name::<NotDebug>();
    assert_eq!(
        format!("{future:?} {promise:?}"),
        format!("Future<{name}>(Pending) Promise<{name}>(Pending)")
    );
    promise.start();
    assert_eq!(
        format!("{future:?} {promise:?}"),
        format!("Future<{name}>(Running) Promise<{name}>(Running)")
    );
    for example in examples() {
        assert_eq!(
            format!("{:?}", example.future),
            format!("Future<u32>({})", example.state)
        );
    }
    let (task, future) = Task::new(|| 1, ());
    assert_eq!(format!("{task:?}"), "Task(Pending)");
    future.cancel();
    assert_eq!(format!("{task:?}"), "Task(Cancelled)");
}

#[test]
fn f11_cancel_is_possible_before_the_start_only() {
    for mut example in examples() {
        let calls = Counter::default();
        let counter = calls.clone();
        example.future.on_done(move |_| counter.add());
        let (expected, calls_expected) = match example.state {
            "Pending" | "Cancelled" => (true, 1),
            "Running" => (false, 0),
            _ => (false, 1),
        };
        let state = if expected { "Cancelled" } else { example.state };
        for _ in 0..2 {
            assert_eq!(example.future.cancel(), expected, "{}", example.state);
            assert_eq!(format!("{:?}", example.future), format!("Future<u32>({state})"));
        }
        assert_eq!(calls.get(), calls_expected, "{}", example.state);
    }
}

#[test]
fn f12_f13_f14_f22_the_states_agree_with_each_other() {
    for Example {
        state,
        outcome,
        future,
        ..
    } in examples()
    {
        assert_eq!(future.is_cancelled(), state == "Cancelled", "{state}");
        assert_eq!(future.is_done(), outcome.is_some(), "{state}");
        assert_eq!(future.is_running(), state == "Running", "{state}");
    }
}

#[test]
fn f15_f18_a116_a_look_at_the_result_does_not_block() {
    for mut example in examples() {
        let result = example.future.result_timeout(Duration::ZERO);
        match example.state {
            "Pending" | "Running" => assert!(result.is_none()),
            "Done" => assert_eq!(result.unwrap().unwrap(), 42),
            "Failed" => assert!(result.unwrap().unwrap_err().is_refused()),
            _ => assert!(result.unwrap().unwrap_err().is_cancelled()),
        }
    }
}

#[test]
fn f15_a_future_can_be_waited_for_again_after_a_time_out() {
    let (promise, mut future) = Promise::new();
    for timeout in [
        Duration::ZERO,
        Duration::from_micros(1),
        Duration::from_micros(100),
    ] {
        assert!(future.result_timeout(timeout).is_none());
    }
    promise.complete(5).unwrap();
    assert_eq!(future.result_timeout(Duration::ZERO).unwrap().unwrap(), 5);
}

#[test]
fn f16_f19_a_thread_that_waits_is_woken() {
    type Case = (fn(Promise<u32>), fn(&TaskError) -> bool);
    let ends: [Case; 3] = [
        (|promise| promise.complete(5).unwrap(), |_| false),
        (|promise| promise.fail(refused()), TaskError::is_refused),
        (drop, TaskError::is_abandoned),
    ];
    for (end, is_expected) in ends {
        let (promise, future) = Promise::new();
        let barrier = Arc::new(Barrier::new(2));
        let waiting = Arc::clone(&barrier);
        let waiter = thread::spawn(move || {
            waiting.wait();
            future.result()
        });
        barrier.wait();
        end(promise);
        match waiter.join().unwrap() {
            Ok(value) => assert_eq!(value, 5),
            Err(error) => assert!(is_expected(&error)),
        }
    }
}

#[test]
fn f17_a_thread_that_waits_is_woken_by_the_cancel() {
    // Only the producer can cancel while another thread waits: waiting takes the future.
    let (task, future) = Task::new(|| (), ());
    let barrier = Arc::new(Barrier::new(2));
    let waiting = Arc::clone(&barrier);
    let waiter = thread::spawn(move || {
        waiting.wait();
        future.result()
    });
    barrier.wait();
    drop(task);
    assert!(waiter.join().unwrap().unwrap_err().is_cancelled());
}

#[test]
fn f20_f21_g02_k39_the_loser_gets_its_value_back() {
    // A second result does not compile: the first one consumes the promise (tests/compile/compile-fail). What can come before
    // it is a cancel.
    let (promise, mut future) = Promise::new();
    let calls = Counter::default();
    let counter = calls.clone();
    future.on_done(move |_| counter.add());
    assert!(future.cancel());
    assert_eq!(promise.complete("late"), Err("late"));
    assert!(future.is_cancelled());
    assert_eq!(calls.get(), 1);

    let ends: [fn(Promise<u32>); 3] = [
        |promise| promise.fail(refused()),
        |promise| promise.finish(Ok(1)),
        drop,
    ];
    for end in ends {
        let (promise, future) = Promise::new();
        assert!(future.cancel());
        end(promise);
        assert!(future.result().unwrap_err().is_cancelled());
    }
}

#[test]
fn f23_states_never_go_back() {
    let (mut promise, future) = Promise::new();
    let future = Arc::new(future);
    let barrier = Arc::new(Barrier::new(5));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (future, barrier) = (Arc::clone(&future), Arc::clone(&barrier));
            thread::spawn(move || {
                barrier.wait();
                let mut done = false;
                for _ in 0..1_000 {
                    let now = future.is_done();
                    assert!(now || !done);
                    done = now;
                    assert!(!future.is_cancelled());
                    assert!(!(now && future.is_running()));
                }
            })
        })
        .collect();
    barrier.wait();
    assert!(promise.start());
    promise.complete(7).unwrap();
    for reader in readers {
        reader.join().unwrap();
    }
    assert_eq!(Arc::into_inner(future).unwrap().result().unwrap(), 7);
}

#[test]
fn the_latest_waker_is_woken_once() {
    let (promise, mut future) = Promise::new();
    let (first, second) = (Counter::default(), Counter::default());
    assert!(poll(&mut future, &first.waker()).is_pending());
    assert!(poll(&mut future, &second.waker()).is_pending());
    promise.complete(3).unwrap();
    assert_eq!((first.get(), second.get()), (0, 1));
    let Poll::Ready(result) = poll(&mut future, Waker::noop()) else {
        panic!("it has ended")
    };
    assert_eq!(result.unwrap(), 3);
    let Poll::Ready(result) = poll(&mut future, Waker::noop()) else {
        panic!("it has ended")
    };
    assert!(result.unwrap_err().is_taken());
}

#[test]
fn a_look_does_not_take_the_wakers_place() {
    let (promise, mut future) = Promise::new();
    let wakes = Counter::default();
    assert!(poll(&mut future, &wakes.waker()).is_pending());
    assert!(future.result_timeout(Duration::ZERO).is_none());
    promise.complete(3).unwrap();
    assert_eq!(wakes.get(), 1);
}

#[test]
fn what_a_waker_and_a_callback_hold_goes_with_the_end() {
    let drops = Counter::default();
    let (promise, mut future) = Promise::new();
    let captured = drops.on_drop();
    future.on_done(move |_| drop(captured));
    promise.complete(3).unwrap();
    assert_eq!(drops.get(), 1);
    drop(future);

    let (promise, mut future) = Promise::<u32>::new();
    let held = Arc::new(WakesNobody);
    assert!(poll(&mut future, &Waker::from(Arc::clone(&held))).is_pending());
    assert_eq!(Arc::strong_count(&held), 2);
    drop(future);
    assert_eq!(Arc::strong_count(&held), 1, "a detached future keeps no waker");
    promise.complete(3).unwrap();
}

struct WakesNobody;

impl std::task::Wake for WakesNobody {
    fn wake(self: Arc<Self>) {}
}
