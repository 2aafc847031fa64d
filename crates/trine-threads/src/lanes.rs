//! The queues of the tasks whose priority is not normal. A pool without such tasks pays one load a task for them.

use crate::priority::{BACKGROUND_TURN, Priority};
use crate::queued::Queued;
use crate::queues::retry;
use crossbeam_deque::Injector;
use trine_platform::atomic::AtomicUsize;
use trine_platform::atomic::Ordering::Relaxed;

/// A lane for high priority, and one for background.
pub(crate) struct Lanes {
    /// At least the number of tasks in both lanes: it is raised before a push, and lowered after a take.
    queued: AtomicUsize,
    high: Injector<Queued>,
    background: Injector<Queued>,
    /// How often a worker has looked for a task while there were background ones.
    turns: AtomicUsize,
}

// ORDERING: everything is Relaxed. The injectors publish the tasks; that a worker does not sleep while there is one is
// the argument in `sleep.rs`, which relies on `is_empty`, and that asks the injectors.
impl Lanes {
    pub(crate) fn new() -> Self {
        Self {
            queued: AtomicUsize::new(0),
            high: Injector::new(),
            background: Injector::new(),
            turns: AtomicUsize::new(0),
        }
    }

    /// Queues a task, of high priority or of the background.
    pub(crate) fn push(&self, task: Queued, priority: Priority) {
        self.queued.fetch_add(1, Relaxed);
        match priority {
            Priority::Background => self.background.push(task),
            _ => self.high.push(task),
        }
    }

    /// The task that comes before all normal ones, if there is one.
    #[inline]
    pub(crate) fn take_first(&self) -> Option<Queued> {
        if self.queued.load(Relaxed) == 0 {
            return None;
        }
        self.take_due_or_high()
    }

    #[cold]
    fn take_due_or_high(&self) -> Option<Queued> {
        if self.is_turn_of_background()
            && let Some(task) = self.take_background()
        {
            return Some(task);
        }
        self.take(&self.high)
    }

    fn is_turn_of_background(&self) -> bool {
        !self.background.is_empty()
            && self.turns.fetch_add(1, Relaxed) % BACKGROUND_TURN == BACKGROUND_TURN - 1
    }

    /// The task that comes after all normal ones.
    pub(crate) fn take_background(&self) -> Option<Queued> {
        self.take(&self.background)
    }

    fn take(&self, lane: &Injector<Queued>) -> Option<Queued> {
        if lane.is_empty() {
            return None;
        }
        let task = retry(|| lane.steal())?;
        self.queued.fetch_sub(1, Relaxed);
        Some(task)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.high.is_empty() && self.background.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.high.len() + self.background.len()
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::Lanes;
    use crate::priority::Priority;
    use crate::queued::Queued;
    use trine_future::Task;

    #[test]
    fn a_task_in_one_lane_is_enough_for_there_to_be_one() {
        for priority in [Priority::High, Priority::Background] {
            let lanes = Lanes::new();
            assert!(lanes.is_empty());
            let (task, _future) = Task::new(|| (), ());
            lanes.push(Queued::Task(task), priority);
            assert!(!lanes.is_empty());
            assert_eq!(lanes.len(), 1);
        }
    }
}
