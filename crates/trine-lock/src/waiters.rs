//! The tasks that wait for locks: a table beside the locks, so that a lock is one word.
//!
//! Each lock with waiting tasks has a line, found by the lock's address in one of a few buckets. A waiter's ticket is
//! its place: a task that was woken and lost the race returns to where it stood.
//!
//! # Why no wake is lost
//!
//! - A1: A lock's `ASYNC` bit is set exactly while it has a line, and a line is never empty. Both change only under
//!   the bucket's lock.
//! - A2: A task sets the bit in the same read-modify-write that finds the lock held, and joins the line before it
//!   lets go of the bucket. So the holder's unlock comes later, sees the bit, and then finds the task in line.
//! - A3: An unlock that sees the bit takes the first waiter out of the line and wakes it. That task gets the lock,
//!   joins the line again, or its `LockAsync` is dropped and wakes the next in its place.
//!
//! # Other people's code
//!
//! A waker may do anything, taking the same lock included. It is cloned, woken and dropped only while no bucket is
//! locked.

use crate::Lock;
use crate::state::Registration;
use crate::word::{Held, LockWord};
use std::collections::{BTreeMap, VecDeque};
use std::task::Waker;
use trine_platform::{const_fn, global};

/// The tasks that wait for one lock, by ticket: first come, first served.
type Line = VecDeque<Waiter>;

struct Waiter {
    ticket: u64,
    waker: Waker,
}

/// The lines of those locks whose addresses fall into this bucket.
struct Bucket {
    next_ticket: u64,
    lines: BTreeMap<usize, Line>,
}

/// How many buckets are used: one in a model, where addresses differ from one execution to the next.
const BUCKETS: usize = if cfg!(trine_loom) { 1 } else { 16 };

global! {
    static TABLE: [Lock<Bucket>; 16] = [
        Bucket::empty(), Bucket::empty(), Bucket::empty(), Bucket::empty(),
        Bucket::empty(), Bucket::empty(), Bucket::empty(), Bucket::empty(),
        Bucket::empty(), Bucket::empty(), Bucket::empty(), Bucket::empty(),
        Bucket::empty(), Bucket::empty(), Bucket::empty(), Bucket::empty(),
    ];
}

/// Takes the lock, or puts the task behind `waker` into its line: at the end, or where it stood with its `ticket`.
///
/// The ticket is there afterwards exactly if the lock is not.
pub(crate) fn lock_or_register<'a>(
    word: &'a LockWord,
    ticket: &mut Option<u64>,
    waker: &Waker,
) -> Option<Held<'a>> {
    let waker = waker.clone();
    // What is left over leaves the block, so that it is dropped after the bucket is unlocked.
    let (held, _waker, _line) = {
        let mut bucket = bucket_of(word).lock();
        let (registration, held) = word.acquire_or_register();
        if registration == Registration::Acquired {
            let registered = ticket.take().and_then(|ticket| bucket.remove(word, ticket));
            (held, registered, None)
        } else {
            let ticket = *ticket.get_or_insert_with(|| bucket.issue_ticket());
            // By A1 nothing can stand in a line that begins now, except what was there for another lock, long gone,
            // at this address: its `LockAsync` was forgotten without being dropped.
            let forgotten = (registration == Registration::First)
                .then(|| bucket.lines.remove(&address(word)))
                .flatten();
            (held, bucket.insert(word, ticket, waker), forgotten)
        }
    };
    held
}

/// Wakes the first task in line, if there is one.
pub(crate) fn wake_first(word: &LockWord) {
    let first = bucket_of(word).lock().remove_first(word);
    if let Some(waker) = first {
        waker.wake();
    }
}

/// The task with this ticket does not want the lock any more. If it was woken already, the wake goes to the next.
pub(crate) fn leave(word: &LockWord, ticket: u64) {
    let registered = bucket_of(word).lock().remove(word, ticket);
    if registered.is_none() {
        wake_first(word);
    }
}

impl Bucket {
    const_fn! {
        fn empty() -> Lock<Self> {
            Lock::new(Self { next_ticket: 0, lines: BTreeMap::new() })
        }
    }

    fn issue_ticket(&mut self) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        ticket
    }

    /// Puts a waiter into its place. Returns the waker that it had left there before.
    fn insert(&mut self, word: &LockWord, ticket: u64, waker: Waker) -> Option<Waker> {
        let line = self.lines.entry(address(word)).or_default();
        match line.binary_search_by_key(&ticket, |waiter| waiter.ticket) {
            Ok(place) => Some(std::mem::replace(&mut line[place].waker, waker)),
            Err(place) => {
                line.insert(place, Waiter { ticket, waker });
                None
            }
        }
    }

    /// Takes a waiter out of the line. `None`: an unlock did so before.
    fn remove(&mut self, word: &LockWord, ticket: u64) -> Option<Waker> {
        self.remove_from_line(word, |line| {
            let place = line.binary_search_by_key(&ticket, |waiter| waiter.ticket);
            line.remove(place.ok()?)
        })
    }

    fn remove_first(&mut self, word: &LockWord) -> Option<Waker> {
        self.remove_from_line(word, VecDeque::pop_front)
    }

    fn remove_from_line(
        &mut self,
        word: &LockWord,
        remove: impl FnOnce(&mut Line) -> Option<Waiter>,
    ) -> Option<Waker> {
        let address = address(word);
        let waiter = self.lines.get_mut(&address).and_then(remove);
        // There may be none in spite of A1: the lock was moved, and those who waited for it were forgotten.
        if self.lines.get(&address).is_none_or(VecDeque::is_empty) {
            self.lines.remove(&address);
            word.line_is_empty();
        }
        waiter.map(|waiter| waiter.waker)
    }
}

fn address(word: &LockWord) -> usize {
    std::ptr::from_ref(word).addr()
}

fn bucket_of(word: &LockWord) -> &'static Lock<Bucket> {
    // Neighbouring locks go to different buckets: multiplying by 2^64 divided by the golden ratio mixes all bits
    // of the address into the upper ones.
    let mixed = (address(word) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    &TABLE[(mixed >> 32) as usize % BUCKETS]
}
