//! The consumer's side of a wait for many futures.

use crate::Future;
use crate::blocking::Blocked;
use crate::completions::{CAPACITY, Completions};
use crate::owner::Waiting;
use crate::waiter::Waiter;
use std::sync::Arc;
use trine_platform::Deadline;

/// A set of numbered futures of which the next one to end is wanted.
pub(crate) struct Many {
    pub(crate) completions: Arc<Completions>,
    /// Numbers that were taken off the stack, the oldest last.
    ready: Vec<u32>,
    /// The futures before this number have been offered to be run by a waiting worker, and somebody runs them.
    offered: usize,
}

impl Many {
    /// # Panics
    ///
    /// With 2^32 - 2 futures or more.
    pub(crate) fn new(futures: usize) -> Self {
        assert!(futures < CAPACITY, "a wait is for fewer than {CAPACITY} futures");
        Self {
            completions: Arc::new(Completions::new(futures)),
            // Room for all of them, so that a completion allocates nothing.
            ready: Vec::with_capacity(futures),
            offered: 0,
        }
    }

    /// Has `future` reported under `number` when it ends: at once, if it has ended.
    pub(crate) fn watch<T>(&mut self, number: usize, future: &mut Future<T>) {
        self.offered = self.offered.min(number);
        let number = u32::try_from(number).expect("`new` has checked the number of futures");
        if future
            .watch_by(Waiter::Many(Arc::clone(&self.completions), number))
            .is_err()
        {
            self.completions.push(number);
        }
    }

    /// The number of the next future that has ended: waits for it, or until the deadline.
    ///
    /// `offer` offers a future to its pool, for a waiting worker to run it here if nobody has started it; true if
    /// that was done. It is only called in untimed waits, and goes through the futures once, the oldest first.
    pub(crate) fn next(
        &mut self,
        deadline: Option<&Deadline>,
        mut offer: impl FnMut(usize) -> Option<bool>,
    ) -> Option<usize> {
        let mut blocked = None;
        loop {
            if let Some(number) = self.ready.pop() {
                return Some(number as usize);
            }
            // Asked before the stack is looked at, so that whatever has ended by the deadline is found first.
            let is_over = deadline.is_some_and(Deadline::has_passed);
            self.completions.take(&mut self.ready);
            if !self.ready.is_empty() {
                continue;
            }
            if is_over {
                return None;
            }
            if deadline.is_none()
                && let Some(ran) = offer(self.offered)
            {
                self.offered += usize::from(!ran);
                continue;
            }
            blocked.get_or_insert_with(Blocked::begin);
            self.completions.sleep(deadline);
        }
    }
}

/// What `Many::next` does to offer `future`.
pub(crate) fn offer<T>(future: &mut Future<T>) -> bool {
    // SAFETY: this is the future, by `&mut`.
    !future.is_done() && unsafe { future.block().drive(Waiting::Untimed) }
}
