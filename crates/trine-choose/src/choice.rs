//! The answer, with its reasons.

use crate::costs::Costs;
use crate::estimate::{Estimate, best, estimates};
use crate::probe::Measured;
use std::fmt;

/// A way to run tasks.
///
/// ```
/// assert_eq!(trine_choose::Model::Threads.to_string(), "threads");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Model {
    /// A loop on the calling thread.
    NoPool,
    /// A `ThreadPool`.
    Threads,
    /// A `ProcessPool`.
    Processes,
    /// An `AsyncPool`.
    Async,
}

impl fmt::Display for Model {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::NoPool => "no pool",
            Self::Threads => "threads",
            Self::Processes => "processes",
            Self::Async => "async",
        })
    }
}

/// Which model fits a task: what [`Chooser::choose`](crate::Chooser::choose) returns. Its `Display` has the answer, the
/// reasons, and a table.
///
/// ```
/// use trine_choose::Chooser;
///
/// let choice = Chooser::new(|below: u64| (0..below).map(|n| n ^ 7).sum::<u64>(), vec![1_000_000]).choose()?;
/// assert!(choice.workers() >= 1 && choice.chunk() >= 1 && !choice.reasons().is_empty());
/// assert!(choice.estimates().iter().any(|estimate| estimate.model == choice.model()));
/// # Ok::<(), trine_choose::ChooseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Choice {
    best: Estimate,
    estimates: Vec<Estimate>,
    reasons: Vec<String>,
}

impl Choice {
    pub(crate) fn new(measured: &Measured, costs: &Costs, is_awaitable: bool) -> Self {
        let estimates = estimates(measured, costs, is_awaitable);
        let best = best(measured, costs, &estimates).clone();
        let reasons = reasons(measured, costs, &best);
        Self {
            best,
            estimates,
            reasons,
        }
    }

    /// The model that fits.
    pub fn model(&self) -> Model {
        self.best.model
    }

    /// How many threads or processes, or how many tasks in flight.
    pub fn workers(&self) -> usize {
        self.best.workers
    }

    /// How many tasks should travel together to a process. 1 for the other models: a thread pool's `map` finds its chunks
    /// by itself.
    pub fn chunk(&self) -> usize {
        self.best.chunk
    }

    /// Why, in sentences.
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }

    /// What each possible model is expected to do, the simplest first.
    pub fn estimates(&self) -> &[Estimate] {
        &self.estimates
    }
}

fn reasons(measured: &Measured, costs: &Costs, best: &Estimate) -> Vec<String> {
    let mut reasons = Vec::new();
    let samples = measured.samples;
    if measured.crashed > 0 {
        reasons.push(format!(
            "it ends its process: {} of {samples} samples did",
            measured.crashed
        ));
    }
    if measured.timed_out > 0 {
        reasons.push(format!(
            "it hangs: {} of {samples} samples were not done in time",
            measured.timed_out
        ));
    }
    if measured.growth > 0 {
        reasons.push(format!(
            "its process keeps growing, by {} a task: set `max_tasks_per_worker`",
            Bytes(measured.growth)
        ));
    }
    if !measured.is_known() {
        reasons.push("nothing is known of the time that it takes: no sample has come to its end".to_owned());
        return reasons;
    }
    let computing = measured.computing();
    reasons.push(format!(
        "it takes {}, and computes {:.0} % of that",
        Seconds(measured.wall),
        100.0 * computing
    ));
    if computing < 0.5 && best.model == Model::Threads {
        reasons.push(
            "an async task would wait for less memory, if it can be written as an `async fn`".to_owned(),
        );
    }
    if best.model == Model::NoPool {
        reasons.push(format!(
            "to hand it over to a thread takes {}",
            Seconds(costs.thread.wall)
        ));
    }
    reasons.push(format!(
        "to a process its argument and result are {}, which takes {} and the message {}",
        Bytes((measured.argument_bytes + measured.result_bytes) as u64),
        Seconds(measured.crossing),
        Seconds(costs.process.wall)
    ));
    reasons
}

