//! One sample: how long some operations took, by the clock on the wall and by that of the processors.

use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// How long a sample lasts where two threads must overlap: a thread that is woken beside a busy one may start up to
/// 8 ms late.
pub const SAMPLE: Duration = Duration::from_millis(50);

/// What one sample took.
#[derive(Clone, Copy, Debug)]
pub struct Measurement {
    /// How many operations were done.
    pub operations: u64,
    /// How long they took.
    pub wall: Duration,
    /// The time that all threads of the process spent on a processor meanwhile.
    pub cpu: Duration,
    /// With two threads that compete: the part of the operations, 0 to 0.5, that the slower one did.
    pub share: Option<f64>,
}

impl Measurement {
    pub(crate) fn wall_nanoseconds(&self) -> f64 {
        self.nanoseconds(self.wall)
    }

    pub(crate) fn cpu_nanoseconds(&self) -> f64 {
        self.nanoseconds(self.cpu)
    }

    fn nanoseconds(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e9 / self.operations as f64
    }
}

impl std::ops::AddAssign for Measurement {
    /// Makes one sample of two. It has no share, which belongs to one period of time.
    fn add_assign(&mut self, other: Self) {
        self.operations += other.operations;
        self.wall += other.wall;
        self.cpu += other.cpu;
        self.share = None;
    }
}

/// Measures `work`, which returns how many operations it has done.
pub fn measure(work: impl FnOnce() -> u64) -> Measurement {
    let (start, cpu) = (Instant::now(), processor_time());
    let operations = work();
    Measurement {
        operations,
        wall: start.elapsed(),
        cpu: processor_time().saturating_sub(cpu),
        share: None,
    }
}

/// Repeats `work` for as long as a sample lasts, and measures it without what is done before each time to `prepare` it.
pub fn measure_prepared<T>(mut prepare: impl FnMut(u64) -> T, mut work: impl FnMut(T)) -> Measurement {
    let mut sample = Measurement {
        operations: 0,
        wall: Duration::ZERO,
        cpu: Duration::ZERO,
        share: None,
    };
    while sample.wall < SAMPLE {
        let prepared = prepare(sample.operations);
        sample += measure(|| {
            work(prepared);
            1
        });
    }
    sample
}

/// The time that all threads of this process have spent on processors, those that have ended included.
pub fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("the time since the start of the process is not negative")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(operations: u64, wall: u64, cpu: u64) -> Measurement {
        Measurement {
            operations,
            wall: Duration::from_nanos(wall),
            cpu: Duration::from_nanos(cpu),
            share: None,
        }
    }

    #[test]
    fn times_are_those_of_one_operation() {
        let sample = sample(1_000, 5_000, 9_000);
        assert_eq!((sample.wall_nanoseconds(), sample.cpu_nanoseconds()), (5.0, 9.0));
    }

    #[test]
    fn two_samples_make_one() {
        let mut sum = sample(1_000, 5_000, 9_000);
        sum += sample(3_000, 7_000, 11_000);
        assert_eq!((sum.wall_nanoseconds(), sum.cpu_nanoseconds()), (3.0, 5.0));
    }

    #[test]
    fn the_processor_time_counts_threads_that_have_ended() {
        const SPUN: Duration = Duration::from_millis(5);
        let measurement = measure(|| {
            let start = processor_time();
            let spins = move || while processor_time() - start < SPUN {};
            std::thread::spawn(spins).join().expect("it does not panic");
            1
        });
        assert!(measurement.cpu >= SPUN);
    }
}
