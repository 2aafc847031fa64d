//! Models of groups, while a task of theirs ends, in each way that it can.

use super::*;
use crate::{GroupFailure, TaskGroup};

fn group_of(future: Future<Tracked>) -> TaskGroup<Tracked> {
    let mut group = TaskGroup::new();
    group.start(|| future);
    group
}

/// Has the group look at all that it has, by one more that has ended.
fn look_at_all(group: &mut TaskGroup<Tracked>) {
    group.start(|| Future::ready(Tracked::new(0)));
    drop(group.next());
}

grid! {
    grouped: |action, future| match group_of(future).join() {
        Ok(values) => {
            let [value] = &values[..] else {
                panic!("one task was started")
            };
            check_lent(action, Ok(value));
        }
        Err(error) => match (&error.failures[..], error.cancelled) {
            ([(0, GroupFailure::Task(cause))], 0) => check_lent(action, Err(cause)),
            ([], 1) => assert!(matches!(action, Action::Cancel)),
            _ => panic!("one task was started"),
        },
    };

    group_dropped: |_, future| {
        let mut group = group_of(future);
        look_at_all(&mut group);
    };
}

/// The failure of the one cancels the other, which may end by itself at the same time.
#[test]
fn failure_in_a_group_races_a_completion() {
    check("future::failure_in_a_group_races_a_completion", || {
        let (failing, first) = Promise::<Tracked>::new();
        let (completing, second) = Promise::new();
        let mut group = group_of(first);
        group.start(|| second);
        look_at_all(&mut group);
        let one = spawn(move || failing.fail(TaskError::refused("the model says so")));
        let two = spawn(move || drop(completing.complete(Tracked::new(2))));
        let error = group.join().err().expect("one task has failed");
        assert!(matches!(error.failures[..], [(0, GroupFailure::Task(_))]));
        assert!(error.cancelled <= 1);
        join(one);
        join(two);
    });
}
