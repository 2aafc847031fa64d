//! What a thread does with futures while it ends.

use super::Counter;
use crate::{Future, Promise, Task, as_completed, defer_callbacks, set_executor_failure_hook};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;

/// Uses what keeps something in thread locals: callbacks, waits, panics, failures that nobody sees, what executors set.
fn use_everything() -> (u32, usize) {
    let calls = Counter::default();
    let counter = calls.clone();
    let (promise, mut future) = Promise::new();
    future.on_done(move |_| counter.add());
    let shared = future.shared();
    let counter = calls.clone();
    shared.on_done(move |_| counter.add());
    let producer = thread::spawn(move || promise.complete(1).unwrap());
    let one = *shared.result().unwrap();
    producer.join().unwrap();

    let before = set_executor_failure_hook(Some(Arc::new(|_| ())));
    set_executor_failure_hook(before);
    let (promise, mut future) = Promise::new();
    let counter = calls.clone();
    future.on_done(move |_| counter.add());
    let (_, callbacks) = defer_callbacks(|| promise.complete(4));
    callbacks.run();

    let counter = calls.clone();
    let (task, mut future) = Task::new(|| panic!("expected"), ());
    future.on_done(move |_| counter.add());
    task.run();
    assert!(Future::<()>::result(future).unwrap_err().is_panic());

    let (promise, future) = Promise::new();
    let producer = thread::spawn(move || promise.complete(2).unwrap());
    let two: u32 = as_completed([future])
        .map(|future| future.result().unwrap())
        .sum();
    producer.join().unwrap();
    (one + two, calls.get())
}

#[test]
fn everything_can_be_used_in_a_destructor_of_a_thread_local() {
    struct AtEnd(mpsc::Sender<(u32, usize)>);
    impl Drop for AtEnd {
        fn drop(&mut self) {
            self.0.send(use_everything()).unwrap();
        }
    }
    thread_local!(static AT_END: OnceLock<AtEnd> = const { OnceLock::new() });
    let (sender, receiver) = mpsc::channel();
    let ends = move || {
        // Registered first, so it is dropped last.
        AT_END.with(|at_end| assert!(at_end.set(AtEnd(sender)).is_ok()));
        assert_eq!(use_everything(), (3, 4));
    };
    thread::spawn(ends).join().unwrap();
    assert_eq!(receiver.recv(), Ok((3, 4)));
}
