//! The table of waits, without threads.

use crate::current::Current;
use crate::waits::Wait;
use crate::{Future, Task};
use trine_platform::Parker;

/// As if the task of `waits` waited for `target`.
fn begin(waits: &Future<()>, target: &Future<()>, sleeper: Option<&Parker>) -> Wait {
    // SAFETY: both futures are alive, and the callers keep them for longer than the wait.
    let wait = || unsafe { Wait::begin(target.block(), sleeper) };
    // SAFETY: as above.
    let wait = unsafe { Current::run(waits.block(), wait) };
    wait.expect("it closes no circle, or can't give up")
}

/// The one that has to give up has been told, and has not got around to it.
#[test]
fn who_waits_for_a_circle_that_is_being_broken_does_not_search_it_for_ever() {
    let tasks: [(Task, Future<()>); 3] = std::array::from_fn(|_| Task::new(|| (), ()));
    let [one, other, third] = tasks.each_ref().map(|(_, future)| future);
    let parker = Parker::current();
    let gives_up = begin(other, one, Some(&parker));
    let _can_not = begin(one, other, None);
    let _third = begin(third, one, Some(&parker));
    assert!(gives_up.deadlock().is_some_and(|error| error.is_deadlock()));
}

/// Two parts of a task wait, each for another one. The end of one wait is not that of the other.
#[test]
fn a_task_waits_for_what_any_part_of_it_waits_for() {
    let tasks: [(Task, Future<()>); 3] = std::array::from_fn(|_| Task::new(|| (), ()));
    let [whole, one, other] = tasks.each_ref().map(|(_, future)| future);
    let parker = Parker::current();
    for left in [0, 1] {
        let mut waits = vec![
            begin(whole, one, Some(&parker)),
            begin(whole, other, Some(&parker)),
        ];
        drop(waits.remove(1 - left));
        let _can_not_give_up = begin([one, other][left], whole, None);
        assert!(waits[0].deadlock().is_some_and(|error| error.is_deadlock()));
    }
}
