//! How many tasks a worker is given ahead, by how long they take.

use std::time::{Duration, Instant};

/// So much work waits in a worker at most, as far as one can tell: more than it takes to give it the next ones.
const AHEAD: Duration = Duration::from_micros(500);

/// No more tickets than that are given to a worker.
const MOST: usize = 400;

/// Less work than that is not given to another worker.
const SHARED: Duration = Duration::from_micros(200);

/// A worker that has not replied for so long is at a long task.
pub(crate) const LONG: Duration = Duration::from_millis(1);

/// How fast a worker is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// The time of a task, smoothed.
    task: Duration,
    /// The last reply, or the first task after a pause.
    since: Instant,
    /// How long the worker has been at tasks, by its own word, when that was news.
    busy: Option<Duration>,
    /// How many replies have come since then.
    replies: u32,
}

impl Pace {
    /// Nothing is known: one task at a time.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            task: AHEAD,
            since: now,
            busy: None,
            replies: 0,
        }
    }

    /// The worker had nothing to do, and has been given a task.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.since = now;
    }

    /// So many replies of the worker have come together, and it has been at tasks for so long in all, if it says so. Returns how long
    /// each of the last ones took, unless it is in the middle of tasks that travel together.
    ///
    /// What counts is not when replies come, if there is something better. Where others need the processors, too, that is
    /// late, whatever the tasks are; and a worker that is given one at a time for that gets to one each time that it gets a
    /// processor.
    pub(crate) fn replies(&mut self, count: u32, busy: Option<Duration>, now: Instant) -> Option<Duration> {
        let elapsed = now.saturating_duration_since(self.since);
        self.since = now;
        self.replies = self.replies.saturating_add(count);
        let time = match (self.busy, busy) {
            (Some(before), Some(busy)) if before == busy => return None,
            (Some(before), Some(busy)) if before < busy => busy - before,
            _ => elapsed,
        };
        self.busy = busy;
        let time = time / std::mem::take(&mut self.replies).max(1);
        // A task that is longer than before counts at once.
        self.task = time.max((self.task * 7 + time) / 8).min(AHEAD);
        Some(time)
    }

    /// Whether the worker may be given more tickets than it has, which stand for so many tasks. The one that it runs is included.
    pub(crate) fn takes_more(&self, tickets: usize, tasks: usize) -> bool {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let ahead = nanos(AHEAD) / nanos(self.task).max(1);
        tickets < MOST && (tasks as u64) < ahead
    }

    /// Whether so many tasks take so long that it pays to give some of them to another worker, which has to be woken for that.
    pub(crate) fn is_long(&self, tasks: usize) -> bool {
        let tasks = u32::try_from(tasks).unwrap_or(u32::MAX);
        self.task.saturating_mul(tasks) > SHARED
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
            pace.replies(1, None, now);
        }
        (pace, now)
    }

    /// How many tickets of one task a worker is given.
    fn depth(pace: Pace) -> usize {
        (1..=MOST)
            .find(|depth| !pace.takes_more(*depth, *depth))
            .expect("there is a limit")
    }

    #[test]
    fn short_tasks_are_given_ahead_and_long_ones_are_not() {
        assert_eq!(depth(after(0, Duration::ZERO).0), 1);
        assert_eq!(depth(after(100, Duration::ZERO).0), MOST);
        assert_eq!(depth(after(100, AHEAD / 10).0), 10);
        assert_eq!(depth(after(100, 2 * AHEAD).0), 1);
    }

    #[test]
    fn what_counts_for_tasks_that_travel_together_is_their_time() {
        let (pace, _) = after(100, AHEAD / 1_000);
        assert!(pace.takes_more(2, 999) && !pace.takes_more(2, 1_000));
    }

    #[test]
    fn a_long_task_counts_at_once() {
        let (mut pace, now) = after(100, Duration::from_micros(1));
        pace.replies(1, None, now + AHEAD);
        assert_eq!(depth(pace), 1);
    }

    #[test]
    fn a_worker_that_gets_no_processor_is_given_as_much_ahead() {
        let (mut pace, mut now) = after(100, Duration::ZERO);
        let mut busy = Duration::from_secs(1);
        pace.replies(1, Some(busy), now);
        for _ in 0..100 {
            now += 10 * AHEAD;
            busy += Duration::from_micros(1);
            assert_eq!(pace.replies(1, Some(busy), now), Some(Duration::from_micros(1)));
        }
        assert_eq!(depth(pace), MOST);
        busy += AHEAD;
        pace.replies(1, Some(busy), now);
        assert_eq!(depth(pace), 1);
    }

    #[test]
    fn what_is_not_known_before_the_last_of_several_is_known_then() {
        let (mut pace, now) = after(1, Duration::ZERO);
        let busy = Duration::from_secs(1);
        assert_eq!(pace.replies(1, Some(busy), now), Some(Duration::ZERO));
        assert_eq!(pace.replies(9, Some(busy), now + AHEAD), None);
        let after = busy + Duration::from_micros(10);
        assert_eq!(
            pace.replies(1, Some(after), now + AHEAD),
            Some(Duration::from_micros(1))
        );
        // A number that can't be.
        assert_eq!(pace.replies(1, Some(busy), now + 3 * AHEAD), Some(2 * AHEAD));
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
