//! What a task says of itself to the executor, and whom it tells of failures that nobody saw.

use crate::{
    CurrentTask, Drive, Failure, Outcome, Owner, Task, Waiting, set_executor_failure_hook,
    with_executor_failure_hook,
};
use std::sync::{Arc, mpsc};
use std::thread;

struct RunsInline;

impl Owner for RunsInline {
    fn drive(&self, _waiting: Waiting<'_>) -> Drive {
        Drive::Run
    }
}

#[test]
fn run_says_how_the_task_ended() {
    let (task, _future) = Task::new(|| 1, ());
    assert_eq!(task.run(), Some(Outcome::Done));
    let (task, _future) = Task::new(|| panic!("expected"), ());
    assert_eq!(task.run(), Some(Outcome::Failed));
    let (task, future) = Task::new(|| 1, ());
    assert!(future.cancel());
    assert_eq!(task.run(), Some(Outcome::Cancelled));
}

#[test]
fn run_and_cancel_say_nothing_of_a_task_that_its_waiter_ran() {
    for end in [Task::run, Task::cancel] {
        let (task, future) = Task::new(|| 1, RunsInline);
        assert_eq!(future.result().unwrap(), 1);
        assert_eq!(end(task), None);
    }
}

#[test]
fn cancel_says_that_the_task_is_cancelled_whoever_did_it() {
    let (task, future) = Task::new(|| 1, ());
    assert_eq!(task.cancel(), Some(Outcome::Cancelled));
    assert!(future.is_cancelled());
    let (task, future) = Task::new(|| 1, ());
    assert!(future.cancel());
    assert_eq!(task.cancel(), Some(Outcome::Cancelled));
}

#[test]
fn a_panic_is_reported_to_the_hook_of_its_thread_wherever_it_is_dropped() {
    let (sender, failures) = mpsc::channel();
    let (task, future) = Task::new(|| panic!("far away"), ());
    let executor = thread::spawn(move || {
        let hook = move |failure: &Failure| sender.send(failure.to_string()).unwrap();
        assert!(set_executor_failure_hook(Some(Arc::new(hook))).is_none());
        task.run();
        assert!(set_executor_failure_hook(None).is_some());
    });
    executor.join().unwrap();
    assert!(failures.try_recv().is_err(), "somebody may still take it");
    drop(future);
    assert!(failures.recv().unwrap().contains("far away"));
    assert!(failures.recv().is_err(), "once");
}

#[test]
fn a_hook_that_work_has_left_is_dropped_though_its_destructor_panics() {
    struct PanicsWhenDropped;

    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    let left = PanicsWhenDropped;
    let leave_it = || {
        set_executor_failure_hook(Some(Arc::new(move |_| {
            let _ = &left;
        })));
        7
    };
    let (tell, told) = mpsc::channel();
    let hook = move |failure: &Failure| tell.send(failure.to_string()).unwrap();
    let result = with_executor_failure_hook(Arc::new(hook), || {
        with_executor_failure_hook(Arc::new(|_| ()), leave_it)
    });
    assert_eq!(result, 7);
    assert!(told.recv().unwrap().contains("dropped"));
    assert!(set_executor_failure_hook(None).is_none());
}

#[test]
fn a_part_of_no_task_is_one_of_the_task_in_which_it_is_run() {
    let none = CurrentTask::get();
    // SAFETY: it is no task that the thread could leave.
    let part = move || unsafe { none.inside(|| CurrentTask::is_nested(0)) };
    assert!(!part());
    let (task, future) = Task::new(part, ());
    task.run();
    assert!(future.result().unwrap());
}
