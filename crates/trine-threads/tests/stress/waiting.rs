//! What becomes of the futures: every way to wait for them, and not to.

use crate::ledger::value_of;
use crate::plan::{Fate, TaskPlan, Together};
use crate::runner::{IS_OUTSIDE, Runner};
use std::sync::Arc;
use std::time::Duration;
use trine_fixture::block_on;
use trine_future::{Future, TaskError, TaskGroup, as_completed, wait};

impl Runner {
    /// A future said how a task ended.
    pub(crate) fn meet_result(&self, task: &TaskPlan, result: Result<u64, TaskError>) {
        self.ledger.ended(task, result.as_ref().map(|value| *value));
    }

    pub(crate) fn meet(&self, fate: Fate, task: &Arc<TaskPlan>, mut future: Future<u64>) {
        match fate {
            Fate::Result => self.meet_result(task, future.result()),
            Fate::Await if IS_OUTSIDE.get() => self.meet_result(task, block_on(future)),
            Fate::Await => self.meet_result(task, future.result()),
            Fate::Timed => {
                let timeouts = [Duration::ZERO, Duration::from_micros(20)];
                let ended = timeouts
                    .into_iter()
                    .find_map(|timeout| future.result_timeout(timeout));
                let result = ended.unwrap_or_else(|| future.result());
                self.meet_result(task, result);
            }
            Fate::Drop => drop(future),
            Fate::Cancel => self.cancel(task, future),
            Fate::CancelOnDrop => {
                self.ledger.may_be_cancelled(task);
                drop(future.cancel_on_drop());
            }
            Fate::Callback { then_drop } => {
                self.ledger.callback_added(task);
                let (ledger, number) = (Arc::clone(&self.ledger), task.number);
                future.on_done(move |outcome| ledger.callback_called(number, outcome));
                if !then_drop {
                    self.meet_result(task, future.result());
                }
            }
            Fate::Mapped => {
                let result = future.map(|value| value.wrapping_add(1)).result();
                self.meet_result(task, result.map(|value| value.wrapping_sub(1)));
            }
            Fate::Shared => {
                let shared = future.shared();
                let copy = shared.clone();
                let result = shared.result();
                self.ledger.ended(task, result.copied());
                let agree = result.ok() == copy.result().ok() && copy.is_done();
                self.ledger
                    .check(agree, || format!("copies of task {} differ", task.number));
            }
        }
    }

    fn cancel(&self, task: &TaskPlan, future: Future<u64>) {
        self.ledger.may_be_cancelled(task);
        let was_cancelled = future.cancel();
        let result = future.result();
        let is_cancelled = result.as_ref().is_err_and(TaskError::is_cancelled);
        self.ledger.check(was_cancelled == is_cancelled, || {
            format!(
                "cancel of task {} said {was_cancelled}, and then {result:?}",
                task.number
            )
        });
        self.meet_result(task, result);
    }

    /// Submits the tasks, and waits for them together.
    pub(crate) fn meet_all(self: &Arc<Self>, together: Together, tasks: &[Arc<TaskPlan>]) {
        let start = |task| {
            let closure = self.closure(task);
            self.submit(|handle| handle.submit(closure, 0))
        };
        match together {
            Together::OneByOne => {
                let futures: Vec<_> = tasks.iter().map(start).collect();
                for (task, future) in tasks.iter().zip(futures) {
                    self.meet_result(task, future.result());
                }
            }
            Together::AsCompleted { take } => {
                let futures: Vec<_> = tasks.iter().map(|task| (task, start(task))).collect();
                let mut number = 0;
                for (task, future) in as_completed(futures).take(take) {
                    number += 1;
                    let is_done = future.is_done();
                    self.ledger
                        .check(is_done, || format!("task {} completed too early", task.number));
                    self.meet_result(task, future.result());
                }
                self.ledger.check(number == take.min(tasks.len()), || {
                    format!("{number} of {} tasks completed", tasks.len())
                });
            }
            Together::Wait(until) => {
                let mut futures: Vec<_> = tasks.iter().map(start).collect();
                let waited = wait(&mut futures, until, None);
                let all_done = waited.done.iter().all(|&number| futures[number].is_done());
                self.ledger.check(
                    all_done
                        && !waited.done.is_empty()
                        && waited.done.len() + waited.pending.len() == tasks.len(),
                    || format!("{waited:?} of {} tasks", tasks.len()),
                );
                for (task, future) in tasks.iter().zip(futures) {
                    self.meet_result(task, future.result());
                }
            }
            Together::TaskGroup => {
                let mut group: TaskGroup<u64> = TaskGroup::new();
                for task in tasks {
                    self.ledger.may_be_cancelled(task);
                    group.start(|| start(task));
                }
                let joined = group.join();
                let values: Vec<u64> = tasks.iter().map(|task| value_of(task)).collect();
                let may_fail = tasks.iter().any(|task| task.panics) || self.ledger.may_refuse();
                let is_right = joined.as_ref().map_or(may_fail, |joined| *joined == values);
                self.ledger
                    .check(is_right, || format!("a group ended with {joined:?}"));
            }
        }
    }
}
