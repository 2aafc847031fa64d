//! How many tasks a second each model would do, by what was measured.

use crate::choice::Model;
use crate::costs::{Costs, HandOver};
use crate::probe::Measured;

/// A thread costs memory and a place in the scheduler.
const MOST_THREADS: usize = 256;
/// So many threads for each processor are not simpler than as many tasks.
const SIMPLE_THREADS_A_PROCESSOR: usize = 32;
/// Tasks that wait cost bytes.
const MOST_TASKS: usize = 1024;
/// If they wait, there are so many times more at once than would do if each began when another one waits: they come as it
/// happens, and a runtime's timers round up.
const SLACK: usize = 4;
/// A process costs as much as a program: so many for each processor, if they wait.
const PROCESSES_A_PROCESSOR: usize = 4;
/// A message to a process should cost no more than this part of what it carries ...
const MESSAGE_SHARE: f64 = 0.1;
/// ... unless it would carry so many tasks, as many as a process pool takes in a chunk, or so many bytes.
const LONGEST_CHUNK: usize = 1_000;
const CHUNK_BYTES: usize = 1 << 20;
/// The least that is believed of a task: no clock sees less.
const LEAST: f64 = 1e-9;
/// The least that is believed of what crosses: it is written, copied and read, whatever the noise says.
const LEAST_CROSSING: f64 = 20e-9;
const LEAST_CROSSING_A_BYTE: f64 = 0.2e-9;

/// What a model is expected to do, at its best.
///
/// ```
/// use trine_choose::{Chooser, Estimate, Model};
///
/// let choice = Chooser::new(|number: u64| number ^ 7, vec![1]).choose()?;
/// let &Estimate { model, workers, throughput, .. } = &choice.estimates()[0];
/// assert_eq!((model, workers), (Model::NoPool, 1));
/// println!("{throughput:.0} tasks a second in a loop");
/// # Ok::<(), trine_choose::ChooseError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Estimate {
    /// The model.
    pub model: Model,
    /// Threads, processes, or tasks in flight.
    pub workers: usize,
    /// How many tasks travel together to a process. 1 for the other models: a thread pool's `map` finds its chunks by itself.
    pub chunk: usize,
    /// Tasks a second. Not a number if no sample has come to its end, so that nothing is known.
    pub throughput: f64,
}

/// An estimate for each model that is possible, the simplest first.
pub(crate) fn estimates(measured: &Measured, costs: &Costs, is_awaitable: bool) -> Vec<Estimate> {
    let (wall, cpu) = (measured.wall.max(LEAST), measured.cpu.max(LEAST));
    let processors = costs.processors as f64;
    // So many at a time keep the processors busy.
    let useful = |cpu: f64| (processors * (wall / cpu)).ceil() as usize;
    // Three bounds: the one who hands over, the places where tasks wait, the processors.
    let throughput = |workers: usize, cpu: f64, handing_over: HandOver| {
        (1.0 / handing_over.wall)
            .min(workers as f64 / wall)
            .min(processors / (cpu + handing_over.cpu))
    };
    let slack = if measured.computing() < 0.5 { SLACK } else { 1 };
    let threads = (slack * useful(cpu)).clamp(costs.processors, MOST_THREADS);
    let processes = useful(cpu).clamp(costs.processors, costs.processors * PROCESSES_A_PROCESSOR);
    let chunk = ((costs.process.wall / MESSAGE_SHARE / wall).round() as usize)
        .min(CHUNK_BYTES / (measured.argument_bytes + measured.result_bytes).max(1))
        .clamp(1, LONGEST_CHUNK);
    let bytes = (measured.argument_bytes + measured.result_bytes) as f64;
    let crossing = measured
        .crossing
        .max(LEAST_CROSSING + LEAST_CROSSING_A_BYTE * bytes);
    let message = HandOver {
        wall: costs.process.wall / chunk as f64 + crossing,
        cpu: costs.process.cpu / chunk as f64 + crossing,
    };
    let mut estimates = vec![
        Estimate {
            model: Model::NoPool,
            workers: 1,
            chunk: 1,
            throughput: 1.0 / wall,
        },
        Estimate {
            model: Model::Threads,
            workers: threads,
            chunk: 1,
            throughput: throughput(threads, cpu, costs.thread),
        },
        Estimate {
            model: Model::Processes,
            workers: processes,
            chunk,
            throughput: throughput(processes, cpu, message),
        },
    ];
    if is_awaitable {
        // A task that waits does without a thread's waiting.
        let cpu = if measured.computing() < 0.5 {
            (cpu - costs.wait).max(LEAST)
        } else {
            cpu
        };
        let tasks = (slack * useful(cpu + costs.task.cpu)).clamp(costs.processors, MOST_TASKS);
        let throughput = throughput(tasks, cpu, costs.task);
        estimates.insert(
            2,
            Estimate {
                model: Model::Async,
                workers: tasks,
                chunk: 1,
                throughput,
            },
        );
    }
    if !measured.is_known() {
        for estimate in &mut estimates {
            (estimate.chunk, estimate.throughput) = (1, f64::NAN);
        }
    }
    estimates
}

