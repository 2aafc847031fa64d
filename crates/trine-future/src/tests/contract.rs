//! The rows G on futures: what no suite of the peers tests.

use super::{Counter, TellsAndRunsInline, has_waiter, poll, refused};
use crate::{
    BlockingHook, Drive, Future, Map, Outcome, Owner, Promise, Substitute, Task, Until, Waiting,
    as_completed, catch_panic, set_blocking_hook, wait,
};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::task::Waker;
use std::thread;
use std::time::Duration;
use trine_platform::Parker;

#[test]
fn g01_start_says_whether_the_task_is_still_wanted() {
    let (mut promise, future) = Promise::<u32>::new();
    assert!(promise.start());
    assert!(promise.start(), "it still runs");
    assert!(future.is_running());
    let (mut promise, future) = Promise::<u32>::new();
    assert!(!promise.is_cancelled());
    assert!(future.cancel());
    assert!(promise.is_cancelled());
    assert!(!promise.start());
}

#[test]
fn g02_a_promise_can_be_completed_without_a_start() {
    let (promise, future) = Promise::new();
    promise.complete(3).unwrap();
    assert_eq!(future.result().unwrap(), 3);
}

#[test]
fn g03_a_callback_added_in_a_callback_runs_at_once() {
    let (promise, future) = Promise::new();
    let future = Arc::new(Mutex::new(future));
    let (sender, receiver) = mpsc::channel();
    let (first, nested, second) = (sender.clone(), sender.clone(), sender);
    let inside = Arc::clone(&future);
    future.lock().unwrap().on_done(move |_| {
        first.send("first").unwrap();
        inside
            .lock()
            .unwrap()
            .on_done(move |_| nested.send("nested").unwrap());
    });
    future
        .lock()
        .unwrap()
        .on_done(move |_| second.send("second").unwrap());
    promise.complete(3).unwrap();
    assert_eq!(
        receiver.try_iter().collect::<Vec<_>>(),
        ["first", "nested", "second"]
    );
}

#[test]
fn g04_a_callback_added_twice_runs_twice() {
    let (promise, mut future) = Promise::new();
    let calls = Counter::default();
    let counter = calls.clone();
    let callback = move |_| counter.add();
    future.on_done(callback.clone());
    future.on_done(callback);
    promise.complete(3).unwrap();
    assert_eq!(calls.get(), 2);
}

#[test]
fn g05_a_callback_sees_the_end() {
    for cancels in [false, true] {
        let cell: Arc<OnceLock<Future<u32>>> = Arc::default();
        let (promise, mut future) = Promise::new();
        let inside = Arc::clone(&cell);
        let (sender, receiver) = mpsc::channel();
        future.on_done(move |_| {
            let future = inside.get().unwrap();
            sender
                .send((future.is_done(), future.is_running(), future.cancel()))
                .unwrap();
        });
        assert!(cell.set(future).is_ok());
        if cancels {
            assert!(cell.get().unwrap().cancel());
        } else {
            promise.complete(3).unwrap();
        }
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [(true, false, cancels)]);
    }
}

#[test]
fn g06_the_one_who_waits_is_woken_before_the_callbacks_run() {
    let (promise, mut future) = Promise::new();
    let (sender, receiver) = mpsc::channel();
    // This callback returns only after the result was taken.
    future.on_done(move |_| receiver.recv().unwrap());
    let producer = thread::spawn(move || promise.complete(3).unwrap());
    assert_eq!(future.result().unwrap(), 3);
    sender.send(()).unwrap();
    producer.join().unwrap();
}

#[test]
fn g07_a_callback_that_blocks_delays_no_other_future() {
    let (promise, mut future) = Promise::new();
    let (go_on, goes_on) = mpsc::channel();
    future.on_done(move |_| goes_on.recv().unwrap());
    let blocked = thread::spawn(move || promise.complete(1).unwrap());
    let (other, second) = Promise::new();
    let producer = thread::spawn(move || other.complete(2).unwrap());
    let mut values: Vec<_> = as_completed([future, second])
        .map(|future| future.result().unwrap())
        .collect();
    values.sort_unstable();
    assert_eq!(values, [1, 2]);
    producer.join().unwrap();
    go_on.send(()).unwrap();
    blocked.join().unwrap();
}

#[test]
fn g09_a114_the_longest_time_out_waits_for_ever() {
    let (promise, mut future) = Promise::new();
    let (started, start) = mpsc::channel();
    let producer = thread::spawn(move || {
        start.recv().unwrap();
        promise.complete(3).unwrap();
    });
    started.send(()).unwrap();
    assert_eq!(future.result_timeout(Duration::MAX).unwrap().unwrap(), 3);
    producer.join().unwrap();
    let mut futures = [Future::ready(1)];
    assert_eq!(wait(&mut futures, Until::All, Duration::MAX).done, [0]);
    assert_eq!(wait(&mut futures, Until::All, None).done, [0]);
}

