//! The futex system call.

use super::TimedOut;
use crate::Deadline;
use crate::spin::note_wake;
use rustix::thread::futex;
use std::num::NonZeroU32;
use std::sync::atomic::AtomicU32;

/// A word of this process. See the contract in the parent module.
pub type Futex = FutexOf<false>;

/// A word in memory that several processes share, with the same contract. All zeros are a word that reads 0.
pub type SharedFutex = FutexOf<true>;

/// A word to sleep on, of one process or of several.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct FutexOf<const IS_SHARED: bool>(AtomicU32);

impl<const IS_SHARED: bool> FutexOf<IS_SHARED> {
    /// A private word is found faster.
    const FLAGS: futex::Flags = if IS_SHARED {
        futex::Flags::empty()
    } else {
        futex::Flags::PRIVATE
    };

    /// A word that reads `value`.
    pub const fn new(value: u32) -> Self {
        Self(AtomicU32::new(value))
    }

    /// The word.
    #[inline]
    pub fn word(&self) -> &AtomicU32 {
        &self.0
    }

    /// Sleeps while the word reads `expected`, until a wake (F1, F2).
    pub fn wait(&self, expected: u32) {
        // The only errors are EAGAIN (the word differs) and EINTR: both are returns that F2 allows.
        let _ = futex::wait(&self.0, Self::FLAGS, expected, None);
    }

    /// [`wait`](Self::wait), but not beyond `deadline`.
    pub fn wait_until(&self, expected: u32, deadline: &Deadline) -> Result<(), TimedOut> {
        let timeout = match deadline.remaining() {
            None => None,
            Some(remaining) if remaining.is_zero() => return Err(TimedOut),
            // A time-out that the kernel's type can't hold is centuries away: sleep without one.
            Some(remaining) => futex::Timespec::try_from(remaining).ok(),
        };
        match futex::wait(&self.0, Self::FLAGS, expected, timeout.as_ref()) {
            Err(rustix::io::Errno::TIMEDOUT) => Err(TimedOut),
            _ => Ok(()),
        }
    }

    /// [`wait`](Self::wait), as one of the sleepers with this bit (F5).
    pub fn wait_as(&self, expected: u32, bit: NonZeroU32) {
        // As in `wait`.
        let _ = futex::wait_bitset(&self.0, Self::FLAGS, expected, None, bit);
    }

    /// Wakes one of the sleepers with this bit. False if there is none (F5).
    pub fn wake_one_as(&self, bit: NonZeroU32) -> bool {
        note_wake();
        futex::wake_bitset(&self.0, Self::FLAGS, 1, bit).is_ok_and(|woken| woken > 0)
    }

    /// Wakes one sleeper, if there is one.
    pub fn wake_one(&self) {
        note_wake();
        let _ = futex::wake(&self.0, Self::FLAGS, 1);
    }

    /// Wakes every sleeper.
    pub fn wake_all(&self) {
        note_wake();
        let _ = futex::wake(&self.0, Self::FLAGS, i32::MAX as u32);
    }
}
