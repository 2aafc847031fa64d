//! What is done in the worker: calls a task, and takes the time.

use crate::cpu_time::{cpu_time, time_in_line};
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::time::{Duration, Instant};
use trine_future::catch_panic;

/// Short tasks are run again and again for so long. What leaks does not leak much meanwhile.
pub(crate) const ENOUGH: Duration = Duration::from_millis(5);
/// No more of the samples are tried in one go once they have taken so long.
const TOO_LONG: Duration = Duration::from_secs(1);
/// A task is timed alone if it takes so many times as long as the clock.
const TIMES_THE_CLOCK: u32 = 100;
/// The clock reads a file: so many samples are timed before it is known whether they are worth that.
const TIMED_IN_ANY_CASE: usize = 1 << 10;
/// So many calls at once are prepared at most, and so many bytes of arguments.
pub(crate) const MOST_CALLS: usize = 1 << 14;
pub(crate) const MOST_BYTES: usize = 16 << 20;
/// The least that is believed of a call: no clock sees less. Where others want the processors, what is taken off for waiting may be
/// all of its time.
const LEAST: f64 = 1e-9;

/// What some calls in the worker have taken together.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Calls {
    pub(crate) number: usize,
    /// Also those before them, and those that were not timed.
    pub(crate) made: usize,
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    /// The longest of those that were made one by one, and were not repeated.
    pub(crate) longest: Duration,
    /// So many have returned, so many bytes together. (Not those that were repeated.)
    pub(crate) results: usize,
    pub(crate) result_bytes: usize,
}

/// Calls `function` with each of `samples`, again and again if they are short.
pub(crate) fn call<F, A, R>(function: F, samples: Vec<A>) -> Calls
where
    F: Fn(A) -> R,
    A: Serialize + Clone,
    R: Serialize,
{
    let long = Stopwatch::takes() * TIMES_THE_CLOCK;
    let calls = call_each(&function, &samples, long, TOO_LONG);
    if calls.wall > ENOUGH && calls.take(long) {
        calls
    } else {
        call_together(function, &samples[..calls.made], calls)
    }
}

/// Calls `function` once with each of `samples`, until that has taken `most`, and times the calls that are long, one by one.
fn call_each<F, A, R>(function: F, samples: &[A], long: Duration, most: Duration) -> Calls
where
    F: Fn(A) -> R,
    A: Clone,
    R: Serialize,
{
    let mut calls = Calls::default();
    let started = Instant::now();
    let mut before = Duration::ZERO;
    for sample in samples.iter().cloned() {
        let is_timed = calls.made < TIMED_IN_ANY_CASE || calls.take(long);
        let time = is_timed.then(Stopwatch::start);
        let result = catch_panic(|| function(sample));
        match time {
            Some(time) => time.stop(&mut calls, 1),
            None => calls.made += 1,
        }
        if let Ok(result) = result {
            calls.result_bytes += postcard::to_stdvec(&result).map_or(0, |bytes| bytes.len());
            calls.results += 1;
        }
        let elapsed = started.elapsed();
        calls.longest = calls.longest.max(elapsed - before);
        before = elapsed;
        if elapsed > most {
            break;
        }
    }
    calls
}

/// Calls `function` with `samples`, which it has been called with before, and times many calls together.
fn call_together<F, A, R>(function: F, samples: &[A], mut calls: Calls) -> Calls
where
    F: Fn(A) -> R,
    A: Serialize + Clone,
{
    let argument_bytes = samples.first().map_or(0, |sample| {
        postcard::to_stdvec(sample).map_or(0, |bytes| bytes.len())
    });
    let most = MOST_CALLS
        .min(MOST_BYTES / argument_bytes.max(1))
        .max(samples.len());
    let mut rounds = 1;
    loop {
        let batch: Vec<A> = samples
            .iter()
            .cycle()
            .take((rounds * samples.len()).min(most))
            .cloned()
            .collect();
        let number = batch.len();
        let mut batch = batch.into_iter();
        calls = Calls {
            number: 0,
            wall: Duration::ZERO,
            cpu: Duration::ZERO,
            ..calls
        };
        let time = Stopwatch::start();
        // A panic costs its own call: the others are still in the iterator.
        while catch_panic(|| {
            batch
                .by_ref()
                .for_each(|sample| drop(black_box(function(black_box(sample)))))
        })
        .is_err()
        {}
        time.stop(&mut calls, number);
        if calls.wall > ENOUGH || number == most {
            return calls;
        }
        rounds *= 4;
    }
}

impl Calls {
    /// The part of such a time that is one call's, in seconds. Never nothing: that would say that no sample has come to its end.
    pub(crate) fn each(&self, time: Duration) -> f64 {
        (time.as_secs_f64() / self.number.max(1) as f64).max(LEAST)
    }

    /// How many bytes a result has.
    pub(crate) fn mean_result(&self) -> usize {
        self.result_bytes / self.results.max(1)
    }

    /// Whether they have taken so long each.
    fn take(&self, long: Duration) -> bool {
        self.wall.as_secs_f64() >= long.as_secs_f64() * self.number as f64
    }
}

struct Stopwatch {
    wall: Instant,
    in_line: Duration,
    cpu: Duration,
}

impl Stopwatch {
    /// What it says of nothing.
    fn takes() -> Duration {
        let mut calls = Calls::default();
        for _ in 0..16 {
            Self::start().stop(&mut calls, 1);
        }
        calls.wall / 16
    }

    fn start() -> Self {
        Self {
            in_line: time_in_line(),
            wall: Instant::now(),
            cpu: cpu_time(),
        }
    }

    fn stop(&self, calls: &mut Calls, number: usize) {
        // First, as it is last at the start: who asks the system for it often has to let others run then, and waits within both of the
        // other times.
        let cpu = cpu_time().saturating_sub(self.cpu);
        let wall = self.wall.elapsed();
        let in_line = time_in_line().saturating_sub(self.in_line);
        calls.wall += wall.saturating_sub(in_line);
        calls.cpu += cpu;
        calls.number += number;
        calls.made += number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::thread;

    #[test]
    fn short_calls_are_not_timed_one_by_one() {
        let samples: Vec<u64> = (0..20_000).collect();
        // A clock for which they are short, however slow they are.
        let calls = call_each(|number| number ^ 1, &samples, Duration::MAX, Duration::MAX);
        assert_eq!((calls.number, calls.made), (TIMED_IN_ANY_CASE, samples.len()));
    }

    /// Else calls would be repeated again and again because they seem to take no time.
    #[test]
    fn what_computes_takes_time_though_others_want_the_processors() {
        const ROUNDS: usize = 100;
        let has_ended = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 * trine_platform::processors() {
                scope.spawn(|| {
                    while !has_ended.load(Relaxed) {
                        std::hint::spin_loop();
                    }
                });
            }
            let takes_none = |_: &usize| {
                let mut calls = Calls::default();
                let time = Stopwatch::start();
                (0..200_000_u32).for_each(|number| _ = black_box(number));
                time.stop(&mut calls, 1);
                calls.wall.is_zero()
            };
            let without_time = (0..ROUNDS).filter(takes_none).count();
            has_ended.store(true, Relaxed);
            // In some it may have waited just between two of the times.
            assert!(without_time < ROUNDS / 10, "{without_time} of {ROUNDS}");
        });
    }

    #[test]
    fn long_calls_are_timed_one_by_one() {
        let samples: Vec<u64> = (0..2_000).collect();
        let calls = call_each(|number| number ^ 1, &samples, Duration::ZERO, Duration::MAX);
        assert_eq!((calls.number, calls.made), (samples.len(), samples.len()));
    }
}