#[test]
fn g12_no_waiter_stays_after_a_time_out() {
    let (_promise, mut future) = Promise::<u32>::new();
    assert!(future.result_timeout(Duration::from_millis(1)).is_none());
    assert!(!has_waiter(&mut future));
    let waited = wait([&mut future], Until::All, Duration::from_millis(1));
    assert_eq!(waited.pending, [0]);
    assert!(!has_waiter(&mut future));
}

#[test]
fn g19_a_result_is_taken_once() {
    let (promise, mut future) = Promise::new();
    promise.complete(String::from("once")).unwrap();
    assert_eq!(future.result_timeout(Duration::ZERO).unwrap().unwrap(), "once");
    for _ in 0..2 {
        assert!(
            future
                .result_timeout(Duration::ZERO)
                .unwrap()
                .unwrap_err()
                .is_taken()
        );
    }
    assert!(future.is_done());
    assert!(future.result().unwrap_err().is_taken());
}

#[test]
fn g25_cancel_frees_the_closure_at_once() {
    let drops = Counter::default();
    let captured = drops.on_drop();
    let (queued, future) = Task::new(move || drop(captured), ());
    assert!(future.cancel());
    assert_eq!(drops.get(), 1, "while the queue still has the task");
    drop(future);
    queued.run();
    assert_eq!(drops.get(), 1);
}

#[test]
fn a_task_that_is_dropped_is_cancelled() {
    let drops = Counter::default();
    let captured = drops.on_drop();
    let (task, mut future) = Task::new(move || drop(captured), ());
    let (sender, receiver) = mpsc::channel();
    future.on_done(move |outcome| sender.send(outcome).unwrap());
    drop(task);
    assert_eq!(drops.get(), 1);
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [Outcome::Cancelled]);
    assert!(future.result().unwrap_err().is_cancelled());
}

#[test]
fn a_task_can_be_failed_without_running() {
    let drops = Counter::default();
    let captured = drops.on_drop();
    let (task, future) = Task::new(move || drop(captured), ());
    task.fail(refused());
    assert_eq!(drops.get(), 1);
    assert!(future.result().unwrap_err().is_refused());

    let (task, future) = Task::new(|| (), ());
    assert!(future.cancel());
    task.fail(refused());
    assert!(future.result().unwrap_err().is_cancelled());
}

/// An owner that has waiting threads run its tasks.
struct RunsInline;

impl Owner for RunsInline {
    fn drive(&self, _: Waiting<'_>) -> Drive {
        Drive::Run
    }
}

#[test]
fn an_untimed_wait_runs_what_nobody_has_started() {
    let here = thread::current().id();
    let (task, future) = Task::new(|| thread::current().id(), RunsInline);
    assert_eq!(future.result().unwrap(), here);
    task.run();

    let (task, future) = Task::new(|| thread::current().id(), RunsInline);
    let mut futures = [future];
    assert_eq!(wait(&mut futures, Until::All, None).done, [0]);
    let [future] = futures;
    assert_eq!(future.result().unwrap(), here);
    drop(task);
}

/// An owner that counts how often it is asked.
struct CountsAsks(Counter);

impl Owner for CountsAsks {
    fn drive(&self, _: Waiting<'_>) -> Drive {
        self.0.add();
        Drive::Sleep
    }
}

#[test]
fn the_owner_is_asked_once_before_a_thread_sleeps() {
    let asks = Counter::default();
    let (promise, future) = Promise::with_owner(CountsAsks(asks.clone()));
    let promise = Mutex::new(Some(promise));
    set_blocking_hook(Some(BlockingHook {
        begin: Box::new(move || {
            promise
                .lock()
                .unwrap()
                .take()
                .unwrap()
                .complete(asks.get())
                .unwrap();
            Substitute::Missing
        }),
        substitute: Box::new(|| Substitute::Missing),
        end: Box::new(|| ()),
        runs_members: Box::new(|| false),
    }));
    let asks = future.result();
    set_blocking_hook(None);
    assert_eq!(asks.unwrap(), 1);
}

/// An owner that wakes whoever waits for its task for no reason, ten times, and then ends the task.
struct WakesForNothing {
    calls: Counter,
    promise: Arc<Mutex<Option<Promise<u32>>>>,
}

impl Owner for WakesForNothing {
    fn drive(&self, _: Waiting<'_>) -> Drive {
        self.calls.add();
        if self.calls.get() <= 10 {
            Parker::current().unpark();
        } else if let Some(promise) = self.promise.lock().unwrap().take() {
            promise.complete(3).unwrap();
        }
        Drive::Sleep
    }
}

