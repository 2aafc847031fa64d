//! What holds for the table whatever happens in whatever order.

use super::crowd::{Attendant, Crowd};
use super::outside::End;
use super::steps::{Step, rules, steps};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Once everybody sleeps, no task waits: each has exactly one end, and has begun at most once.
    #[test]
    fn no_task_is_lost_while_the_pool_is_open(
        workers in 1_usize..5,
        rules in rules(),
        steps in steps(),
        starts_are_good: bool,
    ) {
        let mut crowd = Crowd::new(workers, rules);
        for step in steps {
            crowd.step(step);
        }
        crowd.settle(starts_are_good);
        let tasks = &crowd.outside.tasks;
        prop_assert!(tasks.iter().all(|task| task.end.is_some() && task.runs <= 1), "{tasks:?}");
        let asleep = |attendant: &Attendant| matches!(attendant, Attendant::Asleep { .. });
        prop_assert!(crowd.attendants.iter().all(asleep));
        // No worker is lost: whatever has happened, as many tasks as there are workers run at once.
        for _ in 0..workers {
            crowd.submit(1, false, 1);
            for _ in 0..4 {
                for index in 0..workers {
                    crowd.go_on(index, true);
                }
            }
        }
        let busy = crowd.table.states().filter(|(state, _)| *state == crate::WorkerState::Running).count();
        prop_assert!(busy == workers || !crowd.table.is_healthy(), "{busy} of {workers} run");
    }

    /// Wherever the pool is closed, all attendants leave, every task ends, and later ones are refused.
    #[test]
    fn a_closed_pool_ends_every_task_and_every_attendant(
        workers in 1_usize..5,
        rules in rules(),
        before in steps(),
        after in steps(),
        close in prop_oneof![Just(Step::Close), Just(Step::CloseAndCancel), Just(Step::KillAll)],
        starts_are_good: bool,
    ) {
        let mut crowd = Crowd::new(workers, rules);
        for step in before {
            crowd.step(step);
        }
        let submitted = crowd.outside.tasks.len();
        crowd.step(close);
        for step in after {
            crowd.step(step);
        }
        crowd.settle(starts_are_good);
        let tasks = &crowd.outside.tasks;
        prop_assert!(tasks.iter().all(|task| task.end.is_some() && task.runs <= 1), "{tasks:?}");
        prop_assert!(crowd.attendants.iter().all(|attendant| *attendant == Attendant::Left));
        for (number, task) in tasks.iter().enumerate() {
            prop_assert_eq!(task.end == Some(End::Refused), number >= submitted);
        }
    }
}
