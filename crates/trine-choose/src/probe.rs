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
/// What it takes at most to repeat calls that are short, also on a busy machine.
const REPEATED: Duration = Duration::from_secs(1);
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
    let go = |samples: Vec<A>, measured: &mut Measured| {
        let time = time_for(samples.len(), timeout);
        let calls = pool.task(calls, samples).timeout(time).submit::<Calls>();
        let calls = survived(calls.result(), measured)?;
        // Together they had more time.
        if calls.is_some_and(|calls| calls.longest > timeout) {
            measured.timed_out += 1;
            return Ok(None);
        }
        Ok(calls)
    };
    let memory = || pool.stats().workers[0].memory.unwrap_or(0);

    // The last of those that call all samples, or those that call one each.
    let mut goes = Vec::new();
    let mut sizes = Vec::new();
    for _ in 0..3 {
        let Some(calls) = go(samples.to_vec(), &mut measured)? else {
            break;
        };
        // The first go is not warm.
        goes = vec![calls];
        sizes.push(memory());
    }
    let mut crosses = None;
    if let ([first, second, third], [calls]) = (&sizes[..], &goes[..]) {
        if second.saturating_sub(*first) > GROWTH && third.saturating_sub(*second) > GROWTH {
            measured.growth = ((third - second) / calls.made.max(1) as u64).max(1);
        }
        let bytes = measured.argument_bytes + calls.mean_result();
        let crossing = crossing(&pool, function, samples, bytes, calls.each(calls.wall), timeout);
        crosses = survived(crossing, &mut measured)?;
    }
    if let Some(crossing) = crosses {
        measured.crossing = crossing;
    } else {
        // One of them ends the process: which, and what are the others like?
        let together = (measured.crashed, measured.timed_out);
        (measured.crashed, measured.timed_out) = (0, 0);
        measured.samples = 0;
        goes.clear();
        let started = Instant::now();
        for sample in samples {
            if started.elapsed() > TOO_LONG_ALONE {
                break;
            }
            measured.samples += 1;
            goes.extend(go(vec![sample.clone()], &mut measured)?);
        }
        // None that was tried does so by itself: together they have.
        if measured.crashed + measured.timed_out == 0 {
            (measured.crashed, measured.timed_out) = together;
            measured.samples = samples.len();
        }
    }
    // Each of them counts once, however often its samples were repeated.
    let mean = |value: fn(&Calls) -> f64| goes.iter().map(value).sum::<f64>() / goes.len().max(1) as f64;
    measured.wall = mean(|calls| calls.each(calls.wall));
    measured.cpu = mean(|calls| calls.each(calls.cpu));
    let sum = |number: fn(&Calls) -> usize| goes.iter().map(number).sum::<usize>();
    measured.result_bytes = sum(|calls| calls.result_bytes) / sum(|calls| calls.results).max(1);
    Ok(measured)
}

/// How long so many samples may take in one go before it is stopped, if each may take `timeout`. A go that has not hung calls no more of them once they
/// have taken too long, and those that are short once more: it does not take as long as all of them may.
fn time_for(samples: usize, timeout: Duration) -> Duration {
    let each = timeout.saturating_mul(u32::try_from(samples).unwrap_or(u32::MAX));
    let longest = timeout.saturating_mul(2).saturating_add(LONGEST_GO);
    each.min(longest).saturating_add(REPEATED)
}

/// In the worker: what panics would say it each time, which takes long and helps nobody.
fn silence((): ()) -> Result<(), Infallible> {
    std::panic::set_hook(Box::new(|_| ()));
    Ok(())
}

/// What the worker has answered. `None` if a task has ended it or was not done in time, which is counted.
fn survived<T>(answer: Result<T, TaskError>, measured: &mut Measured) -> Result<Option<T>, ChooseError> {
    match answer {
        Ok(answer) => return Ok(Some(answer)),
        Err(error) if error.is_worker_death() => measured.crashed += 1,
        Err(error) if error.is_timed_out() => measured.timed_out += 1,
        Err(error) => return Err(ChooseError::task(error)),
    }
    Ok(None)
}

/// What it takes to bring a sample to the worker and its result back, without the message itself and what the task takes.
fn crossing<F, A, R>(
    pool: &ProcessPool,
    function: F,
    samples: &[A],
    bytes: usize,
    wall: f64,
    timeout: Duration,
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
        let limit = time_for(samples.len().max(1), timeout);
        let (inside, results) = pool.task(run, samples).timeout(limit).submit().result()?;
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
    use super::{LONGEST_GO, REPEATED, time_for};
    use std::time::Duration;

    #[test]
    fn samples_together_may_not_take_as_long_as_each_may() {
        let [short, long] = [20, 10_000].map(Duration::from_millis);
        assert_eq!(time_for(1, long), long + REPEATED);
        assert_eq!(time_for(3, short), 3 * short + REPEATED);
        assert_eq!(time_for(1_000, long), 2 * long + LONGEST_GO + REPEATED);
        assert_eq!(time_for(usize::MAX, Duration::MAX), Duration::MAX);
    }
}
