//! A thread that sleeps while the one that is to be in its place is being started, and turns out not to come.

use super::Counter;
use crate::{
    BlockingHook, Drive, Owner, Substitute, Task, Until, Waiting, as_completed, set_blocking_hook, wait,
};
use std::thread;

/// Has the sleeper ask this often.
const ASKS: usize = 3;

/// The pool of tasks that are run by who waits once it has been told that its substitute does not come.
struct Alone(Counter);

impl Owner for Alone {
    fn drive(&self, _: Waiting<'_>) -> Drive {
        if self.0.get() < ASKS {
            Drive::Sleep
        } else {
            Drive::Run
        }
    }
}

/// What `wait` returns on a thread whose substitute does not come. `asks` counts how often it asks.
fn without_substitute<R>(asks: &Counter, wait: impl FnOnce() -> R) -> R {
    let asks = asks.clone();
    set_blocking_hook(Some(BlockingHook {
        begin: Box::new(|| Substitute::Coming),
        substitute: Box::new(move || {
            asks.add();
            if asks.get() < ASKS {
                Substitute::Coming
            } else {
                Substitute::Missing
            }
        }),
        end: Box::new(|| ()),
        runs_members: Box::new(|| false),
    }));
    let result = wait();
    set_blocking_hook(None);
    result
}

#[test]
fn a_task_that_is_waited_for_is_run() {
    let asks = Counter::default();
    let (_task, future) = Task::new(|| thread::current().id(), Alone(asks.clone()));
    let ran_on = without_substitute(&asks, || future.result());
    assert_eq!((ran_on.unwrap(), asks.get()), (thread::current().id(), ASKS));
}

#[test]
fn all_of_several_are_run() {
    let asks = Counter::default();
    let tasks = [(); 2].map(|()| Task::new(|| thread::current().id(), Alone(asks.clone())));
    let (_tasks, mut futures): (Vec<_>, Vec<_>) = tasks.into_iter().unzip();
    let waited = without_substitute(&asks, || wait(&mut futures, Until::All, None));
    assert_eq!((waited.done.len(), asks.get()), (2, ASKS));
}

#[test]
fn the_first_of_several_is_run() {
    let asks = Counter::default();
    let tasks = [(); 2].map(|()| Task::new(|| thread::current().id(), Alone(asks.clone())));
    let (_tasks, futures): (Vec<_>, Vec<_>) = tasks.into_iter().unzip();
    let first = without_substitute(&asks, || as_completed(futures).next().unwrap());
    assert_eq!(
        (first.result().unwrap(), asks.get()),
        (thread::current().id(), ASKS)
    );
}