#[test]
fn b39_a_wake_for_nothing_ends_no_wait() {
    let waits: [fn(Future<u32>) -> u32; 2] = [
        |future| future.result().unwrap(),
        |mut future| future.result_timeout(Duration::MAX).unwrap().unwrap(),
    ];
    for wait in waits {
        let (calls, promise) = (Counter::default(), Arc::default());
        let (made, future) = Promise::with_owner(WakesForNothing {
            calls: calls.clone(),
            promise: Arc::clone(&promise),
        });
        *promise.lock().unwrap() = Some(made);
        assert_eq!(wait(future), 3);
        assert!(calls.get() > 10);
    }
}

#[test]
fn g18_an_input_that_panics_reaches_the_one_who_iterates_and_nobody_else() {
    let started = Counter::default();
    let counter = started.clone();
    let input = (0..).map(|number| {
        if number == 3 {
            panic!("no more input")
        } else {
            number
        }
    });
    let mut results = Map::new(input, 2, move |number| {
        let (task, future) = Task::new(move || number, ());
        counter.add();
        task.run();
        future
    });
    assert_eq!(results.next().unwrap().unwrap(), 0);
    assert_eq!(results.next().unwrap().unwrap(), 1);
    let panic = catch_panic(|| results.next()).unwrap_err();
    assert_eq!(panic.message(), "no more input");
    assert_eq!(started.get(), 3, "what was submitted has run");
}

#[test]
fn a_timed_wait_runs_nothing() {
    let (asks, asked) = mpsc::channel();
    let (task, mut future) = Task::new(|| thread::current().id(), TellsAndRunsInline(asks));
    let worker = thread::spawn(move || {
        asked.recv().unwrap();
        task.run();
    });
    let worker_id = worker.thread().id();
    assert_eq!(future.result_timeout(Duration::MAX).unwrap().unwrap(), worker_id);
    worker.join().unwrap();

    let (task, future) = Task::new(|| 1, RunsInline);
    let mut futures = [future];
    assert_eq!(
        wait(&mut futures, Until::All, Duration::from_micros(1)).pending,
        [0]
    );
    drop(task);
}

/// An owner that counts how often it is told to stop what runs.
struct Stops(Counter);

impl Owner for Stops {
    const STOPS_RUNNING: bool = true;

    fn stop(&self) {
        self.0.add();
    }
}

#[test]
fn cancelling_what_runs_stops_it_where_that_is_possible() {
    let stops = Counter::default();
    let (promise, future) = Promise::<u32>::with_owner(Stops(stops.clone()));
    assert!(future.cancel());
    assert_eq!(stops.get(), 0, "it had not started");
    drop(promise);

    let (mut promise, future) = Promise::with_owner(Stops(stops.clone()));
    assert!(promise.start());
    assert!(future.cancel());
    assert!(future.cancel());
    assert_eq!(stops.get(), 1);
    assert!(!promise.start());
    assert_eq!(promise.complete("late"), Err("late"));
    assert!(future.result().unwrap_err().is_cancelled());
}

