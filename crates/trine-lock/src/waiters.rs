//! Waiting in line: those who wait for locks stand in a table beside the locks, so that a lock is one word.
//!
//! Each lock for which somebody waits has a line, found by the lock's address in one of a few buckets. Threads and
//! tasks stand in it in the order in which they came. Who is woken and then overtaken is still in its place.
//!
//! # Why no wake is lost
//!
//! - A1: A lock's `LINE` bit is set exactly while it has a line, and a line is never empty. Both change only under
//!   the bucket's lock.
//! - A2: A waiter announces itself (W1) and takes its place under one lock of the bucket. So the holder's unlock, which
//!   comes later, finds it in line.
//! - A3: Who sets `WOKEN` goes on to wake whoever is first then. It is cleared by a first that goes back to sleep, and
//!   by a first that leaves while the lock is held. A first that leaves while the lock is free sets it and wakes the
//!   next.
//! - A4: Nobody takes another one out of its line that has not left. Who has a ticket stands there until it takes the lock
//!   or leaves. Who has left stands nowhere: it is never first, and nobody wakes it (`line.rs`).
//!
//! # Other people's code
//!
//! A waker may do anything, taking the same lock included, and panicking. It is cloned, woken and dropped only while no
//! bucket is locked: what is left over leaves the functions below, and is dropped by their caller when that has noted
//! what came of its attempt.

use crate::bucket::{Removed, Sleeper, with_bucket};
use crate::state::{Attempt, Place};
use crate::word::{Held, LockWord};
use std::mem;
use trine_platform::{Deadline, Parker};

/// Waits in line on the calling thread, until it has the lock or `deadline` has passed.
pub(crate) fn sleep<'a>(word: &'a LockWord, deadline: Option<&Deadline>) -> Option<Held<'a>> {
    let parker = Parker::current();
    let (joined, left_over) = join(word, Sleeper::Thread(parker.clone()));
    let joined = joined.map_err(|ticket| InLine { word, ticket });
    // It may be a forgotten waker, whose destructor lets go of what this thread would wait for, or panics.
    drop(left_over);
    let in_line = match joined {
        Ok(held) => return Some(held),
        Err(in_line) => in_line,
    };
    let retry = || retry(word, in_line.ticket, Sleeper::Thread(parker.clone())).0;
    loop {
        match deadline {
            None => parker.park(),
            Some(deadline) => parker.park_until(deadline),
        }
        let held = retry().or_else(|| word.is_free_soon().then(retry).flatten());
        if held.is_some() {
            mem::forget(in_line);
            return held;
        }
        if deadline.is_some_and(Deadline::has_passed) {
            return None;
        }
    }
}

/// A thread in line. Nobody else takes it out of there.
struct InLine<'a> {
    word: &'a LockWord,
    ticket: u64,
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        leave(self.word, self.ticket);
    }
}

/// Takes the lock, or else stands at the end of the line with the ticket that is returned. Beside it comes what is left
/// over.
pub(crate) fn join(word: &LockWord, sleeper: Sleeper) -> (Result<Held<'_>, u64>, impl Sized) {
    with_bucket(word, |bucket| {
        let forgotten = bucket.settle(word);
        let place = match word.has_line() {
            false => Place::First,
            true => Place::Behind,
        };
        match word.acquire_or_wait(place) {
            Attempt::Acquired => (Ok(Held::acquired(word)), (forgotten, Some(sleeper))),
            Attempt::Waits { overtakes } => (Err(bucket.push(word, overtakes, sleeper)), (forgotten, None)),
        }
    })
}

/// Takes the lock for the one with this ticket, or else lets it wait on in its place. Beside it comes what is left over.
pub(crate) fn retry(word: &LockWord, ticket: u64, sleeper: Sleeper) -> (Option<Held<'_>>, impl Sized) {
    with_bucket(word, |bucket| {
        let spot = bucket.find(word, ticket);
        let place = match spot.place {
            0 => Place::First,
            _ => Place::Behind,
        };
        match word.acquire_or_wait(place) {
            Attempt::Acquired => {
                let before = bucket.remove(word, spot).sleeper;
                (Some(Held::acquired(word)), (before, Some(sleeper)))
            }
            Attempt::Waits { .. } => {
                let before = bucket.waiter(spot).sleeper.replace(sleeper);
                (None, (before, None))
            }
        }
    })
}

/// Takes the one with this ticket out of the line.
pub(crate) fn leave(word: &LockWord, ticket: u64) {
    let Removed {
        sleeper: _left_over,
        next,
    } = with_bucket(word, |bucket| {
        let spot = bucket.find(word, ticket);
        bucket.remove(word, spot)
    });
    if let Some(next) = next {
        next.wake();
    }
}

/// Wakes the first in line, after the lock was freed.
pub(crate) fn wake_first(word: &LockWord) {
    let first = with_bucket(word, |bucket| bucket.first(word)?.sleeper.take());
    if let Some(first) = first {
        first.wake();
    }
}
