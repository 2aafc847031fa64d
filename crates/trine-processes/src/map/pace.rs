//! How many arguments a map takes ahead of its results, and how many of them travel together.

use crate::system::MOST_TASKS;
use std::time::Duration;
use trine_future::TaskSpan;

/// Results that can come faster than that are worth more arguments: it is about what it costs to be woken for one.
const SHORT: Duration = Duration::from_micros(50);

/// So much work goes to a worker at once, as far as one can tell.
const CHUNK: Duration = Duration::from_millis(1);

/// So many chunks a worker are under way: one that it runs, and one that waits there.
const CHUNKS: usize = 2;

/// So many elements at most travel together.
const MOST: usize = MOST_TASKS as usize;

/// Arguments are taken so many times as far ahead as chunks of one element need, so that workers don't run out of work while
/// somebody is woken.
const MARGIN: usize = 32;

/// The pace of one map.
#[derive(Debug)]
pub(crate) struct Pace {
    workers: usize,
    /// How many elements may be under way, and how many travel together.
    look_ahead: usize,
    chunk: usize,
    /// What the user has set stays as it is.
    has_look_ahead: bool,
    has_chunk: bool,
    /// No look-ahead goes beyond this.
    limit: usize,
    /// Each element travels by itself.
    is_alone: bool,
    /// What elements take in their workers, and not until they are there: if others need the processors, too, they come late, and it
    /// is better still that they come together.
    work: Mean,
    /// What it takes to take arguments. Who waits for a result does so meanwhile.
    input: Mean,
}

/// The time of one of many, of which the older ones count less.
#[derive(Debug, Default)]
struct Mean {
    seconds: f64,
    count: f64,
}

impl Mean {
    fn add(&mut self, count: usize, time: Duration) {
        self.seconds += time.as_secs_f64();
        self.count += count as f64;
    }

    fn fade(&mut self) {
        self.seconds *= 0.75;
        self.count *= 0.75;
    }

    /// `None` if there has been none.
    fn each(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.seconds / self.count).ok()
    }
}

impl Pace {
    /// For a pool of so many workers. If it has a limit, so many elements are under way at most, and each travels by itself, as
    /// it does if it has a span.
    pub(crate) fn new(workers: usize, limit: Option<usize>) -> Self {
        Self {
            workers: workers.max(1),
            look_ahead: workers.max(1).saturating_mul(CHUNKS),
            chunk: 1,
            has_look_ahead: false,
            has_chunk: false,
            limit: limit.unwrap_or(usize::MAX).max(1),
            is_alone: limit.is_some() || size_of::<TaskSpan>() > 0,
            work: Mean::default(),
            input: Mean::default(),
        }
    }

    pub(super) fn set_look_ahead(&mut self, elements: usize) {
        self.look_ahead = elements.max(1);
        self.has_look_ahead = true;
    }

    pub(super) fn set_chunk(&mut self, elements: usize) {
        self.chunk = elements.min(MOST);
        self.has_chunk = true;
        if !self.has_look_ahead {
            self.look_ahead = self.look_ahead.max(self.under_way(self.chunk));
        }
    }

    pub(super) fn look_ahead(&self) -> usize {
        self.look_ahead.min(self.limit)
    }

    /// How many elements travel together. As many as set by the user, if they may be under way; else so many that each worker
    /// has its share of what may.
    pub(super) fn chunk(&self) -> usize {
        if self.is_alone {
            return 1;
        }
        let chunks = if self.has_chunk { 1 } else { self.under_way(1) };
        self.chunk.min(self.look_ahead() / chunks).max(1)
    }

    /// So many results have arrived, each of which took so long, if that is known.
    pub(super) fn results(&mut self, count: usize, each: Option<Duration>) {
        if let Some(each) = each {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            self.work.add(count as usize, each.saturating_mul(count));
        }
    }

    /// So many arguments have been taken in this time.
    pub(super) fn arguments(&mut self, count: usize, time: Duration) {
        self.input.add(count, time);
    }