/// An owner that counts its drop.
struct Holds(#[allow(dead_code, reason = "held for its drop")] super::CountsDrop);

impl Owner for Holds {}

#[test]
fn the_owner_goes_with_the_block() {
    let drops = Counter::default();
    let (task, future) = Task::new(|| 1, Holds(drops.on_drop()));
    task.run();
    assert_eq!(drops.get(), 0);
    assert_eq!(future.result().unwrap(), 1);
    assert_eq!(drops.get(), 1);
}

#[test]
fn the_owner_goes_with_the_block_of_a_task_whose_waiter_was_changed() {
    let drops = Counter::default();
    let (task, mut future) = Task::new(|| 1, Holds(drops.on_drop()));
    for _ in 0..2 {
        assert!(poll(&mut future, &Counter::default().waker()).is_pending());
    }
    task.run();
    assert_eq!(future.result().unwrap(), 1);
    assert_eq!(drops.get(), 1);
}

#[test]
fn the_blocking_hook_is_called_around_a_sleep_only() {
    let calls = Rc::new(Cell::new((0, 0)));
    let (begins, ends) = (Rc::clone(&calls), Rc::clone(&calls));
    set_blocking_hook(Some(BlockingHook {
        begin: Box::new(move || {
            begins.set((begins.get().0 + 1, begins.get().1));
            Substitute::Missing
        }),
        substitute: Box::new(|| Substitute::Missing),
        end: Box::new(move || ends.set((ends.get().0, ends.get().1 + 1))),
        runs_members: Box::new(|| false),
    }));
    assert_eq!(Future::ready(1).result().unwrap(), 1);
    let (_promise, mut future) = Promise::<u32>::new();
    assert!(future.result_timeout(Duration::ZERO).is_none());
    assert!(poll(&mut future, Waker::noop()).is_pending());
    assert_eq!(calls.get(), (0, 0));
    // The deadline is so far away that it can't pass before the hook is called, which ends the wait.
    let (promise, mut future) = Promise::new();
    let promise = Mutex::new(Some(promise));
    let begins = Rc::clone(&calls);
    let ends = Rc::clone(&calls);
    set_blocking_hook(Some(BlockingHook {
        begin: Box::new(move || {
            begins.set((begins.get().0 + 1, begins.get().1));
            promise.lock().unwrap().take().unwrap().complete(3).unwrap();
            Substitute::Missing
        }),
        substitute: Box::new(|| Substitute::Missing),
        end: Box::new(move || ends.set((ends.get().0, ends.get().1 + 1))),
        runs_members: Box::new(|| false),
    }));
    assert_eq!(future.result_timeout(Duration::MAX).unwrap().unwrap(), 3);
    assert_eq!(calls.get(), (1, 1));
    set_blocking_hook(None);
}

#[test]
fn a_blocking_hook_may_wait_while_it_is_dropped() {
    struct WaitsInDrop(Option<(Promise<u32>, Future<u32>)>);
    impl Drop for WaitsInDrop {
        fn drop(&mut self) {
            let (promise, future) = self.0.take().unwrap();
            let producer = thread::spawn(move || promise.complete(3).unwrap());
            assert_eq!(future.result().unwrap(), 3);
            producer.join().unwrap();
        }
    }
    let waits = WaitsInDrop(Some(Promise::new()));
    let hook = BlockingHook {
        begin: Box::new(move || {
            assert!(waits.0.is_some());
            Substitute::Here
        }),
        substitute: Box::new(|| Substitute::Missing),
        end: Box::new(|| ()),
        runs_members: Box::new(|| false),
    };
    set_blocking_hook(Some(hook));
    set_blocking_hook(None);
}

#[test]
fn callbacks_that_are_put_off_run_later_and_also_those_of_mapped_futures() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let (promise, future) = Promise::new();
    let mut mapped = future.map(|value: u32| value + 1);
    let later = sender.clone();
    mapped.on_done(move |outcome| later.send(outcome).expect("the test waits"));
    let (completed, callbacks) = crate::defer_callbacks(|| promise.complete(1));
    assert_eq!(completed, Ok(()));
    assert!(mapped.is_done() && receiver.try_recv().is_err());
    callbacks.run();
    assert_eq!(receiver.try_recv(), Ok(crate::Outcome::Done));
    let (promise, mut future) = Promise::new();
    future.on_done(move |outcome| sender.send(outcome).expect("the test waits"));
    assert_eq!(promise.complete(1), Ok(()));
    assert_eq!(
        receiver.try_recv(),
        Ok(crate::Outcome::Done),
        "it runs at once again"
    );
}

#[test]
fn a_shared_future_ends_at_once_though_its_callbacks_are_put_off() {
    let (sender, receiver) = mpsc::channel();
    let (promise, mut future) = Promise::new();
    let (first, second) = (sender.clone(), sender);
    future.on_done(move |_| first.send(0).unwrap());
    let shared = future.shared();
    shared.on_done(move |result| second.send(*result.unwrap()).unwrap());
    let mut copy = shared.clone().into_future();
    let wakes = Counter::default();
    assert!(poll(&mut copy, &wakes.waker()).is_pending());
    let (completed, callbacks) = crate::defer_callbacks(|| promise.complete(1));
    assert_eq!(completed, Ok(()));
    assert_eq!(shared.result_timeout(Duration::ZERO).unwrap().unwrap(), &1);
    assert_eq!(wakes.get(), 1);
    assert_eq!(receiver.try_iter().count(), 0);
    callbacks.run();
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [0, 1]);
}

/// An owner whose tasks count as started before they have begun.
struct TakesBack(std::sync::Mutex<Option<Promise<u32>>>);

impl Owner for std::sync::Arc<TakesBack> {
    fn take_back(&self) -> bool {
        let mut promise = self.0.lock().unwrap();
        promise.as_mut().map(Promise::put_back).is_some()
    }
}

#[test]
fn a_task_that_its_owner_takes_back_can_be_cancelled() {
    let owner = std::sync::Arc::new(TakesBack(std::sync::Mutex::default()));
    let (mut promise, future) = Promise::with_owner(owner.clone());
    promise.start();
    assert!(!future.cancel(), "it is not the owner's to take back");
    *owner.0.lock().unwrap() = Some(promise);
    assert!(future.is_running());
    assert!(future.cancel());
    assert!(future.result().unwrap_err().is_cancelled());
    // The promise keeps the block, and with it the owner that has the promise.
    drop(owner.0.lock().unwrap().take());
}