/// The simplest that comes within a seventh of the best; processes if nothing else survives the task.
pub(crate) fn best<'a>(measured: &Measured, costs: &Costs, estimates: &'a [Estimate]) -> &'a Estimate {
    const CLOSE: f64 = 6.0 / 7.0;
    let most = estimates
        .iter()
        .map(|estimate| estimate.throughput)
        .fold(0.0, f64::max);
    estimates
        .iter()
        .find(|estimate| {
            let is_simple = estimate.model != Model::Threads
                || estimate.workers <= SIMPLE_THREADS_A_PROCESSOR * costs.processors;
            if measured.is_dangerous() {
                estimate.model == Model::Processes
            } else if is_simple {
                estimate.throughput >= CLOSE * most
            } else {
                estimate.throughput >= most
            }
        })
        .expect("the best one comes close to itself, and processes are always among them")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::Calls;

    const fn hand_over(seconds: f64) -> HandOver {
        HandOver {
            wall: seconds,
            cpu: seconds,
        }
    }

    const COSTS: Costs = Costs {
        processors: 4,
        thread: hand_over(100e-9),
        process: hand_over(10e-6),
        task: hand_over(1e-6),
        wait: 10e-6,
    };

    fn answer(measured: &Measured, is_awaitable: bool) -> (Model, usize, usize) {
        let estimates = estimates(measured, &COSTS, is_awaitable);
        let best = best(measured, &COSTS, &estimates);
        (best.model, best.workers, best.chunk)
    }

    fn task(wall: f64, cpu: f64) -> Measured {
        Measured {
            wall,
            cpu,
            ..Measured::default()
        }
    }

    #[test]
    fn computing_takes_threads() {
        assert_eq!(answer(&task(1e-3, 1e-3), true), (Model::Threads, 4, 1));
    }

    #[test]
    fn waiting_takes_tasks_or_many_threads() {
        let sleep = task(10e-3, 10e-6);
        assert_eq!(answer(&sleep, true), (Model::Async, 1024, 1));
        assert_eq!(answer(&sleep, false), (Model::Threads, 256, 1));
        // Close to the tasks, and too many to be simpler.
        let mostly_waits = task(10e-3, 200e-6);
        assert_eq!(answer(&mostly_waits, true), (Model::Async, 840, 1));
        assert_eq!(answer(&mostly_waits, false), (Model::Threads, 256, 1));
        assert_eq!(answer(&task(10e-3, 4e-3), true), (Model::Threads, 40, 1));
        assert_eq!(answer(&task(10e-3, 2e-3), false), (Model::Threads, 80, 1));
    }

    #[test]
    fn an_async_task_that_computes_saves_no_waiting() {
        let estimates = estimates(&task(1e-3, 1e-3), &COSTS, true);
        let of = |model| estimates.iter().find(|estimate| estimate.model == model);
        assert!(of(Model::Async).unwrap().throughput < of(Model::Threads).unwrap().throughput);
    }

    #[test]
    fn less_than_the_hand_over_takes_no_pool() {
        assert_eq!(answer(&task(20e-9, 20e-9), true), (Model::NoPool, 1, 1));
    }

    /// What the clock takes off for waiting may be all that it has seen.
    #[test]
    fn what_takes_no_time_by_the_clock_takes_no_pool() {
        let calls = Calls {
            number: 1,
            ..Calls::default()
        };
        let measured = task(calls.each(calls.wall), calls.each(calls.cpu));
        assert_eq!(answer(&measured, true), (Model::NoPool, 1, 1));
    }

    #[test]
    fn what_crashes_or_grows_takes_processes() {
        let crash = Measured {
            crashed: 1,
            ..task(1e-3, 1e-3)
        };
        let hang = Measured {
            timed_out: 1,
            ..task(1e-3, 1e-3)
        };
        let leak = Measured {
            growth: 1,
            ..task(1e-6, 1e-6)
        };
        assert_eq!(answer(&crash, true), (Model::Processes, 4, 1));
        assert_eq!(answer(&hang, true), (Model::Processes, 4, 1));
        // A message costs a tenth of its chunk.
        assert_eq!(answer(&leak, true), (Model::Processes, 4, 100));
    }

    #[test]
    fn nothing_is_said_of_what_never_ends() {
        let crash = Measured {
            crashed: 1,
            ..task(0.0, 0.0)
        };
        assert_eq!(answer(&crash, true), (Model::Processes, 4, 1));
        assert!(
            estimates(&crash, &COSTS, true)
                .iter()
                .all(|estimate| estimate.throughput.is_nan())
        );
    }

    #[test]
    fn chunks_are_no_longer_than_a_pool_takes() {
        let leak = Measured {
            growth: 1,
            ..task(20e-9, 20e-9)
        };
        assert_eq!(answer(&leak, true), (Model::Processes, 4, 1_000));
    }

    #[test]
    fn chunks_have_no_more_bytes_than_fit_a_message() {
        let large = Measured {
            argument_bytes: 300 << 10,
            growth: 1,
            ..task(1e-6, 1e-6)
        };
        assert_eq!(answer(&large, true), (Model::Processes, 4, 3));
    }
}
