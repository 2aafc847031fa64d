//! The word of a lock: taking it, sleeping on it, and handing back.
//!
//! # Why no wake is lost
//!
//! - W1: A waiter announces itself in the same read-modify-write that finds the lock held. So the holder's unlock
//!   comes later in the order of the word's changes, and sees the announcement.
//! - W2: A thread that announced itself sleeps only while the word reads what it announced. If the unlock came
//!   between, the word differs, and the thread tries again instead.
//! - W3: An unlock that sees `SLEEPERS` clears it and wakes one thread. That thread sets it again, whether it gets
//!   the lock, sleeps again, or gives up at its deadline. So those who sleep on are not forgotten, and a thread that
//!   gives up takes no wake with it.
//! - W4: What holds for tasks in line stands in `waiters.rs`.
//!
//! Threads and tasks are woken independently of each other: an unlock that sees both wakes one of each. If it woke
//! only the task, a thread would sleep beside a free lock for as long as nobody polls that task.

use crate::state::{Attempt, Registration, Snapshot};
use crate::waiters;
use std::time::Duration;
use trine_platform::atomic::Ordering::{self, Acquire, Relaxed, Release};
use trine_platform::{Deadline, Futex, const_fn, spin_loop};

/// How often a thread looks again at a held lock before it sleeps: about the time that a short critical section
/// takes. A model explores nothing new by looking twice.
const SPINS: u32 = if cfg!(trine_loom) { 0 } else { 100 };

/// The futex word of a lock. Its address is the lock's identity while somebody borrows the lock.
#[derive(Debug)]
pub(crate) struct LockWord(Futex);

/// The right to what a lock owns. It is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held<'a>(&'a LockWord);

impl LockWord {
    const_fn! {
        /// The word of a free lock.
        pub(crate) fn new() -> Self {
            Self(Futex::new(Snapshot::FREE.0))
        }
    }

    /// Takes the lock, and sleeps until it can.
    #[inline]
    pub(crate) fn lock(&self) -> Held<'_> {
        if !self.acquire_free() {
            let acquired = self.acquire_contended(None);
            debug_assert!(acquired, "only a deadline ends the wait otherwise");
        }
        Held(self)
    }

    /// Takes the lock if it is free.
    #[inline]
    pub(crate) fn try_lock(&self) -> Option<Held<'_>> {
        // ORDERING: Acquire pairs with the Release of the unlock that freed the lock. A failed attempt learns nothing.
        self.0
            .word()
            .fetch_update(Acquire, Relaxed, |word| {
                Snapshot(word).try_acquire().map(|next| next.0)
            })
            .is_ok()
            .then(|| Held(self))
    }

    /// Takes the lock, and sleeps until it can or until `timeout` has passed.
    #[inline]
    pub(crate) fn lock_timeout(&self, timeout: Duration) -> Option<Held<'_>> {
        (self.acquire_free() || self.acquire_contended(Some(Deadline::after(timeout)))).then(|| Held(self))
    }

    /// Takes the lock for a task, or announces that tasks stand in its line. Called under the line's bucket lock.
    pub(crate) fn acquire_or_register(&self) -> (Registration, Option<Held<'_>>) {
        // ORDERING: Acquire as in `try_lock`. The announcement needs no order of its own (W1).
        let registration = self.step(Acquire, Snapshot::acquire_or_register);
        let held = (registration == Registration::Acquired).then(|| Held(self));
        (registration, held)
    }

    /// Takes back the announcement of tasks. Called under the line's bucket lock.
    pub(crate) fn line_is_empty(&self) {
        // ORDERING: Relaxed. It publishes nothing, and all who write this bit hold the bucket's lock.
        self.step(Relaxed, |state| (state.without_line(), ()));
    }

    /// The whole of an acquisition when nobody holds the lock or waits for it.
    #[inline]
    fn acquire_free(&self) -> bool {
        // ORDERING: Acquire pairs with the Release of the unlock that freed the lock.
        self.0
            .word()
            .compare_exchange(Snapshot::FREE.0, Snapshot::HELD.0, Acquire, Relaxed)
            .is_ok()
    }

    /// False: `deadline` has passed.
    #[cold]
    fn acquire_contended(&self, deadline: Option<Deadline>) -> bool {
        let mut has_slept = false;
        let mut has_timed_out = false;
        loop {
            self.spin();
            // ORDERING: Acquire as in `acquire_free`. The announcement needs no order of its own (W1).
            let (announced, attempt) = self.step(Acquire, |state| {
                let (next, attempt) = state.acquire_or_announce(has_slept);
                (next, (next, attempt))
            });
            if attempt == Attempt::Acquired {
                return true;
            }
            // Only now, when others are sure to be woken (W3).
            if has_timed_out {
                return false;
            }
            match &deadline {
                None => self.0.wait(announced.0),
                Some(deadline) => has_timed_out = self.0.wait_until(announced.0, deadline).is_err(),
            }
            has_slept = true;
        }
    }

    /// Waits a little for the holder to finish. Where others sleep already, it is no short critical section.
    fn spin(&self) {
        for _ in 0..SPINS {
            // ORDERING: Relaxed, because it is only a hint: the attempt that follows decides.
            let state = Snapshot(self.0.word().load(Relaxed));
            if !state.is_locked() || state.has_sleepers() {
                return;
            }
            spin_loop();
        }
    }

    #[inline]
    fn unlock(&self) {
        // ORDERING: Release pairs with the Acquire of every acquisition. Changes of the word that come between are
        // read-modify-writes, and carry it on.
        let result = self
            .0
            .word()
            .compare_exchange(Snapshot::HELD.0, Snapshot::FREE.0, Release, Relaxed);
        if result.is_err() {
            self.unlock_and_wake();
        }
    }

    #[cold]
    fn unlock_and_wake(&self) {
        // ORDERING: Release as in `unlock`.
        let wake = self.step(Release, Snapshot::release);
        if wake.sleeper {
            self.0.wake_one();
        }
        if wake.waiter {
            waiters::wake_first(self);
        }
    }

    /// Applies a transition in one read-modify-write.
    fn step<R>(&self, success: Ordering, transition: impl Fn(Snapshot) -> (Snapshot, R)) -> R {
        let word = self.0.word();
        // ORDERING: Relaxed for what is only a guess. `success` is the caller's to explain.
        let mut current = word.load(Relaxed);
        loop {
            let (next, outcome) = transition(Snapshot(current));
            match word.compare_exchange_weak(current, next.0, success, Relaxed) {
                Ok(_) => return outcome,
                Err(actual) => current = actual,
            }
        }
    }
}

#[cfg(test)]
impl LockWord {
    /// The word and its sleepers, for tests that look behind the lock or disturb it.
    pub(crate) fn futex(&self) -> &Futex {
        &self.0
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.unlock();
    }
}
