//! The futex in a model: loom's condition variable, and the model's clock.
//!
//! The word is read under the gate and changed outside of it, as in `portable.rs`. The gate orders more than F3
//! promises, so a missing Release can hide on the path that sleeps: the lock and the future each have a model
//! whose second thread never sleeps.

use super::TimedOut;
use crate::Deadline;
use loom::sync::{Condvar, Mutex, atomic::AtomicU32};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// See the contract in the parent module.
#[derive(Debug)]
pub struct Futex {
    word: AtomicU32,
    // Loom's clock holds it too, so that it can wake those whose deadline has passed.
    gate: Arc<Gate>,
}

/// What sleepers queue behind.
#[derive(Debug)]
pub(crate) struct Gate {
    lock: Mutex<()>,
    sleepers: Condvar,
}

impl Gate {
    pub(crate) fn wake_all(&self) {
        let _gate = self.lock.lock().expect("nothing panics under the gate");
        self.sleepers.notify_all();
    }
}

impl Futex {
    /// A word that reads `value`.
    pub fn new(value: u32) -> Self {
        let gate = Gate {
            lock: Mutex::new(()),
            sleepers: Condvar::new(),
        };
        Self {
            word: AtomicU32::new(value),
            gate: Arc::new(gate),
        }
    }

    /// The word.
    pub fn word(&self) -> &AtomicU32 {
        &self.word
    }

    /// The word, for its only user.
    pub fn word_mut(&mut self) -> &mut AtomicU32 {
        &mut self.word
    }

    /// Sleeps while the word reads `expected`, until a wake (F1, F2).
    pub fn wait(&self, expected: u32) {
        let gate = self.gate.lock.lock().expect("nothing panics under the gate");
        // ORDERING: Relaxed, because the gate orders this reading against the waker's change.
        if self.word.load(Relaxed) == expected {
            drop(
                self.gate
                    .sleepers
                    .wait(gate)
                    .expect("nothing panics under the gate"),
            );
        }
    }

    /// [`wait`](Self::wait), but not beyond `deadline`.
    pub fn wait_until(&self, expected: u32, deadline: &Deadline) -> Result<(), TimedOut> {
        // From here on an expiry wakes this gate: it passes the gate after it has marked the deadline, so it
        // either is seen below or finds this thread asleep.
        deadline.wakes(&self.gate);
        let gate = self.gate.lock.lock().expect("nothing panics under the gate");
        if deadline.has_passed() {
            return Err(TimedOut);
        }
        // ORDERING: Relaxed, as in `wait`.
        if self.word.load(Relaxed) == expected {
            drop(
                self.gate
                    .sleepers
                    .wait(gate)
                    .expect("nothing panics under the gate"),
            );
        }
        if deadline.has_passed() {
            Err(TimedOut)
        } else {
            Ok(())
        }
    }

    /// Wakes one sleeper, if there is one.
    pub fn wake_one(&self) {
        let _gate = self.gate.lock.lock().expect("nothing panics under the gate");
        self.gate.sleepers.notify_one();
    }

    /// Wakes every sleeper.
    pub fn wake_all(&self) {
        self.gate.wake_all();
    }
}