impl fmt::Display for Choice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Estimate {
            model,
            workers,
            chunk,
            ..
        } = self.best;
        writeln!(
            formatter,
            "{model}, {workers} at a time, in chunks of {chunk}, because"
        )?;
        for reason in &self.reasons {
            writeln!(formatter, "- {reason}")?;
        }
        write!(
            formatter,
            "\n{:<10} {:>9} {:>6} {:>14}",
            "model", "at a time", "chunk", "tasks a second"
        )?;
        for Estimate {
            model,
            workers,
            chunk,
            throughput,
        } in &self.estimates
        {
            let throughput = match throughput.is_nan() {
                true => "unknown".to_owned(),
                false => format!("{throughput:.0}"),
            };
            write!(
                formatter,
                "\n{model:<10} {workers:>9} {chunk:>6} {throughput:>14}"
            )?;
        }
        Ok(())
    }
}

/// A time for people.
struct Seconds(f64);

impl fmt::Display for Seconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(seconds) = *self;
        let (factor, unit) = match seconds {
            1.0.. => (1.0, "s"),
            1e-3.. => (1e3, "ms"),
            1e-6.. => (1e6, "µs"),
            _ => (1e9, "ns"),
        };
        write!(formatter, "{:.1} {unit}", seconds * factor)
    }
}

/// A number of bytes for people.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes @ 0x10_0000.. => write!(formatter, "{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
            bytes @ 0x400.. => write!(formatter, "{:.1} KiB", bytes as f64 / 1024.0),
            bytes => write!(formatter, "{bytes} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::costs::HandOver;

    const COSTS: Costs = Costs {
        processors: 2,
        thread: HandOver {
            wall: 100e-9,
            cpu: 100e-9,
        },
        process: HandOver {
            wall: 10e-6,
            cpu: 10e-6,
        },
        task: HandOver {
            wall: 1e-6,
            cpu: 1e-6,
        },
        wait: 0.0,
    };

    fn choice(wall: f64, cpu: f64, growth: u64, is_awaitable: bool) -> Choice {
        let measured = Measured {
            wall,
            cpu,
            growth,
            ..Measured::default()
        };
        Choice::new(&measured, &COSTS, is_awaitable)
    }

    #[test]
    fn the_answer_has_reasons_and_a_table() {
        let measured = Measured {
            wall: 2e-3,
            cpu: 1e-3,
            argument_bytes: 2048,
            crossing: 5e-6,
            samples: 4,
            crashed: 1,
            growth: 3 << 20,
            ..Measured::default()
        };
        assert_eq!(
            Choice::new(&measured, &COSTS, true).to_string(),
            "\
processes, 4 at a time, in chunks of 1, because
- it ends its process: 1 of 4 samples did
- its process keeps growing, by 3.0 MiB a task: set `max_tasks_per_worker`
- it takes 2.0 ms, and computes 50 % of that
- to a process its argument and result are 2.0 KiB, which takes 5.0 µs and the message 10.0 µs

model      at a time  chunk tasks a second
no pool            1      1            500
threads            4      1           2000
async              4      1           1998
processes          4      1           1970"
        );
    }

    #[test]
    fn threads_that_wait_are_told_of_async_tasks() {
        let tells = |choice: Choice, model| {
            assert_eq!(choice.model(), model, "{choice}");
            choice
                .reasons()
                .iter()
                .any(|reason| reason.starts_with("an async task would wait for less memory"))
        };
        assert!(tells(choice(10e-3, 10e-6, 0, false), Model::Threads));
        assert!(!tells(choice(10e-3, 10e-6, 0, true), Model::Async));
        assert!(!tells(choice(10e-3, 10e-3, 0, true), Model::Threads));
    }

    #[test]
    fn where_no_pool_fits_the_price_of_a_thread_is_the_reason() {
        let choice = choice(20e-9, 20e-9, 0, true);
        assert_eq!(choice.model(), Model::NoPool);
        assert_eq!(choice.reasons()[1], "to hand it over to a thread takes 100.0 ns");
    }

    #[test]
    fn the_chunk_is_that_of_the_model() {
        assert_eq!(choice(1e-6, 1e-6, 1, true).chunk(), 100);
    }
}
