//! What a task is like: measured in a worker process, because nobody knows yet what it does.

use crate::ChooseError;
use crate::calls::{Calls, ENOUGH, MOST_BYTES, MOST_CALLS, call};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use std::hint::black_box;
use std::time::{Duration, Instant};
use trine_future::{TaskError, catch_panic};
use trine_processes::ProcessPool;

/// No more of the samples are tried with a message for each, once those have taken so long.
const TOO_LONG_ALONE: Duration = Duration::from_secs(10);
/// What a go takes at most besides two calls that end in time, also on a busy machine.
const LONGEST_GO: Duration = Duration::from_secs(10);
/// A process that has grown by less than this from one go to the next has not grown.
const GROWTH: u64 = 256 << 10;

/// What a task is like. Times are seconds a task.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Measured {
    /// 0 if no sample has come to its end: nothing is known of the task then.
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
    pub(crate) argument_bytes: usize,
    pub(crate) result_bytes: usize,
    /// What it takes to bring argument and result across, without the message itself.
    pub(crate) crossing: f64,
    pub(crate) samples: usize,
    /// How many samples have ended their process, or were not done in time.
    pub(crate) crashed: usize,
    pub(crate) timed_out: usize,
    /// By how many bytes the process grows a task.
    pub(crate) growth: u64,
}

impl Measured {
    pub(crate) fn is_known(&self) -> bool {
        self.wall > 0.0
    }

    /// The share of its time that the task spends on a processor.
    pub(crate) fn computing(&self) -> f64 {
        if self.is_known() {
            (self.cpu / self.wall).min(1.0)
        } else {
            1.0
        }
    }

    pub(crate) fn is_dangerous(&self) -> bool {
        self.crashed + self.timed_out > 0 || self.growth > 0
    }
}

/// Measures `function` on `samples`, none of which may take longer than `timeout`.
pub(crate) fn measure<F, A, R>(function: F, samples: &[A], timeout: Duration) -> Result<Measured, ChooseError>
where
    F: Fn(A) -> R + Copy + Send + Sync + 'static,
    A: Serialize + DeserializeOwned + Clone + Send + 'static,
    R: Serialize + DeserializeOwned + Send + 'static,
{
    let pool = ProcessPool::builder().workers(1).initializer(silence, ());
    let pool = pool.build().map_err(ChooseError::pool)?;
    // PANIC: to serialise is the user's code. Who sends the samples to the worker, below, says what is wrong with them.
    let length = |sample| catch_panic(|| postcard::to_stdvec(sample).map_or(0, |bytes| bytes.len()));
    let encoded: usize = samples.iter().map(|sample| length(sample).unwrap_or(0)).sum();
    let mut measured = Measured {
        samples: samples.len(),
        argument_bytes: encoded / samples.len(),
        ..Measured::default()
    };
    // It captures the function, which is as good as nothing: a process pool refuses anything else.
    let calls = move |samples: Vec<A>| call(function, samples);
    let all = |samples: Vec<A>| {
        let timeout = time_for(samples.len(), timeout);
        pool.task(calls, samples)
            .timeout(timeout)
            .submit::<Calls>()
            .result()
    };
    let memory = || pool.stats().workers[0].memory.unwrap_or(0);

    let mut total = Calls::default();
    let mut sizes = Vec::new();
    for _ in 0..3 {
        match all(samples.to_vec()) {
            Ok(calls) => {
                // The first go is not warm.
                total = calls;
                sizes.push(memory());
            }
            Err(error) => {
                judge(&error, &mut measured).ok_or_else(|| ChooseError::task(error.clone()))?;
                break;
            }
        }
    }
    if let [first, second, third] = sizes[..] {
        if second.saturating_sub(first) > GROWTH && third.saturating_sub(second) > GROWTH {
            measured.growth = ((third - second) / total.made.max(1) as u64).max(1);
        }
        let wall = total.wall.as_secs_f64() / total.number.max(1) as f64;
        let bytes = measured.argument_bytes + total.result_bytes;
        measured.crossing = crossing(&pool, function, samples, bytes, wall).map_err(ChooseError::task)?;
    } else {
        // One of them ends the process: which, and what are the others like?
        let together = (measured.crashed, measured.timed_out);
        (measured.crashed, measured.timed_out, total) = (0, 0, Calls::default());
        measured.samples = 0;
        let started = Instant::now();
        for sample in samples {
            if started.elapsed() > TOO_LONG_ALONE {
                break;
            }
            measured.samples += 1;
            match all(vec![sample.clone()]) {
                Ok(calls) => {
                    total.number += calls.number;
                    total.wall += calls.wall;
                    total.cpu += calls.cpu;
                    total.result_bytes = calls.result_bytes;
                }
                Err(error) => judge(&error, &mut measured).ok_or_else(|| ChooseError::task(error))?,
            }
        }
        // None that was tried does so by itself: together they have.
        if !measured.is_dangerous() {
            (measured.crashed, measured.timed_out) = together;
            measured.samples = samples.len();
        }
    }
    let number = total.number.max(1) as f64;
    measured.wall = total.wall.as_secs_f64() / number;
    measured.cpu = total.cpu.as_secs_f64() / number;
    measured.result_bytes = total.result_bytes;
    Ok(measured)
}

