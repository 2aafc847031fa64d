//! A worker's own jobs: it pushes and takes the newest ones without an atomic operation that costs something, others
//! take the oldest.
//!
//! The jobs are those between two indices, `oldest` and `end`. The owner changes `end`. Thieves exclude each other by
//! the gate. What is left is the owner that takes the newest job while a thief takes the same one as the oldest:
//!
//! - The owner takes `end` down (O1), passes a light fence, and reads `claimed` (O2).
//! - A thief raises `claimed` (T1), passes a heavy fence, and reads `end` (T2).
//!
//! Either O2 reads T1, or T2 reads O1. In the second case the thief leaves the job alone. In the first one the owner
//! passes the gate, behind which it finds out what the thief did. Above what is claimed, the owner is alone.
//!
//! A job can also be taken from between others: that leaves an empty slot, which everybody skips.

use std::cell::Cell;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use trine_lock::Lock;
use trine_platform::atomic::Ordering::{Acquire, Relaxed, Release};
use trine_platform::atomic::{AtomicPtr, AtomicUsize};
use trine_platform::{AsymmetricFences, UnsafeCell};

/// The owner's side of a stack of jobs.
pub(crate) struct Stack<J> {
    shared: Arc<Shared<J>>,
    /// Up to this index there are free slots. A cell, so that one thread at a time is the owner.
    limit: Cell<usize>,
}

/// The side of everybody else.
pub(crate) struct Thief<J> {
    shared: Arc<Shared<J>>,
}

struct Shared<J> {
    ours: Owned<J>,
    theirs: Stolen,
}

/// What the owner writes, or reads often. Not on one cache line with what thieves write.
#[repr(align(128))]
struct Owned<J> {
    fences: AsymmetricFences,
    /// The index behind the newest job.
    end: AtomicUsize,
    /// The job with index `i` is in the slot `i` modulo their number, which is a power of two. Replaced by the owner,
    /// with the gate held; read by the owner, and by others with the gate held.
    slots: UnsafeCell<Box<[AtomicPtr<J>]>>,
}

#[repr(align(128))]
struct Stolen {
    gate: Lock<()>,
    /// The index of the oldest job. Written with the gate held.
    oldest: AtomicUsize,
    /// Jobs below this index can be taken with the gate held only. Never below `oldest`.
    claimed: AtomicUsize,
}

// SAFETY: the fields are atomic, but for the slots, whose comment says who accesses them and when.
unsafe impl<J> Sync for Shared<J> {}
// SAFETY: as above. The jobs are only pointers here.
unsafe impl<J> Send for Shared<J> {}

/// A new stack, from its two sides.
pub(crate) fn stack<J>(capacity: usize) -> (Stack<J>, Thief<J>) {
    let capacity = capacity.next_power_of_two();
    let shared = Arc::new(Shared {
        ours: Owned {
            fences: AsymmetricFences::new(),
            end: AtomicUsize::new(0),
            slots: UnsafeCell::new(empty_slots(capacity)),
        },
        theirs: Stolen {
            gate: Lock::new(()),
            oldest: AtomicUsize::new(0),
            claimed: AtomicUsize::new(0),
        },
    });
    let thief = Thief {
        shared: Arc::clone(&shared),
    };
    let stack = Stack {
        shared,
        limit: Cell::new(capacity),
    };
    (stack, thief)
}

fn empty_slots<J>(number: usize) -> Box<[AtomicPtr<J>]> {
    (0..number).map(|_| AtomicPtr::new(null_mut())).collect()
}

/// The slot of a job.
#[inline]
fn slot<J>(slots: &[AtomicPtr<J>], index: usize) -> &AtomicPtr<J> {
    // SAFETY: the number of slots is a power of two, so this is less.
    unsafe { slots.get_unchecked(index & (slots.len() - 1)) }
}

impl<J> Stack<J> {
    /// The index that the next job will get.
    #[inline]
    pub(crate) fn end(&self) -> usize {
        // ORDERING: Relaxed, here and below: the owner reads what it has written itself.
        self.shared.ours.end.load(Relaxed)
    }

    /// Whether there is no job, except if one is stolen at this moment.
    pub(crate) fn is_empty(&self) -> bool {
        self.shared.is_empty()
    }

    /// Puts a job on top. Its index is returned.
    #[inline]
    pub(crate) fn push(&self, job: NonNull<J>) -> usize {
        let index = self.end();
        if index == self.limit.get() {
            self.make_room();
        }
        let ours = &self.shared.ours;
        self.slots(|slots| slot(slots, index).store(job.as_ptr(), Relaxed));
        // ORDERING: Release pairs with the Acquires of `take`: a thief sees the slot, and the job behind it.
        ours.end.store(index + 1, Release);
        index
    }

    /// Takes the job with this index back, which the caller has pushed: false if somebody has stolen it. Everything that
    /// was pushed afterwards may still be there. Only for jobs that nobody takes from between others.
    #[inline]
    pub(crate) fn take_back(&self, index: usize) -> bool {
        if self.end() == index + 1 {
            self.lower_end(index)
        } else {
            self.take_from_between(index)
        }
    }

    /// Takes the newest job, if there is one with an index of `base` or more.
    #[inline]
    pub(crate) fn pop(&self, base: usize) -> Option<NonNull<J>> {
        while self.end() > base {
            let index = self.end() - 1;
            if !self.lower_end(index) {
                return None;
            }
            let job = self.slots(|slots| NonNull::new(slot(slots, index).load(Relaxed)));
            if job.is_some() {
                return job;
            }
        }
        None
    }

