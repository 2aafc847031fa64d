//! What this machine takes to hand over a task, to each of the models.

use crate::ChooseError;
use crate::cpu_time::cpu_time;
use std::hint::black_box;
use std::time::{Duration, Instant};
use trine_async::AsyncPool;
use trine_future::Map;
use trine_processes::ProcessPool;
use trine_threads::ThreadPool;

/// The tasks of one go.
const THREAD_TASKS: u64 = 20_000;
const PROCESS_TASKS: u64 = 500;
const ASYNC_TASKS: u64 = 5_000;
/// The best of so many goes counts: what disturbs them only adds to the time.
const GOES: usize = 5;
const WAITS: u32 = 10;
/// Larger arguments have longer tasks, for which a hand-over matters less than what the allocator does with the arguments.
const SMALL: usize = 1024;
/// The least that is believed of a hand-over.
const LEAST: f64 = 1e-9;

/// What it takes to hand over a task and to get its result, in seconds: from one task to the next, and of processors. The
/// latter is more where several threads have to do with it at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct HandOver {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
}

/// In seconds a task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Costs {
    pub(crate) processors: usize,
    pub(crate) thread: HandOver,
    pub(crate) process: HandOver,
    pub(crate) task: HandOver,
    /// What a thread spends on a processor to wait once, which an async task does not.
    pub(crate) wait: f64,
}

impl Costs {
    /// `samples` are the arguments, of so many bytes each.
    pub(crate) fn measure<A: Clone + Send + 'static>(
        samples: &[A],
        bytes: usize,
    ) -> Result<Self, ChooseError> {
        let processors = trine_platform::processors();
        let threads = ThreadPool::new(processors).map_err(ChooseError::pool)?;
        let processes = ProcessPool::new(processors).map_err(ChooseError::pool)?;
        let tasks = AsyncPool::new(processors).map_err(ChooseError::pool)?;
        Ok(Self {
            processors,
            thread: if bytes <= SMALL {
                a_sample(samples, &threads)
            } else {
                a_task(THREAD_TASKS, |tasks| {
                    threads
                        .map(|number: u64| number, 0..tasks)
                        .for_each(|result| drop(black_box(result)));
                })
            },
            process: a_task(PROCESS_TASKS, |tasks| {
                processes
                    .map(|number: u64| number, 0..tasks)
                    .for_each(|result| drop(black_box(result)));
            }),
            task: a_task(ASYNC_TASKS, |number| {
                Map::new(0..number, 1024, |number| tasks.spawn(async move { number }))
                    .for_each(|result| drop(black_box(result)));
            }),
            wait: a_wait(),
        })
    }
}

/// As `a_task`, for a thread and these arguments, without what it takes to make them.
fn a_sample<A: Clone + Send + 'static>(samples: &[A], threads: &ThreadPool) -> HandOver {
    let some = |tasks| samples.iter().cycle().take(tasks as usize).cloned();
    let made = a_task(THREAD_TASKS, |tasks| {
        some(tasks).for_each(|sample| drop(black_box(sample)));
    });
    let handed = a_task(THREAD_TASKS, |tasks| {
        threads
            .map(|sample: A| drop(black_box(sample)), some(tasks))
            .for_each(|result| drop(black_box(result)));
    });
    HandOver {
        wall: (handed.wall - made.wall).max(LEAST),
        cpu: (handed.cpu - made.cpu).max(LEAST),
    }
}

/// What the processors of other processes do is not counted.
fn a_task(tasks: u64, mut go: impl FnMut(u64)) -> HandOver {
    let (mut wall, mut cpu) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..GOES {
        let (started, before) = (Instant::now(), cpu_time());
        go(tasks);
        wall = wall.min(started.elapsed().as_secs_f64());
        cpu = cpu.min(cpu_time().saturating_sub(before).as_secs_f64());
    }
    let tasks = tasks as f64;
    HandOver {
        wall: wall / tasks,
        cpu: cpu.max(wall) / tasks,
    }
}

fn a_wait() -> f64 {
    let before = cpu_time();
    for _ in 0..WAITS {
        std::thread::sleep(Duration::from_millis(1));
    }
    cpu_time().saturating_sub(before).as_secs_f64() / f64::from(WAITS)
}
