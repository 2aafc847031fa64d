//! The consumer's side of a wait for many futures.

use crate::Future;
use crate::blocking::Blocked;
use crate::completions::{CAPACITY, Completions};
use crate::owner::Waiting;
use crate::waiter::Waiter;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};
use trine_platform::{Deadline, spin_until};

/// A set of numbered futures of which the next one to end is wanted.
pub(crate) struct Many {
    pub(crate) completions: Arc<Completions>,
    /// Those that had ended when they were to be watched, the latest last.
    early: VecDeque<u32>,
    /// How many of the others have been found to have ended.
    ended: usize,
    /// The futures before this number have been offered to be run by a waiting worker, and somebody runs them.
    offered: usize,
}

impl Many {
    /// # Panics
    ///
    /// With 2^32 - 4 futures or more.
    pub(crate) fn new(futures: usize) -> Self {
        assert!(futures < CAPACITY, "a wait is for fewer than {CAPACITY} futures");
        Self {
            completions: Arc::new(Completions::new(futures)),
            // Room for all, so that a completion allocates nothing.
            early: VecDeque::with_capacity(futures),
            ended: 0,
            offered: 0,
        }
    }

    /// How many futures it can be for.
    pub(crate) fn capacity(&self) -> usize {
        self.completions.capacity()
    }

    /// Has `future` reported under `number` when it ends: at once, if it has ended.
    pub(crate) fn watch<T>(&mut self, number: usize, future: &mut Future<T>) {
        self.offered = self.offered.min(number);
        let number = u32::try_from(number).expect("`new` has checked the number of futures");
        if !future.watch_by(|| Waiter::Many(Arc::clone(&self.completions), number)) {
            self.early.push_back(number);
        }
    }

    /// The number of the next future, if it has ended.
    fn found(&mut self) -> Option<usize> {
        if let Some(number) = self.early.pop_front() {
            return Some(number as usize);
        }
        let number = self.completions.read(self.ended)?;
        self.ended += 1;
        Some(number)
    }

    /// `next` for async code: if none has ended, the task is woken when one does.
    pub(crate) fn poll_next(&mut self, context: &Context<'_>) -> Poll<usize> {
        if let Some(number) = self.found() {
            return Poll::Ready(number);
        }
        self.completions.wake_at(self.ended, context.waker());
        self.found().map_or(Poll::Pending, Poll::Ready)
    }

    /// The number of the next future that has ended: waits for it, or until the deadline. Not all that are watched
    /// have been returned.
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
            if let Some(number) = self.found() {
                return Some(number);
            }
            // Asked before the second look, so that whatever has ended by the deadline is found first.
            let is_over = deadline.is_some_and(Deadline::has_passed);
            if let Some(number) = self.found() {
                return Some(number);
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
            if blocked.is_none() && spin_until(|| self.completions.read(self.ended).is_some()) {
                continue;
            }
            blocked.get_or_insert_with(Blocked::begin);
            self.completions.sleep(self.ended, deadline);
        }
    }
}

/// What `Many::next` does to offer `future`.
pub(crate) fn offer<T>(future: &mut Future<T>) -> bool {
    // SAFETY: this is the future, by `&mut`.
    !future.is_done() && unsafe { future.block().drive(Waiting::Untimed) }
}