    /// Takes what is in the slot below `end`. False if that was stolen, and with it everything older: then `end` is as
    /// before.
    #[inline]
    fn lower_end(&self, index: usize) -> bool {
        let Shared { ours, theirs } = &*self.shared;
        // ORDERING: O1. Release, because a thief that reads this may take jobs that were pushed before.
        ours.end.store(index, Release);
        ours.fences.light();
        // ORDERING: O2. Acquire pairs with the Release at the end of `take`: an emptied slot is seen to be empty.
        theirs.claimed.load(Acquire) <= index || self.lower_end_contested(index)
    }

    /// The end of `lower_end`, when a thief may want the same job.
    #[cold]
    fn lower_end_contested(&self, index: usize) -> bool {
        let _gate = self.shared.theirs.gate.lock();
        // ORDERING: Relaxed, as for every access with the gate held.
        if self.shared.theirs.oldest.load(Relaxed) > index {
            self.shared.ours.end.store(index + 1, Release);
            return false;
        }
        true
    }

    #[cold]
    fn take_from_between(&self, index: usize) -> bool {
        let _gate = self.shared.theirs.gate.lock();
        if self.shared.theirs.oldest.load(Relaxed) > index {
            return false;
        }
        self.slots(|slots| slot(slots, index).store(null_mut(), Relaxed));
        true
    }

    /// Finds slots that thieves have emptied, or makes more.
    #[cold]
    fn make_room(&self) {
        let _gate = self.shared.theirs.gate.lock();
        let (oldest, end) = (self.shared.theirs.oldest.load(Relaxed), self.end());
        let capacity = self.slots(|slots| slots.len());
        if end - oldest < capacity / 2 {
            self.limit.set(oldest + capacity);
            return;
        }
        let grown = self.slots(|slots| {
            let grown = empty_slots(slots.len() * 2);
            for index in oldest..end {
                let job = slot(slots, index).load(Relaxed);
                slot(&grown, index).store(job, Relaxed);
            }
            grown
        });
        self.shared.ours.slots.with_mut(|slots| {
            // SAFETY: this is the owner, with the gate held, so nobody else looks at the slots.
            unsafe { *slots = grown };
        });
        self.limit.set(oldest + 2 * capacity);
    }

    #[inline]
    fn slots<R>(&self, access: impl FnOnce(&[AtomicPtr<J>]) -> R) -> R {
        // SAFETY: this is the owner, and nobody else replaces the slots.
        self.shared.ours.slots.with(|slots| access(unsafe { &*slots }))
    }

    /// Takes the oldest job with an index of `base` or more that `wants`, as [`Thief::take`]. Returns its index, too.
    pub(crate) fn take(
        &self,
        base: usize,
        wants: impl FnMut(NonNull<J>) -> bool,
    ) -> Option<(usize, NonNull<J>)> {
        self.shared.take(base, usize::MAX, wants)
    }
}

impl<J> Thief<J> {
    /// Whether there is no job: at the moment, as far as the caller can see.
    pub(crate) fn is_empty(&self) -> bool {
        self.shared.is_empty()
    }

    /// Takes the oldest job, after a call of `taken` during which its owner can't miss it yet.
    pub(crate) fn steal(&self, taken: impl Fn(NonNull<J>)) -> Option<NonNull<J>> {
        let oldest = self.shared.take(0, 1, |job| {
            taken(job);
            true
        });
        oldest.map(|(_, job)| job)
    }

    /// Takes the oldest job that `wants`, wherever it is. That is called while the job can't be taken by anybody else.
    pub(crate) fn take(&self, wants: impl FnMut(NonNull<J>) -> bool) -> Option<NonNull<J>> {
        self.shared.take(0, usize::MAX, wants).map(|(_, job)| job)
    }
}

impl<J> Shared<J> {
    fn is_empty(&self) -> bool {
        // ORDERING: Relaxed. Who must not miss a job passes a fence before it looks (`sleep.rs`).
        self.ours.end.load(Relaxed) <= self.theirs.oldest.load(Relaxed)
    }

    /// Takes the oldest job that `wants` and whose index is `base` or more, among the oldest `number` ones.
    fn take(
        &self,
        base: usize,
        number: usize,
        mut wants: impl FnMut(NonNull<J>) -> bool,
    ) -> Option<(usize, NonNull<J>)> {
        let _gate = self.theirs.gate.lock();
        loop {
            let oldest = self.theirs.oldest.load(Relaxed);
            // ORDERING: Acquire pairs with the Release of `push`, here and at T2.
            let end = self.ours.end.load(Acquire);
            if end <= oldest {
                return None;
            }
            let claim = end.min(oldest.saturating_add(number));
            // ORDERING: T1 of the argument above.
            self.theirs.claimed.store(claim, Relaxed);
            self.ours.fences.heavy();
            // ORDERING: T2.
            let claim = claim.min(self.ours.end.load(Acquire));
            let (job, skipped) = self.ours.slots.with(|slots| {
                // SAFETY: the gate is held, so the owner does not replace the slots.
                let slots = unsafe { &**slots };
                let found = (oldest.max(base)..claim).find_map(|index| {
                    let job = NonNull::new(slot(slots, index).load(Relaxed))?;
                    // Nobody takes a claimed job but the holder of the gate: it is alive.
                    wants(job).then(|| {
                        slot(slots, index).store(null_mut(), Relaxed);
                        (index, job)
                    })
                });
                let empty = |index: &usize| slot(slots, *index).load(Relaxed).is_null();
                (found, (oldest..claim).take_while(empty).count())
            });
            // ORDERING: Release pairs with the Acquire at O2: an emptied slot is seen to be empty.
            self.theirs.oldest.store(oldest + skipped, Release);
            self.theirs.claimed.store(oldest + skipped, Release);
            if job.is_some() || skipped == 0 {
                return job;
            }
        }
    }
}
