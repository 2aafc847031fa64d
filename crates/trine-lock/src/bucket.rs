//! The table of lines: who waits for which lock, in which order.

use crate::bucket_lock::BucketLock;
use crate::line::{Line, Waiter};
use crate::word::LockWord;
use std::collections::VecDeque;
use std::task::Waker;
use trine_platform::{Parker, const_fn, global};

/// What wakes a waiter.
pub(crate) enum Sleeper {
    Thread(Parker),
    Task(Waker),
}

/// Where a waiter stands: in which line, and at which place of it. It holds until the bucket is unlocked or changed.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    line: usize,
    /// 0 for the first, and only for the first.
    pub(crate) place: usize,
}

/// The lines of those locks whose addresses fall into this bucket.
pub(crate) struct Bucket {
    next_ticket: u64,
    /// Sorted by address.
    lines: Vec<Line>,
    /// The memory of a line that has ended, for the next one.
    spare: VecDeque<Waiter>,
}

/// How many places are kept for the next line.
const SPARE_PLACES: usize = 64;

/// How many buckets are used: one in a model, where addresses differ from one execution to the next.
const BUCKETS: usize = if cfg!(trine_loom) { 1 } else { 16 };

global! {
    static TABLE: [BucketLock<Bucket>; 16] = [
        Bucket::empty(), Bucket::empty(), Bucket::empty(), Bucket::empty(),
        Bucket::empty(), Bucket::empty(), Bucket::empty(), Bucket::empty(),
        Bucket::empty(), Bucket::empty(), Bucket::empty(), Bucket::empty(),
        Bucket::empty(), Bucket::empty(), Bucket::empty(), Bucket::empty(),
    ];
}

/// Calls `access` with the bucket in which the lock's line is, or would be. Nobody else has access meanwhile.
pub(crate) fn with_bucket<R>(word: &LockWord, access: impl FnOnce(&mut Bucket) -> R) -> R {
    // Neighbouring locks go to different buckets: multiplying by 2^64 divided by the golden ratio mixes all bits
    // of the address into the upper ones.
    let mixed = (address(word) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    TABLE[(mixed >> 32) as usize % BUCKETS].with(access)
}

fn address(word: &LockWord) -> usize {
    std::ptr::from_ref(word).addr()
}

impl Sleeper {
    pub(crate) fn wake(self) {
        match self {
            Self::Thread(parker) => parker.unpark(),
            Self::Task(waker) => waker.wake(),
        }
    }
}

impl Bucket {
    const_fn! {
        fn empty() -> BucketLock<Self> {
            BucketLock::new(Self { next_ticket: 0, lines: Vec::new(), spare: VecDeque::new() })
        }
    }

    /// The first in line of this lock, if there is a line by now.
    pub(crate) fn first(&mut self, word: &LockWord) -> Option<&mut Waiter> {
        let line = self.find_line(word).ok()?;
        self.lines[line].first()
    }

    /// Where the one with this ticket stands, in the line of this lock.
    pub(crate) fn find(&self, word: &LockWord, ticket: u64) -> Spot {
        let line = self
            .find_line(word)
            .expect("who has a ticket stands in line (A4)");
        let place = self.lines[line]
            .find(ticket)
            .expect("who has a ticket stands in line (A4)");
        Spot { line, place }
    }

    pub(crate) fn waiter(&mut self, spot: Spot) -> &mut Waiter {
        self.lines[spot.line].waiter(spot.place)
    }

    /// Puts a waiter at the end of this lock's line, or begins one, and returns its ticket. By now the first in line has
    /// been passed over so often.
    pub(crate) fn push(&mut self, word: &LockWord, overtakes: u32, sleeper: Sleeper) -> u64 {
        let line = self.find_line(word).unwrap_or_else(|line| {
            let spare = std::mem::take(&mut self.spare);
            self.lines.insert(line, Line::new(address(word), spare));
            line
        });
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.lines[line].push(ticket, overtakes, sleeper);
        ticket
    }

    /// Takes a waiter out of its line, and returns the one that has to be woken for it, if the lock is free.
    pub(crate) fn remove(&mut self, word: &LockWord, spot: Spot) -> Removed {
        let line = &mut self.lines[spot.line];
        let sleeper = line.remove(spot.place);
        let mut next = None;
        if spot.place == 0 {
            match line.move_up() {
                None => {
                    word.line_is_empty();
                    self.end_line(spot.line);
                }
                Some((first, missed)) => {
                    if word.first_has_left(missed) {
                        next = first.sleeper.take();
                    }
                }
            }
        }
        Removed { sleeper, next }
    }

    /// Makes the table and the word agree on whether there is a line. They do (A1), unless somebody forgot a wait
    /// without dropping it: its lock may have moved away since, or another one have come to its address.
    pub(crate) fn settle(&mut self, word: &LockWord) -> Option<VecDeque<Waiter>> {
        match (self.find_line(word), word.has_line()) {
            (Ok(line), false) => Some(self.lines.remove(line).into_waiters()),
            (Err(_), true) => {
                word.line_is_empty();
                None
            }
            _ => None,
        }
    }

    fn find_line(&self, word: &LockWord) -> Result<usize, usize> {
        self.lines
            .binary_search_by_key(&address(word), |line| line.address)
    }

    fn end_line(&mut self, line: usize) {
        let waiters = self.lines.remove(line).into_waiters();
        if waiters.capacity() <= SPARE_PLACES {
            self.spare = waiters;
        }
    }
}

/// What is left of a waiter that was taken out of its line.
#[must_use]
pub(crate) struct Removed {
    /// What would have woken it.
    pub(crate) sleeper: Option<Sleeper>,
    /// Who has to be woken in its place.
    pub(crate) next: Option<Sleeper>,
}
