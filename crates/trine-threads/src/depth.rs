//! How deep a thread goes that runs the tasks it waits for.

use crate::worker::Worker;
use std::thread;
use std::time::Duration;
use trine_future::CurrentTask;

/// If no more waits than that are in each other, it is something else that has used half of the stack.
const MANY_WAITS: usize = 16;

/// How long a thread that is deep waits for a task of the pool to end, and how many times in a row, before it goes deeper.
const PAUSE: Duration = Duration::from_millis(10);
const PAUSES: usize = 10;

impl Worker {
    /// Whether a wait for a task that nobody has started runs it. Tasks that each wait for the one before may be any number, and
    /// the newest comes first: so, when many waits have used half of the stack, a spare runs them, which begins with the oldest, if
    /// there is one.
    pub(crate) fn runs_what_it_waits_for(&self) -> bool {
        !self.is_deep() || !self.has_spare_soon()
    }

    fn is_deep(&self) -> bool {
        let here = 0_u8;
        let used = self.bottom.abs_diff((&raw const here).addr());
        used > self.queues.settings.stack_size / 2 && CurrentTask::is_nested(MANY_WAITS)
    }

    #[cold]
    fn has_spare_soon(&self) -> bool {
        comes_while_tasks_end(
            || self.queues.spares.may_be_more(),
            || self.queues.statistics.sum().ran(),
        )
    }
}

/// Whether there is a spare. Waits for one while tasks of the pool end: all spares may sleep, each in a task that waits for the one before.
/// They wake each other up, and are done in the end, but the calling thread would have used the rest of its stack before two of
/// them are awake.
fn comes_while_tasks_end(is_there: impl Fn() -> bool, tasks_ended: impl Fn() -> usize) -> bool {
    let mut ended = tasks_ended();
    for _ in 0..PAUSES {
        if is_there() {
            return true;
        }
        thread::sleep(PAUSE);
        let before = ended;
        ended = tasks_ended();
        if ended == before {
            break;
        }
    }
    is_there()
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{PAUSES, comes_while_tasks_end};
    use std::cell::Cell;

    /// Tasks end, one each time that somebody looks, until this many have.
    fn ends(most: usize) -> (Cell<usize>, impl Fn(&Cell<usize>) -> usize) {
        (Cell::new(0), move |ended| {
            ended.set(most.min(ended.get() + 1));
            ended.get()
        })
    }

    #[test]
    fn a_spare_is_waited_for_while_tasks_end() {
        let (ended, end) = ends(usize::MAX);
        assert!(comes_while_tasks_end(|| ended.get() == PAUSES, || end(&ended)));
    }

    #[test]
    fn who_waits_for_a_spare_gives_up_when_no_task_ends() {
        let (ended, end) = ends(3);
        let looks = Cell::new(0);
        let is_there = || {
            looks.set(looks.get() + 1);
            false
        };
        assert!(!comes_while_tasks_end(is_there, || end(&ended)));
        assert_eq!(looks.get(), 4);
    }

    #[test]
    fn who_waits_for_a_spare_gives_up_though_tasks_end() {
        let (ended, end) = ends(usize::MAX);
        assert!(!comes_while_tasks_end(|| false, || end(&ended)));
        assert_eq!(ended.get(), PAUSES + 1);
    }
}