    /// Arguments are about to be taken: decides how many.
    pub(super) fn follow(&mut self) {
        let Some(work) = self.work.each() else {
            return;
        };
        let workers = u32::try_from(self.workers).unwrap_or(u32::MAX);
        // How fast results come, as long as nothing else needs the processors.
        let each = (work / workers).max(self.input.each().unwrap_or_default());
        self.work.fade();
        self.input.fade();
        if !self.has_chunk {
            // In the time of one result here each worker has made one of its own, if it was not idle.
            let of_a_worker = each.as_nanos().max(1) * self.workers as u128;
            let chunk = usize::try_from(CHUNK.as_nanos() / of_a_worker).unwrap_or(usize::MAX);
            self.chunk = chunk.min(self.chunk * 2).clamp(1, MOST);
        }
        if !self.has_look_ahead {
            let ahead = if each < SHORT {
                self.look_ahead.saturating_mul(2)
            } else {
                self.look_ahead / 2
            };
            let least = self.under_way(if self.has_chunk { self.chunk } else { 1 });
            self.look_ahead = ahead.clamp(least, self.under_way(self.chunk.max(MARGIN)));
        }
    }

    /// How many elements are under way if all workers have enough chunks of so many.
    fn under_way(&self, chunk: usize) -> usize {
        self.workers.saturating_mul(CHUNKS).saturating_mul(chunk)
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{CHUNK, MARGIN, MOST, Pace, SHORT};
    use std::time::Duration;

    /// What is under way, and travels together, after results that took so long each, many times.
    fn after(pace: &mut Pace, each: Duration) -> (usize, usize) {
        for _ in 0..100 {
            pace.results(1_000, Some(each * pace.workers as u32));
            pace.follow();
        }
        (pace.look_ahead(), pace.chunk())
    }

    #[test]
    fn a_map_begins_with_two_elements_a_worker_one_by_one() {
        let pace = Pace::new(3, None);
        assert_eq!((pace.look_ahead(), pace.chunk()), (6, 1));
    }

    #[test]
    fn short_elements_travel_together_as_much_work_as_is_good() {
        let mut pace = Pace::new(2, None);
        assert_eq!(after(&mut pace, CHUNK / 81), (2 * 2 * 40, 40));
        assert_eq!(after(&mut pace, Duration::from_nanos(1)), (2 * 2 * MOST, MOST));
        assert_eq!(after(&mut pace, 2 * SHORT), (4, 1));
    }

    #[test]
    fn it_is_not_much_ahead_of_elements_that_are_not_short() {
        let mut pace = Pace::new(2, None);
        assert_eq!(after(&mut pace, CHUNK / 41), (2 * 2 * MARGIN, 20));
    }

    #[test]
    fn slow_arguments_are_taken_one_by_one() {
        let mut pace = Pace::new(2, None);
        assert_eq!(after(&mut pace, Duration::from_nanos(1)), (2 * 2 * MOST, MOST));
        for _ in 0..100 {
            pace.arguments(10, 10 * CHUNK);
            pace.follow();
        }
        assert_eq!((pace.look_ahead(), pace.chunk()), (4, 1));
    }

    #[test]
    fn what_is_set_stays() {
        let mut pace = Pace::new(2, None);
        pace.set_look_ahead(3);
        assert_eq!(after(&mut pace, Duration::from_nanos(1)), (3, 1));
        let mut pace = Pace::new(2, None);
        pace.set_chunk(10);
        assert_eq!(after(&mut pace, 2 * SHORT), (40, 10));
        pace.set_look_ahead(12);
        assert_eq!(after(&mut pace, 2 * SHORT), (12, 10));
        pace.set_look_ahead(0);
        assert_eq!(after(&mut pace, 2 * SHORT), (1, 1));
    }

    #[test]
    fn elements_travel_one_by_one_where_there_is_a_limit() {
        let mut pace = Pace::new(2, Some(5));
        pace.set_chunk(10);
        assert_eq!(after(&mut pace, Duration::from_nanos(1)), (5, 1));
    }
}
