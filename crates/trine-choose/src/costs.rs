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

/// In seconds a task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Costs {
    pub(crate) processors: usize,
    pub(crate) thread: f64,
    pub(crate) process: f64,
    pub(crate) task: f64,
    /// What a thread spends on a processor to wait once, which an async task does not.
    pub(crate) wait: f64,
}

impl Costs {
    pub(crate) fn measure() -> Result<Self, ChooseError> {
        let processors = trine_platform::processors();
        let threads = ThreadPool::new(processors).map_err(ChooseError::pool)?;
        let processes = ProcessPool::new(processors).map_err(ChooseError::pool)?;
        let tasks = AsyncPool::new(processors).map_err(ChooseError::pool)?;
        Ok(Self {
            processors,
            thread: a_task(THREAD_TASKS, |tasks| {
                threads
                    .map(|number: u64| number, 0..tasks)
                    .for_each(|result| drop(black_box(result)));
            }),
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

fn a_task(tasks: u64, mut go: impl FnMut(u64)) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..GOES {
        let started = Instant::now();
        go(tasks);
        best = best.min(started.elapsed().as_secs_f64());
    }
    best / tasks as f64
}

fn a_wait() -> f64 {
    let before = cpu_time();
    for _ in 0..WAITS {
        std::thread::sleep(Duration::from_millis(1));
    }
    cpu_time().saturating_sub(before).as_secs_f64() / f64::from(WAITS)
}
