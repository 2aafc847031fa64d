//! Models of tasks that wait for each other.

use super::join;
use crate::{CurrentTask, Future, Task, TaskError};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use trine_platform::model::check;
use trine_platform::thread::spawn;

/// What a task of a circle waits for. Filled before anybody looks.
type Other = Arc<Mutex<Option<Future<bool>>>>;

/// A task that is true if its wait for the other one would never have ended.
fn waiting_for(other: &Other) -> (Task, Future<bool>) {
    let other = Arc::clone(other);
    let wait = move || {
        let other = other
            .lock()
            .expect("nobody panics")
            .take()
            .expect("it was filled");
        other.result().is_err_and(|error| error.is_deadlock())
    };
    Task::new(wait, ())
}

#[test]
fn one_of_two_that_wait_for_each_other_learns_it() {
    check("future::one_of_two_that_wait_for_each_other_learns_it", || {
        let (first, second) = (Other::default(), Other::default());
        let (one, first_future) = waiting_for(&second);
        let (two, second_future) = waiting_for(&first);
        *first.lock().expect("nobody panics") = Some(first_future);
        *second.lock().expect("nobody panics") = Some(second_future);
        let other_thread = spawn(move || two.run());
        one.run();
        join(other_thread);
    });
}

#[test]
fn who_can_not_give_up_has_the_other_one_give_up() {
    check("future::who_can_not_give_up_has_the_other_one_give_up", || {
        let outer = Other::default();
        let (inner, inner_future) = waiting_for(&outer);
        let found = Arc::new(AtomicBool::new(false));
        let report = Arc::clone(&found);
        let wait = move || {
            let value = inner_future.result_at_end().expect("the task has run");
            report.store(value, Relaxed);
            value
        };
        let (task, future) = Task::new(wait, ());
        *outer.lock().expect("nobody panics") = Some(future);
        let other_thread = spawn(move || inner.run());
        task.run();
        join(other_thread);
        assert!(
            found.load(Relaxed),
            "the other one has waited in vain, and has learnt it"
        );
    });
}

/// The same circle, in which a part of one waits on another thread.
#[test]
fn one_of_two_learns_of_a_circle_through_a_part() {
    check("future::one_of_two_learns_of_a_circle_through_a_part", || {
        let outer = Other::default();
        let (inner, inner_future) = waiting_for(&outer);
        let wait = move || {
            let task = CurrentTask::get();
            let part = move || match inner_future.result() {
                Ok(found) => found,
                Err(error) => error.is_deadlock(),
            };
            // SAFETY: this task waits for the thread.
            let part = move || assert!(unsafe { task.inside(part) });
            join(spawn(part));
            true
        };
        let (task, future) = Task::new(wait, ());
        *outer.lock().expect("nobody panics") = Some(future);
        let other_thread = spawn(move || inner.run());
        task.run();
        join(other_thread);
    });
}

/// The same circle, in which one waits by a handle of a shared future.
#[test]
fn one_of_two_learns_of_a_circle_through_a_shared_future() {
    check(
        "future::one_of_two_learns_of_a_circle_through_a_shared_future",
        || {
            let (first, second) = (Other::default(), Other::default());
            let (one, first_future) = waiting_for(&second);
            let shared = first_future.shared();
            let handle = shared.clone();
            let wait = move || handle.result().is_err_and(TaskError::is_deadlock);
            let (two, second_future) = Task::new(wait, ());
            *second.lock().expect("nobody panics") = Some(second_future);
            drop(first);
            let other_thread = spawn(move || two.run());
            one.run();
            join(other_thread);
            assert!(shared.is_done());
        },
    );
}

/// A task that a shared future was for has ended, and its memory belongs to another one, which waits for who had waited for
/// that: no circle.
#[test]
fn a_turn_of_a_task_that_has_ended_is_in_no_circle() {
    check("future::a_turn_of_a_task_that_has_ended_is_in_no_circle", || {
        let seven = 7_u64;
        let (first, future) = Task::new(move || seven == 7, ());
        let shared = future.shared();
        let (waits, waits_future) = Task::new(move || shared.result().copied().is_ok_and(|value| value), ());
        let other_thread = spawn(move || waits.run());
        first.run();
        // As large as the first one, so it gets its memory.
        let (next, next_future) = Task::new(move || waits_future.result().is_ok_and(|value| value), ());
        next.run();
        assert!(next_future.result().expect("it has run"), "there is no circle");
        join(other_thread);
    });
}
