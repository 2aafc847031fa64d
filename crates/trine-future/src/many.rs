//! The consumer's side of a wait for many futures.

use crate::Future;
use crate::blocking::{Blocked, runs_members};
use crate::completions::{CAPACITY, Completions};
use crate::owner::Waiting;
use crate::waiter::Waiter;
use std::sync::Arc;
use std::task::{Context, Poll};
use trine_platform::{Deadline, turn, yield_and_spin_until};

/// So many blocks are on their way to this processor at a time. Futures lie anywhere in memory, and one that has ended on
/// another processor comes from its cache: one after the other, each would be waited for.
const AHEAD: usize = 16;

/// What has to end before the one who waits goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// All of the futures: each of them might as well be run by who waits.
    All,
    /// Any of them, which may be done long before another one has run.
    One,
}

/// The futures of a wait, by their numbers.
pub(crate) trait Members {
    type Value;

    /// How many numbers have been given.
    fn count(&self) -> usize;

    /// `None` if it has been taken out, or the number has not been given.
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
    /// How many of those that have ended have been fetched ahead.
    prefetched: usize,
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
            prefetched: 0,
            offered: 0,
        }
    }

    /// How many futures it can be for.
    pub(crate) fn capacity(&self) -> usize {
        self.completions.capacity()
    }

    /// The number of the next future, if it has ended.
    #[inline]
    fn found<M: Members + ?Sized>(&mut self, members: &mut M) -> Option<usize> {
        while self.looked_at < members.count() {
            let number = self.looked_at;
            self.looked_at += 1;
            if let Some(future) = members.member(number + AHEAD) {
                future.prefetch();
            }
            if let Some(future) = members.member(number)
                && !self.watch(number, future)
            {
                return Some(number);
            }
        }
        self.told(members)
    }

    /// Has the consumer told of the end of this future. False if it has ended.
    fn watch<T>(&self, number: usize, future: &mut Future<T>) -> bool {
        let number = u32::try_from(number).expect("`new` has checked the number of futures");
        future.watch_by(|| Waiter::Many(Arc::clone(&self.completions), number))
    }

    /// The number of the next future that has ended since it was looked at.
    fn told<M: Members + ?Sized>(&mut self, members: &mut M) -> Option<usize> {
        let number = self.completions.read(self.ended)?;
        if self.prefetched <= self.ended + AHEAD / 2 {
            self.prefetch(members);
        }
        self.ended += 1;
        Some(number)
    }

    /// Begins to fetch those that come next. They stand anywhere among the members, so that several are looked up at once.
    fn prefetch<M: Members + ?Sized>(&mut self, members: &mut M) {
        for place in self.prefetched..self.prefetched + AHEAD / 2 {
            let Some(number) = self.completions.read(place) else {
                return;
            };
            if let Some(future) = members.member(number) {
                future.prefetch();
            }
            self.prefetched += 1;
        }
    }

    /// `next` for async code: if none has ended, the task is woken when one does.
    pub(crate) fn poll_next<M: Members + ?Sized>(
        &mut self,
        context: &Context<'_>,
        members: &mut M,
    ) -> Poll<usize> {
        if turn::is_over(context) {
            return Poll::Pending;
        }
        let found = self.found(members).or_else(|| {
            self.completions.wake_at(self.ended, context.waker());
            self.found(members)
        });
        found.map_or(Poll::Pending, |number| {
            turn::was_ready();
            Poll::Ready(number)
        })
    }

    /// The number of the next future that has ended: waits for it, or until the deadline. Not all of
    /// `members` have been returned.
    ///
    /// In an untimed wait that needs all of them each that nobody has started is offered to its pool once, the oldest first, for
    /// a waiting worker to run it here. In one that needs one of them the worker's pool says whether it runs them, and it does if no
    /// other thread is in its place.
    #[inline]
    pub(crate) fn next<M: Members + ?Sized>(
        &mut self,
        needs: Needs,
        deadline: Option<&Deadline>,
        members: &mut M,
    ) -> Option<usize> {
        self.found(members)
            .or_else(|| self.wait(needs, deadline, members))
    }

    /// `next`, if none has ended.
    #[cold]
    fn wait<M: Members + ?Sized>(
        &mut self,
        needs: Needs,
        deadline: Option<&Deadline>,
        members: &mut M,
    ) -> Option<usize> {
        let mut blocked = None;
        let mut runs_members = needs == Needs::All || runs_members();
        loop {
            // Asked before the look, so that whatever has ended by the deadline is found first.
            let is_over = deadline.is_some_and(Deadline::has_passed);
            if let Some(number) = self.found(members) {
                return Some(number);
            }
            if is_over {
                return None;
            }
            if runs_members && deadline.is_none() && self.offered < members.count() {
                let ran = members.member(self.offered).is_some_and(offer);
                self.offered += usize::from(!ran);
                continue;
            }
            // Not at once: who keeps looking takes the place away from who is about to write there, and gets one number at a time.
            let Some(blocked) = &mut blocked else {
                if !yield_and_spin_until(|| self.completions.read(self.ended).is_some()) {
                    blocked = Some(Blocked::begin());
                }
                continue;
            };
            if blocked.lacks_substitute() {
                runs_members = true;
                // Others were to run those that were offered.
                self.offered = 0;
                continue;
            }
            let question = blocked.asks_again();
            self.completions.sleep(self.ended, deadline.or(question.as_ref()));
        }
    }
}

/// True if the task was run here, by a worker of its pool that waits.
fn offer<T>(future: &mut Future<T>) -> bool {
    // SAFETY: this is the future, by `&mut`.
    !future.is_done() && unsafe { future.block().drive(Waiting::Untimed) }
}
