//! Two threads that compete for something, for as long as a sample lasts.

use crate::processors::Pinned;
use crate::{Measurement, SAMPLE, measure};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// Tells the competing threads when to end.
pub struct Running {
    is_over: AtomicBool,
}

impl Running {
    /// Whether to go on.
    pub fn is_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    /// Repeats `operation` until the sample is over; returns how often.
    pub fn repeat(&self, mut operation: impl FnMut()) -> u64 {
        let mut count = 0;
        while self.is_on() {
            operation();
            count += 1;
        }
        count
    }
}

/// Has two threads call `compete` at the same time, which goes on while the sample is [`Running`] and returns how many
/// operations it has done.
pub fn two_threads(compete: impl Fn(&Running) -> u64 + Sync) -> Measurement {
    let running = Running {
        is_over: AtomicBool::new(false),
    };
    let ready = AtomicUsize::new(0);
    let compete = |number| {
        let _pinned = Pinned::to(number);
        // Both are awake when they begin. ORDERING: relaxed, here and below, since only the number itself is waited for;
        // what the threads share is there since before they were spawned.
        ready.fetch_add(1, Ordering::Relaxed);
        while ready.load(Ordering::Relaxed) < 3 {
            thread::yield_now();
        }
        compete(&running)
    };
    thread::scope(|scope| {
        let threads = [0, 1].map(|number| scope.spawn(move || compete(number)));
        while ready.load(Ordering::Relaxed) < 2 {
            thread::yield_now();
        }
        let mut counts = [0; 2];
        let mut measurement = measure(|| {
            ready.fetch_add(1, Ordering::Relaxed);
            thread::sleep(SAMPLE);
            running.is_over.store(true, Ordering::Relaxed);
            counts = threads.map(|thread| thread.join().expect("a contender does not panic"));
            counts.iter().sum()
        });
        let fewest = counts[0].min(counts[1]);
        measurement.share = Some(fewest as f64 / measurement.operations as f64);
        measurement
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn the_share_is_that_of_the_slower_thread() {
        let numbers = AtomicUsize::new(0);
        let measurement = two_threads(|_| match numbers.fetch_add(1, Ordering::Relaxed) {
            0 => 300,
            _ => 100,
        });
        assert_eq!((measurement.operations, measurement.share), (400, Some(0.25)));
    }

    #[test]
    fn the_threads_run_at_the_same_time() {
        let barrier = Barrier::new(2);
        let measurement = two_threads(|running| {
            barrier.wait();
            running.repeat(thread::yield_now)
        });
        assert!(measurement.wall >= SAMPLE);
    }
}
