//! How many elements make a chunk, and how long the consumer naps.

use super::chunk::LONGEST;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};
use trine_platform::spin_loop;

/// How long a chunk should take. Long enough that what a chunk costs does not matter, and short enough that it does not
/// matter who runs it.
const AIM: Duration = Duration::from_micros(50);

/// How long a nap is, if there is enough to do meanwhile: a shorter one costs more than it brings, and a longer one would
/// be noticed.
const NAPS: RangeInclusive<Duration> = Duration::from_micros(50)..=Duration::from_millis(1);

/// How much of a chunk that somebody runs is left to that thread for a moment: to share it takes longer than to run it.
const REST: Duration = Duration::from_micros(10);

/// How long short elements go on by themselves between two looks. Who looks takes the cache lines away from who runs them.
const UNSEEN: Duration = Duration::from_micros(2);

/// The length of the chunks: one element at first, then by what an element takes, twice the last one at most.
#[derive(Debug)]
pub(crate) struct Pace {
    fixed: Option<usize>,
    longest: usize,
    last: usize,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self {
            fixed: None,
            longest: LONGEST,
            last: 1,
        }
    }

    /// All chunks have this length.
    pub(crate) fn fix(&mut self, length: usize) {
        self.fixed = Some(length.min(LONGEST));
    }

    /// Chunks whose length is not fixed have this one at most.
    pub(crate) fn limit(&mut self, length: usize) {
        self.longest = length.min(LONGEST);
    }

    /// The length of the next chunk. `nanoseconds` is what an element takes, to be run or to be pulled; 0 if that is not
    /// known yet.
    pub(crate) fn next_length(&self, nanoseconds: u32) -> usize {
        match (self.fixed, AIM.as_nanos().checked_div(nanoseconds.into())) {
            (Some(fixed), _) => fixed,
            (None, None) => self.last,
            (None, Some(by_time)) => (by_time as usize).clamp(1, (self.last * 2).min(self.longest)),
        }
    }

    /// Whether the last chunk had more than one element, because elements are short.
    pub(crate) fn makes_long_chunks(&self) -> bool {
        self.fixed.is_none() && self.last > 1
    }

    /// A chunk of this length was made.
    pub(crate) fn took(&mut self, length: usize) {
        self.last = length;
    }
}

/// Whether elements end faster than the consumer could be woken for each.
pub(crate) fn are_short(nanoseconds: u32) -> bool {
    nanoseconds > 0 && u128::from(nanoseconds) * 2 <= AIM.as_nanos()
}

/// How many elements are soon over, if one takes so long; none if that is not known.
pub(crate) fn soon_over(nanoseconds: u32) -> usize {
    REST.as_nanos().checked_div(nanoseconds.into()).unwrap_or(0) as usize
}

/// Lets some short elements end.
pub(crate) fn let_some_end() {
    let begun = Instant::now();
    while begun.elapsed() < UNSEEN {
        spin_loop();
    }
}

/// How long the consumer sleeps when elements are short: half of the time for which `elements` keep the workers busy, as far as
/// that is known. It is known badly at first, so a map that has `lasted` for a moment is not made much longer by it. `None`: it
/// should rather look, or be woken for the next one.
pub(crate) fn nap(elements: usize, nanoseconds: u32, workers: usize, lasted: Duration) -> Option<Duration> {
    let busy = Duration::from_nanos(elements as u64 * u64::from(nanoseconds) / workers as u64);
    let nap = (busy.min(lasted) / 2).min(*NAPS.end());
    (are_short(nanoseconds) && nap >= *NAPS.start()).then_some(nap)
}

/// What an element took, if `elements` took so long.
pub(crate) fn nanoseconds_each(time: Duration, elements: usize) -> u32 {
    let nanoseconds = time.as_nanos() / elements.max(1) as u128;
    u32::try_from(nanoseconds).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(pace: &mut Pace, nanoseconds: u32) -> usize {
        let length = pace.next_length(nanoseconds);
        pace.took(length);
        length
    }

    #[test]
    fn the_first_chunks_have_one_element() {
        let mut pace = Pace::new();
        assert_eq!([next(&mut pace, 0), next(&mut pace, 0)], [1, 1]);
    }

    #[test]
    fn chunks_of_short_elements_grow_up_to_the_aim() {
        let mut pace = Pace::new();
        let lengths = [(); 8].map(|()| next(&mut pace, 1_000));
        assert_eq!(lengths, [2, 4, 8, 16, 32, 50, 50, 50]);
    }

    #[test]
    fn long_elements_come_one_by_one_at_once() {
        let mut pace = Pace::new();
        while next(&mut pace, 1_000) < 50 {}
        assert_eq!([60_000, u32::MAX].map(|long| next(&mut pace, long)), [1, 1]);
    }

    #[test]
    fn a_fixed_length_stays() {
        let mut pace = Pace::new();
        pace.fix(7);
        pace.limit(3);
        assert_eq!([0, 1, u32::MAX].map(|time| next(&mut pace, time)), [7, 7, 7]);
        pace.fix(usize::MAX);
        assert_eq!(next(&mut pace, 0), LONGEST);
    }

    #[test]
    fn other_lengths_are_limited() {
        let mut pace = Pace::new();
        pace.limit(3);
        assert_eq!([1; 4].map(|time| next(&mut pace, time)), [2, 3, 3, 3]);
    }

    #[test]
    fn a_nap_needs_many_short_elements() {
        let (begun, long) = (Duration::from_micros(120), Duration::from_secs(1));
        assert_eq!(nap(1_000, 1_000, 2, long), Some(Duration::from_micros(250)));
        assert_eq!(nap(1_000_000, 1_000, 2, long), Some(Duration::from_millis(1)));
        assert_eq!(nap(1_000_000, 1_000, 2, begun), Some(Duration::from_micros(60)));
        assert_eq!(nap(1_000_000, 1_000, 2, begun / 2), None, "it has just begun");
        assert_eq!(nap(100, 1_000, 2, long), None, "they are soon over");
        assert_eq!(
            nap(1_000, 100_000, 2, long),
            None,
            "each is worth being woken for"
        );
        assert_eq!(nap(1_000, 0, 2, long), None, "who knows");
    }

    #[test]
    fn few_short_elements_are_soon_over() {
        assert_eq!([0, 20, 9_000, 11_000].map(soon_over), [0, 500, 1, 0]);
    }

    #[test]
    fn an_element_takes_its_part_of_the_time() {
        assert_eq!(nanoseconds_each(Duration::from_micros(5), 100), 50);
        assert_eq!(nanoseconds_each(Duration::ZERO, 100), 1);
        assert_eq!(nanoseconds_each(Duration::MAX, 1), u32::MAX);
    }
}
