//! How many tasks a worker is given ahead, by how long they take.

use std::time::{Duration, Instant};

/// So much work waits in a worker at most, as far as one can tell: more than it takes to give it the next ones.
const AHEAD: Duration = Duration::from_micros(500);

/// No more tasks than that wait in a worker.
const MOST: u32 = 48;

/// A worker that has not replied for so long is at a long task.
const LONG: Duration = Duration::from_millis(1);

/// How fast a worker is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// The time of a task, smoothed.
    task: Duration,
    /// The last reply, or the first task after a pause.
    since: Instant,
}

impl Pace {
    /// Nothing is known: one task at a time.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            task: AHEAD,
            since: now,
        }
    }

    /// The worker had nothing to do, and has been given a task.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.since = now;
    }

    /// So many replies of the worker have come together.
    pub(crate) fn replies(&mut self, count: u32, now: Instant) {
        let time = now.saturating_duration_since(self.since) / count.max(1);
        self.since = now;
        // A task that is longer than before counts at once.
        self.task = time.max((self.task * 7 + time) / 8).min(AHEAD);
    }

    /// How many tasks the worker may have, the one that it runs included.
    pub(crate) fn depth(&self) -> usize {
        let ahead = AHEAD.as_nanos() / self.task.as_nanos().max(1);
        usize::try_from(ahead.min(u128::from(MOST))).unwrap_or(1).max(1)
    }

    /// Whether the worker is at a task that takes long, so that those behind it are better off elsewhere.
    pub(crate) fn is_stuck(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) > LONG
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{AHEAD, LONG, MOST, Pace};
    use std::time::{Duration, Instant};

    /// The pace after so many tasks of this length.
    fn after(tasks: u32, length: Duration) -> (Pace, Instant) {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        for _ in 0..tasks {
            now += length;
            pace.replies(1, now);
        }
        (pace, now)
    }

    #[test]
    fn short_tasks_are_given_ahead_and_long_ones_are_not() {
        assert_eq!(after(0, Duration::ZERO).0.depth(), 1);
        assert_eq!(after(100, Duration::ZERO).0.depth(), MOST as usize);
        assert_eq!(after(100, AHEAD / 10).0.depth(), 10);
        assert_eq!(after(100, 2 * AHEAD).0.depth(), 1);
    }

    #[test]
    fn a_long_task_counts_at_once() {
        let (mut pace, now) = after(100, Duration::from_micros(1));
        pace.replies(1, now + AHEAD);
        assert_eq!(pace.depth(), 1);
    }

    #[test]
    fn who_has_not_replied_for_long_is_stuck_unless_there_was_nothing_to_do() {
        let (mut pace, now) = after(1, LONG);
        assert!(!pace.is_stuck(now + LONG));
        assert!(pace.is_stuck(now + 2 * LONG));
        pace.begin(now + 2 * LONG);
        assert!(!pace.is_stuck(now + 2 * LONG));
    }
}
