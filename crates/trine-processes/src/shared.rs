//! What a pool and its attendants share: the table behind a lock, and who sleeps.

use crate::table::{Next, Submitted, Table};
use crate::task::Task;
use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use trine_future::{Shutdown, TaskError};
use trine_lock::Lock;
use trine_platform::Parker;

thread_local! {
    /// The pool that this thread attends to, by its address.
    static ATTENDED: Cell<usize> = const { Cell::new(0) };
    /// Whether this thread, which attends to a pool, has begun to shut that pool down.
    static CLOSES: Cell<bool> = const { Cell::new(false) };
}

/// The inside of a pool. Nothing but the table is touched under the lock: no task is dropped or ended, nobody woken.
pub(crate) struct Shared {
    inside: Lock<Inside>,
    next_number: AtomicU64,
}

struct Inside {
    table: Table<Task>,
    /// The parker of each attendant, once its thread runs.
    attendants: Vec<Option<Parker>>,
    /// Attendants that have not left.
    present: usize,
    /// Attendants among those present that shut the pool down, in a callback: nobody of them waits for another.
    closing: usize,
    /// The threads that wait for the attendants to leave.
    closers: Vec<Parker>,
}

impl Shared {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            inside: Lock::new(Inside {
                table: Table::new(workers),
                attendants: vec![None; workers],
                present: workers,
                closing: 0,
                closers: Vec::new(),
            }),
            next_number: AtomicU64::new(0),
        }
    }

    /// A number that no other task of this pool has.
    pub(crate) fn next_number(&self) -> u64 {
        // ORDERING: Relaxed: only the number itself matters.
        self.next_number.fetch_add(1, Relaxed)
    }

    /// Queues a task, or refuses it.
    pub(crate) fn submit(&self, task: Task) {
        let mut inside = self.inside.lock();
        let submitted = inside.table.submit(task);
        let woken = match submitted {
            Submitted::Queued {
                wake: Some(attendant),
            } => inside.attendants[attendant].clone(),
            _ => None,
        };
        drop(inside);
        unpark(woken);
        if let Submitted::Refused(task) = submitted {
            task.promise.fail(TaskError::refused("the pool is shut down"));
        }
    }

    /// What the attendant of `worker` does next, but to sleep: that is done here.
    ///
    /// It returns after each sleep, because the worker may have died meanwhile: `None` says to look, and to ask again.
    pub(crate) fn next(&self, worker: usize) -> Option<Next<Task>> {
        let mut inside = self.inside.lock();
        let next = inside.table.next(worker);
        let Next::Sleep { wake } = next else {
            return Some(next);
        };
        let woken = wake.and_then(|attendant| inside.attendants[attendant].clone());
        drop(inside);
        unpark(woken);
        Parker::current().park();
        None
    }

    /// Tells the table what has happened to a worker.
    pub(crate) fn tell<R>(&self, event: impl FnOnce(&mut Table<Task>) -> R) -> R {
        event(&mut self.inside.lock().table)
    }

    /// Refuses tasks from now on, and cancels those that wait if they are not to be drained.
    pub(crate) fn close(&self, shutdown: Shutdown) {
        let mut inside = self.inside.lock();
        let sleepers = inside.table.close();
        let woken: Vec<_> = sleepers
            .into_iter()
            .filter_map(|index| inside.attendants[index].clone())
            .collect();
        let dropped = match shutdown {
            Shutdown::Drain => VecDeque::new(),
            Shutdown::CancelQueued => inside.table.take_queue(),
        };
        drop(inside);
        unpark(woken);
        for task in dropped {
            task.promise.cancel();
        }
    }

    /// Blocks until all attendants have left.
    ///
    /// An attendant can call this too, in a callback. It waits for the others, but for those that wait here as well.
    pub(crate) fn wait_for_attendants(&self) {
        let parker = Parker::current();
        let mut inside = self.inside.lock();
        if self.is_attended_by_caller() && !CLOSES.replace(true) {
            inside.closing += 1;
            // There is one less for the others to wait for.
            let closers = std::mem::take(&mut inside.closers);
            drop(inside);
            unpark(closers);
            inside = self.inside.lock();
        }
        while inside.present
            > if self.is_attended_by_caller() {
                inside.closing
            } else {
                0
            }
        {
            inside.closers.push(parker.clone());
            drop(inside);
            parker.park();
            inside = self.inside.lock();
        }
    }

    /// Whether the calling thread is an attendant of this pool, in a callback of a task.
    pub(crate) fn is_attended_by_caller(&self) -> bool {
        ATTENDED.get() == self.address()
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

/// The presence of an attendant, from its first to its last step.
pub(crate) struct Presence<'a>(&'a Shared);

impl<'a> Presence<'a> {
    /// Announces the calling thread as the attendant of `worker`.
    pub(crate) fn new(shared: &'a Shared, worker: usize) -> Self {
        ATTENDED.set(shared.address());
        shared.inside.lock().attendants[worker] = Some(Parker::current());
        Self(shared)
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        let mut inside = self.0.inside.lock();
        inside.present -= 1;
        if CLOSES.get() {
            inside.closing -= 1;
        }
        let closers = std::mem::take(&mut inside.closers);
        drop(inside);
        unpark(closers);
    }
}

fn unpark(sleepers: impl IntoIterator<Item = Parker>) {
    for sleeper in sleepers {
        sleeper.unpark();
    }
}
