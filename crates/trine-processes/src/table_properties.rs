//! What holds for the table whatever happens in whatever order.

use super::crowd::{Attendant, Crowd, End, Fate, Step, rules, steps};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Once everybody sleeps, no task waits: each has exactly one end, and reached a worker at most once.
    #[test]
    fn no_task_is_lost_while_the_pool_is_open(
        workers in 1_usize..5,
        rules in rules(),
        steps in steps(),
        starts_fail: bool,
    ) {
        let mut crowd = Crowd::new(workers, rules);
        for step in steps {
            crowd.step(step);
        }
        crowd.settle(if starts_fail { Fate::Bad } else { Fate::Good });
        prop_assert!(crowd.ends.iter().all(Option::is_some), "{:?}", crowd.ends);
        prop_assert!(crowd.runs.iter().all(|runs| *runs <= 1));
        let asleep = |attendant: &Attendant| matches!(attendant, Attendant::Asleep { .. });
        prop_assert!(crowd.attendants.iter().all(asleep));
        // No worker is lost: whatever has happened, as many tasks as there are workers run at once.
        let before = crowd.ends.len();
        for _ in 0..workers {
            crowd.submit(1);
            for index in 0..workers {
                // Twice: to start a worker, and to be given the task.
                for _ in 0..3 {
                    if !matches!(crowd.attendants[index], Attendant::Running(_)) {
                        crowd.go_on(index, Fate::Good);
                    }
                }
            }
        }
        let running = |attendant: &&Attendant| matches!(attendant, Attendant::Running(_));
        let runs = crowd.attendants.iter().filter(running).count();
        prop_assert!(runs == workers || !crowd.table.is_healthy(), "{runs} of {workers} run");
        prop_assert_eq!(crowd.ends.len() - before, workers);
    }

    /// Wherever the pool is closed, all attendants leave, every task ends, and later ones are refused.
    #[test]
    fn a_closed_pool_ends_every_task_and_every_attendant(
        workers in 1_usize..5,
        rules in rules(),
        before in steps(),
        after in steps(),
        close in prop_oneof![Just(Step::Close), Just(Step::CloseAndCancel), Just(Step::Kill)],
        starts_fail: bool,
    ) {
        let mut crowd = Crowd::new(workers, rules);
        for step in before {
            crowd.step(step);
        }
        let submitted = crowd.ends.len();
        crowd.step(close);
        for step in after {
            crowd.step(step);
        }
        crowd.settle(if starts_fail { Fate::Bad } else { Fate::Good });
        prop_assert!(crowd.ends.iter().all(Option::is_some), "{:?}", crowd.ends);
        prop_assert!(crowd.runs.iter().all(|runs| *runs <= 1));
        prop_assert!(crowd.attendants.iter().all(|attendant| matches!(attendant, Attendant::Left)));
        for (task, end) in crowd.ends.iter().enumerate() {
            prop_assert_eq!(*end == Some(End::Refused), task >= submitted);
        }
    }
}
