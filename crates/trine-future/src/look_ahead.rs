//! How many arguments a map takes ahead of its results.

use std::time::{Duration, Instant};

/// Results that come faster than that are worth more tasks in flight: it is about what it costs to be woken for one.
const SHORT: Duration = Duration::from_micros(50);

/// A number between two bounds: it doubles with each result that comes fast, and halves with each other one.
#[derive(Clone, Debug)]
pub(crate) struct LookAhead {
    least: usize,
    most: usize,
    now: usize,
    /// When the last result was taken.
    last: Option<Instant>,
}

impl LookAhead {
    /// 0 counts as 1.
    pub(crate) fn fixed(number: usize) -> Self {
        Self::between(number, number)
    }

    pub(crate) fn between(least: usize, most: usize) -> Self {
        let least = least.max(1);
        Self {
            least,
            most: most.max(least),
            now: least,
            last: None,
        }
    }

    pub(crate) fn get(&self) -> usize {
        self.now
    }

    /// A result is taken.
    pub(crate) fn take(&mut self) {
        if self.least < self.most {
            self.take_at(Instant::now());
        }
    }

    fn take_at(&mut self, now: Instant) {
        if let Some(last) = self.last.replace(now) {
            self.now = if now.saturating_duration_since(last) < SHORT {
                self.now.saturating_mul(2).min(self.most)
            } else {
                (self.now / 2).max(self.least)
            };
        }
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{LookAhead, SHORT};
    use std::time::{Duration, Instant};

    #[test]
    fn it_grows_while_results_come_fast_and_shrinks_again() {
        let mut look_ahead = LookAhead::between(4, 20);
        let mut now = Instant::now();
        let mut after = |time: Duration| {
            now += time;
            look_ahead.take_at(now);
            look_ahead.get()
        };
        assert_eq!(after(Duration::ZERO), 4, "nothing is known yet");
        assert_eq!(
            [after(SHORT / 2), after(SHORT / 2), after(SHORT / 2)],
            [8, 16, 20]
        );
        assert_eq!([after(SHORT), after(SHORT), after(SHORT)], [10, 5, 4]);
    }

    #[test]
    fn a_fixed_one_stays_and_is_never_0() {
        let mut look_ahead = LookAhead::fixed(0);
        look_ahead.take();
        look_ahead.take();
        assert_eq!(look_ahead.get(), 1);
    }
}
