//! What may happen to a pool, in any order.

use crate::limit::{Limits, WhenFull};
use crate::table::Rules;
use proptest::collection::vec;
use proptest::prelude::*;

/// One step of the model.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Submit {
        bytes: usize,
        is_timed: bool,
        /// So many tasks travel together, if they are not timed.
        count: u32,
    },
    /// An attendant goes on. One that starts a worker succeeds, if that is good.
    GoOn(usize, bool),
    /// A worker begins its next task, or replies to the one that it runs.
    Work(usize),
    /// Somebody takes replies of a worker together, so many at most.
    Hear(usize, usize),
    /// A worker dies.
    Die(usize),
    /// A worker replies what it was not asked.
    TalkNonsense(usize),
    /// The time of the tasks with time-outs is over.
    Expire,
    /// A task is cancelled, unless it has begun, or those that travel with it are, as far as they have not begun. The table is told
    /// in time, or when a worker has come to it.
    Cancel(usize, bool),
    /// A task is cancelled, and killed if it has begun.
    Kill(usize),
    /// An attendant wakes for no reason.
    Wake(usize),
    /// Time passes.
    Pass(u64),
    Close,
    CloseAndCancel,
    KillAll,
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        16 => (0_usize..100, prop::bool::weighted(0.1), prop_oneof![Just(1), 1_u32..6])
            .prop_map(|(bytes, is_timed, count)| Step::Submit { bytes, is_timed, count }),
        24 => (any::<usize>(), prop::bool::weighted(0.8)).prop_map(|(index, is_good)| Step::GoOn(index, is_good)),
        24 => any::<usize>().prop_map(Step::Work),
        8 => (any::<usize>(), 1..4_usize).prop_map(|(index, most)| Step::Hear(index, most)),
        2 => any::<usize>().prop_map(Step::Die),
        1 => any::<usize>().prop_map(Step::TalkNonsense),
        1 => Just(Step::Expire),
        2 => any::<(usize, bool)>().prop_map(|(task, is_told)| Step::Cancel(task, is_told)),
        2 => any::<usize>().prop_map(Step::Kill),
        2 => any::<usize>().prop_map(Step::Wake),
        4 => (0_u64..3_000).prop_map(Step::Pass),
    ];
    vec(step, 0..200)
}

pub(super) fn rules() -> impl Strategy<Value = Rules> {
    let limit = |range| proptest::option::of((range, Just(WhenFull::Refuse)));
    let limits = (limit(1_usize..10), limit(1_usize..300)).prop_map(|(tasks, bytes)| Limits { tasks, bytes });
    (limits, proptest::option::of(1_u32..4), 1_u32..4).prop_map(
        |(limits, tasks_per_worker, restart_limit)| Rules {
            limits,
            tasks_per_worker,
            restart_limit,
        },
    )
}