/// How long so many samples may take in one go, if each may take `timeout`. A go that has not hung calls no more of them once they
/// have taken too long, and those that are short once more: it does not take as long as all of them may.
fn time_for(samples: usize, timeout: Duration) -> Duration {
    let each = timeout.saturating_mul(u32::try_from(samples).unwrap_or(u32::MAX));
    each.min(timeout.saturating_mul(2).saturating_add(LONGEST_GO))
}

/// In the worker: what panics would say it each time, which takes long and helps nobody.
fn silence((): ()) -> Result<(), Infallible> {
    std::panic::set_hook(Box::new(|_| ()));
    Ok(())
}

/// Counts an error that is the task's. `None` if it is none of these.
fn judge(error: &TaskError, measured: &mut Measured) -> Option<()> {
    if error.is_worker_death() {
        measured.crashed += 1;
    } else if error.is_timed_out() {
        measured.timed_out += 1;
    } else {
        return None;
    }
    Some(())
}

/// What it takes to bring a sample to the worker and its result back, without the message itself and what the task takes.
fn crossing<F, A, R>(
    pool: &ProcessPool,
    function: F,
    samples: &[A],
    bytes: usize,
    wall: f64,
) -> Result<f64, TaskError>
where
    F: Fn(A) -> R + Copy + Send + Sync + 'static,
    A: Serialize + DeserializeOwned + Clone + Send + 'static,
    R: Serialize + DeserializeOwned + Send + 'static,
{
    // As many as take some time together, because a message's time is never the same.
    let number = ((ENOUGH.as_secs_f64() / wall.max(1e-9)) as usize)
        .min(MOST_CALLS)
        .min(MOST_BYTES / bytes.max(1))
        .max(1);
    let some: Vec<A> = samples.iter().cycle().take(number).cloned().collect();
    let run = move |samples: Vec<A>| {
        let started = Instant::now();
        let results: Vec<Option<R>> = samples
            .into_iter()
            .map(|sample| catch_panic(|| function(sample)).ok())
            .collect();
        (started.elapsed(), results)
    };
    let time = |samples: Vec<A>| {
        let started = Instant::now();
        let (inside, results) = pool.submit(run, samples).result()?;
        drop(black_box(results));
        Ok::<_, TaskError>(started.elapsed().saturating_sub(inside).as_secs_f64())
    };
    let (mut all, mut none) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..5 {
        all = all.min(time(some.clone())?);
        none = none.min(time(Vec::new())?);
    }
    Ok((all - none).max(0.0) / number as f64)
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_GO, time_for};
    use std::time::Duration;

    #[test]
    fn samples_together_may_not_take_as_long_as_each_may() {
        let [short, long] = [20, 10_000].map(Duration::from_millis);
        assert_eq!(time_for(1, long), long);
        assert_eq!(time_for(3, short), 3 * short);
        assert_eq!(time_for(1_000, long), 2 * long + LONGEST_GO);
        assert_eq!(time_for(usize::MAX, Duration::MAX), Duration::MAX);
    }
}
