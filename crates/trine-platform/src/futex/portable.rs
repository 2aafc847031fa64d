//! The futex as a mutex and a condition variable, for systems without the call.
//!
//! The word is read under the gate and changed outside of it. A waker changes the word first and passes the gate
//! then, so either the sleeper's reading follows the change, or the sleeper is queued when the waker comes (F1).

use super::TimedOut;
use crate::Deadline;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// See the contract in the parent module.
#[derive(Debug, Default)]
pub struct Futex {
    word: AtomicU32,
    gate: Mutex<()>,
    sleepers: Condvar,
}

impl Futex {
    /// A word that reads `value`.
    pub const fn new(value: u32) -> Self {
        Self {
            word: AtomicU32::new(value),
            gate: Mutex::new(()),
            sleepers: Condvar::new(),
        }
    }

    /// The word.
    #[inline]
    pub fn word(&self) -> &AtomicU32 {
        &self.word
    }

    /// Sleeps while the word reads `expected`, until a wake (F1, F2).
    pub fn wait(&self, expected: u32) {
        let gate = self.gate();
        // ORDERING: Relaxed, because the gate orders this reading against the waker's change.
        if self.word.load(Relaxed) == expected {
            drop(self.sleepers.wait(gate).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// [`wait`](Self::wait), but not beyond `deadline`.
    pub fn wait_until(&self, expected: u32, deadline: &Deadline) -> Result<(), TimedOut> {
        let gate = self.gate();
        let Some(remaining) = deadline.remaining() else {
            drop(gate);
            self.wait(expected);
            return Ok(());
        };
        // ORDERING: Relaxed, as in `wait`.
        if self.word.load(Relaxed) != expected {
            return Ok(());
        }
        let (_gate, timeout) = self
            .sleepers
            .wait_timeout(gate, remaining)
            .unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            Err(TimedOut)
        } else {
            Ok(())
        }
    }

    /// [`wait`](Self::wait): sleepers can't be told apart (F5).
    pub fn wait_as(&self, expected: u32, _bit: NonZeroU32) {
        self.wait(expected);
    }

    /// [`wake_one`](Self::wake_one): sleepers can't be told apart (F5).
    pub fn wake_one_as(&self, _bit: NonZeroU32) -> bool {
        self.wake_one();
        true
    }

    /// Wakes one sleeper, if there is one.
    pub fn wake_one(&self) {
        let _gate = self.gate();
        self.sleepers.notify_one();
    }

    /// Wakes every sleeper.
    pub fn wake_all(&self) {
        let _gate = self.gate();
        self.sleepers.notify_all();
    }

    /// Nothing can panic under the gate, so poison has no meaning here.
    fn gate(&self) -> MutexGuard<'_, ()> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
