//! The futex in a model: loom's condition variables, and the model's clock.
//!
//! The word is read under the gate and changed outside of it, as in `portable.rs`. The gate orders more than F3
//! promises, so a missing Release can hide on the path that sleeps: the lock and the future each have a model
//! whose second thread never sleeps.

use super::TimedOut;
use crate::Deadline;
use loom::sync::{Condvar, Mutex, MutexGuard, atomic::AtomicU32};
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// See the contract in the parent module.
#[derive(Debug)]
pub struct Futex {
    word: AtomicU32,
    // Loom's clock holds it too, so that it can wake those whose deadline has passed.
    gate: Arc<Gate>,
}

/// In a model there is one process.
pub type SharedFutex = Futex;

/// What sleepers queue behind, the one that is woken first in front.
#[derive(Debug)]
pub(crate) struct Gate(Mutex<VecDeque<Arc<Sleeper>>>);

/// A thread that sleeps until it is taken out of the queue. Each has its own condition variable, so that a deadline
/// wakes those who have one and nobody else: a wake too many would hide one that is lost.
#[derive(Debug)]
struct Sleeper {
    awake: Condvar,
    bits: u32,
    has_deadline: bool,
}

impl Gate {
    fn queue(&self) -> MutexGuard<'_, VecDeque<Arc<Sleeper>>> {
        self.0.lock().expect("nothing panics under the gate")
    }

    /// Wakes the first with one of these bits. False if there is none.
    fn wake_one(&self, bits: u32) -> bool {
        let mut queue = self.queue();
        let place = queue.iter().position(|sleeper| sleeper.bits & bits != 0);
        let sleeper = place.and_then(|place| queue.remove(place));
        sleeper.inspect(|sleeper| sleeper.awake.notify_one()).is_some()
    }

    /// Lets those who have a deadline see that it has passed.
    pub(crate) fn expire(&self) {
        for sleeper in self.queue().iter().filter(|sleeper| sleeper.has_deadline) {
            sleeper.awake.notify_one();
        }
    }

    /// Sleeps while `word` reads `expected`, until a wake or the deadline.
    fn sleep(&self, word: &AtomicU32, expected: u32, bits: u32, deadline: Option<&Deadline>) {
        let mut queue = self.queue();
        // ORDERING: Relaxed, because the gate orders this reading against the waker's change.
        if word.load(Relaxed) != expected {
            return;
        }
        let sleeper = Arc::new(Sleeper {
            awake: Condvar::new(),
            bits,
            has_deadline: deadline.is_some(),
        });
        queue.push_back(Arc::clone(&sleeper));
        while let Some(place) = queue.iter().position(|other| Arc::ptr_eq(other, &sleeper)) {
            if deadline.is_some_and(Deadline::has_passed) {
                queue.remove(place);
                return;
            }
            queue = sleeper.awake.wait(queue).expect("nothing panics under the gate");
        }
    }
}

impl Futex {
    /// A word that reads `value`.
    pub fn new(value: u32) -> Self {
        Self {
            word: AtomicU32::new(value),
            gate: Arc::new(Gate(Mutex::new(VecDeque::new()))),
        }
    }

    /// The word.
    pub fn word(&self) -> &AtomicU32 {
        &self.word
    }

    /// Sleeps while the word reads `expected`, until a wake (F1, F2).
    pub fn wait(&self, expected: u32) {
        self.gate.sleep(&self.word, expected, u32::MAX, None);
    }

    /// [`wait`](Self::wait), but not beyond `deadline`.
    pub fn wait_until(&self, expected: u32, deadline: &Deadline) -> Result<(), TimedOut> {
        // From here on an expiry passes this gate after it has marked the deadline, so it either is seen by the
        // sleeper or finds it asleep.
        deadline.wakes(&self.gate);
        self.gate.sleep(&self.word, expected, u32::MAX, Some(deadline));
        // A thread that was woken and is late says so, too: callers must not lose that wake.
        if deadline.has_passed() {
            Err(TimedOut)
        } else {
            Ok(())
        }
    }

    /// [`wait`](Self::wait), as one of the sleepers with this bit (F5).
    pub fn wait_as(&self, expected: u32, bit: NonZeroU32) {
        self.gate.sleep(&self.word, expected, bit.get(), None);
    }

    /// Wakes one of the sleepers with this bit. False if there is none (F5).
    pub fn wake_one_as(&self, bit: NonZeroU32) -> bool {
        self.gate.wake_one(bit.get())
    }

    /// Wakes one sleeper, if there is one.
    pub fn wake_one(&self) {
        self.gate.wake_one(u32::MAX);
    }

    /// Wakes every sleeper.
    pub fn wake_all(&self) {
        for sleeper in self.gate.queue().drain(..) {
            sleeper.awake.notify_one();
        }
    }
}
