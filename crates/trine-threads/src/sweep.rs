//! Taking the pointers to tasks that nobody has to run off a worker's own tasks.
//!
//! A task that was cancelled, or run by the one who waits for it, leaves its pointer, and with that its memory, in the queue. A
//! worker comes to it once it has ended what it runs. But that may be a task which runs for ever, and has others run by its waits.

use crate::queued::Queued;
use crossbeam_deque::Worker as Deque;
use std::cell::Cell;
use trine_platform::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use trine_platform::atomic::{AtomicU32, fence};
use trine_platform::thread;

/// Fewer tasks are not worth a look.
const LEAST: usize = 64;

/// When a worker's own tasks are swept next.
pub(crate) struct Sweep {
    /// At how many tasks: four times as many as were left the last time. So it costs a push a third of a step, however many there are.
    at: Cell<usize>,
}

impl Sweep {
    pub(crate) fn new() -> Self {
        Self { at: Cell::new(LEAST) }
    }

    #[inline]
    pub(crate) fn is_due(&self, deque: &Deque<Queued>) -> bool {
        deque.len() >= self.at.get()
    }

    /// Hands what is stale to `take`. The others keep their order. Thieves may not see them meanwhile.
    pub(crate) fn run(&self, deque: &Deque<Queued>, take: impl Fn(Queued)) {
        let mut left = Vec::new();
        while let Some(task) = deque.pop() {
            if task.is_stale() {
                take(task);
            } else {
                left.push(task);
            }
        }
        self.at.set(LEAST.max(4 * left.len()));
        left.into_iter().rev().for_each(|task| deque.push(task));
    }
}

/// The sweeps that a pool's workers are in. Nobody else sees what they have taken out for that moment, and who closes the pool
/// and cancels what is queued must not miss it: the workers themselves may not come to it for long.
pub(crate) struct Sweeps {
    under_way: AtomicU32,
}

impl Sweeps {
    pub(crate) fn new() -> Self {
        Self {
            under_way: AtomicU32::new(0),
        }
    }

    /// Calls `sweep` unless the pool is closed.
    pub(crate) fn unless(&self, is_closed: impl FnOnce() -> bool, sweep: impl FnOnce()) {
        // ORDERING: Relaxed: the fence orders it before the look.
        self.under_way.fetch_add(1, Relaxed);
        // ORDERING: pairs with the fence of `wait`: either this sees that the pool is closed, or that sees this sweep.
        fence(SeqCst);
        if !is_closed() {
            sweep();
        }
        // ORDERING: Release pairs with the Acquire of `wait`.
        self.under_way.fetch_sub(1, Release);
    }

    /// Waits until no sweep is under way. The caller has closed the pool, so none begins any more.
    pub(crate) fn wait(&self) {
        // ORDERING: pairs with the fence of `unless`.
        fence(SeqCst);
        // ORDERING: Acquire pairs with the Release at the end of a sweep: what it has put back is seen.
        while self.under_way.load(Acquire) > 0 {
            thread::yield_now();
        }
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{LEAST, Sweep};
    use crate::queued::Queued;
    use crossbeam_deque::Worker as Deque;
    use std::cell::Cell;
    use trine_future::Task;

    #[test]
    fn what_is_left_keeps_its_order() {
        let (sweep, deque) = (Sweep::new(), Deque::new_lifo());
        let futures: Vec<_> = (0..2 * LEAST)
            .map(|number| {
                let (task, future) = Task::new(move || number, ());
                deque.push(Queued::Task(task));
                future
            })
            .collect();
        futures
            .iter()
            .step_by(2)
            .for_each(|future| assert!(future.cancel()));
        let stale = Cell::new(0);
        sweep.run(&deque, |task| {
            stale.set(stale.get() + 1);
            drop(task);
        });
        assert_eq!((stale.get(), deque.len()), (LEAST, LEAST));
        assert!(!sweep.is_due(&deque));
        for future in futures.into_iter().skip(1).step_by(2).rev() {
            deque.pop().unwrap().run();
            assert!(future.is_done());
        }
    }
}
