//! The consumer's side of a wait for many futures.

use crate::Future;
use crate::blocking::Blocked;
use crate::completions::{CAPACITY, Completions};
use crate::owner::Waiting;
use crate::waiter::Waiter;
use std::sync::Arc;
use std::task::{Context, Poll};
use trine_platform::{Deadline, spin_until};

/// The futures of a wait, by their numbers.
pub(crate) trait Members {
    type Value;

    /// How many numbers have been given.
    fn count(&self) -> usize;

    /// `None` if it has been taken out.
    fn member(&mut self, number: usize) -> Option<&mut Future<Self::Value>>;
}

/// A wait for the next of many futures to end.
///
/// They are watched when they are looked at for the first time, by the call that wants to know of the next one. One that
/// has ended by then is the next one, and costs nothing but that look.
pub(crate) struct Many {
    pub(crate) completions: Arc<Completions>,
    /// The futures before this number have been looked at.
    looked_at: usize,
    /// How many of those that had not ended then have been found to have ended.
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
            looked_at: 0,
            ended: 0,
            offered: 0,
        }
    }

    /// How many futures it can be for.
    pub(crate) fn capacity(&self) -> usize {
        self.completions.capacity()
    }

    /// The number of the next future, if it has ended.
    fn found<M: Members + ?Sized>(&mut self, members: &mut M) -> Option<usize> {
        while self.looked_at < members.count() {
            let number = self.looked_at;
            self.looked_at += 1;
            let Some(future) = members.member(number) else {
                continue;
            };
            let name = u32::try_from(number).expect("`new` has checked the number of futures");
            if !future.watch_by(|| Waiter::Many(Arc::clone(&self.completions), name)) {
                return Some(number);
            }
        }
        let number = self.completions.read(self.ended)?;
        self.ended += 1;
        Some(number)
    }

    /// `next` for async code: if none has ended, the task is woken when one does.
    pub(crate) fn poll_next<M: Members + ?Sized>(
        &mut self,
        context: &Context<'_>,
        members: &mut M,
    ) -> Poll<usize> {
        if let Some(number) = self.found(members) {
            return Poll::Ready(number);
        }
        self.completions.wake_at(self.ended, context.waker());
        self.found(members).map_or(Poll::Pending, Poll::Ready)
    }

    /// The number of the next future that has ended: waits for it, or until the deadline. Not all of
    /// `members` have been returned.
    ///
    /// In an untimed wait each that nobody has started is offered to its pool once, the oldest first, for a waiting worker
    /// to run it here.
    pub(crate) fn next<M: Members + ?Sized>(
        &mut self,
        deadline: Option<&Deadline>,
        members: &mut M,
    ) -> Option<usize> {
        let mut blocked = None;
        loop {
            if let Some(number) = self.found(members) {
                return Some(number);
            }
            // Asked before the second look, so that whatever has ended by the deadline is found first.
            let is_over = deadline.is_some_and(Deadline::has_passed);
            if let Some(number) = self.found(members) {
                return Some(number);
            }
            if is_over {
                return None;
            }
            if deadline.is_none() && self.offered < members.count() {
                let ran = members.member(self.offered).is_some_and(offer);
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

/// True if the task was run here, by a worker of its pool that waits.
fn offer<T>(future: &mut Future<T>) -> bool {
    // SAFETY: this is the future, by `&mut`.
    !future.is_done() && unsafe { future.block().drive(Waiting::Untimed) }
}
