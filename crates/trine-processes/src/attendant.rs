//! The thread beside each worker: it starts the worker, gives it tasks, takes the replies, and buries it.
//!
//! It lives as long as the pool, because the kernel ends a worker with the thread that has started it. Callbacks of
//! futures run on it.

use crate::shared::{Presence, Shared};
use crate::system::{NoReply, Worker};
use crate::table::Next;
use crate::task::Task;
use trine_future::{TaskError, WorkerDeath};

/// Attends to the worker with `index` until the pool ends.
pub(crate) fn attend(shared: &Shared, index: usize) {
    let _presence = Presence::new(shared, index);
    let mut worker: Option<Worker> = None;
    loop {
        if let Some(dead) = worker.take_if(|worker| worker.has_exited()) {
            shared.tell(|table| table.died(index));
            dead.bury();
        }
        match shared.next(index) {
            None | Some(Next::Sleep { .. }) => {}
            Some(Next::Start) => worker = start(shared, index),
            Some(Next::Run(task)) => worker = run(shared, index, worker, task),
            Some(Next::Leave) => break,
        }
    }
    if let Some(worker) = worker {
        worker.stop();
    }
}

fn start(shared: &Shared, index: usize) -> Option<Worker> {
    match Worker::start() {
        Ok(worker) => {
            shared.tell(|table| table.started(index));
            Some(worker)
        }
        Err(cause) => {
            for task in shared.tell(|table| table.start_failed(index)) {
                task.promise
                    .fail(TaskError::refused(format!("no worker can be started: {cause}")));
            }
            None
        }
    }
}

/// Runs one task, and returns the worker if it can run more.
///
/// The table is told before the future is: a callback, which may take its time, does not hold up a free worker's
/// place in the table, and whoever has seen the result finds the pool as it is after it.
fn run(shared: &Shared, index: usize, worker: Option<Worker>, mut task: Task) -> Option<Worker> {
    let Some(worker) = worker else {
        unreachable!("the table gives tasks to workers that are ready");
    };
    if !task.promise.start() {
        shared.tell(|table| table.finished(index));
        return Some(worker);
    }
    match worker.exchange(&task.request) {
        Ok(reply) => {
            task.request = Vec::new();
            shared.tell(|table| table.finished(index));
            if task.answer(reply) {
                return Some(worker);
            }
            shared.tell(|table| table.died(index));
            worker.kill();
            None
        }
        Err(NoReply::NotSent) => {
            shared.tell(|table| table.give_back(index, task));
            worker.bury();
            None
        }
        Err(NoReply::Lost) => {
            let pid = worker.pid();
            let status = worker.bury();
            shared.tell(|table| table.died(index));
            task.lose(WorkerDeath { pid, status });
            None
        }
    }
}
