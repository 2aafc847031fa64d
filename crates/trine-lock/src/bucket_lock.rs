//! The lock of a bucket of waiters: the waiters of a [`Lock`](crate::Lock) stand in a bucket, those of this one sleep
//! on its word.

use trine_platform::atomic::Ordering::{Acquire, Relaxed, Release};
use trine_platform::{Futex, UnsafeCell, const_fn, spin_loop};

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and threads may be asleep.
const HELD_AND_AWAITED: u32 = 2;

/// How often a thread looks again at a held bucket before it sleeps. Nobody keeps one for longer than it takes to go
/// through a line.
const SPINS: u32 = if cfg!(trine_loom) { 0 } else { 50 };

/// A value that one thread at a time can reach, for a moment. It is not fair.
#[repr(align(64))]
pub(crate) struct BucketLock<T> {
    word: Futex,
    value: UnsafeCell<T>,
}

// SAFETY: one thread at a time gets at the value, ordered by the word.
unsafe impl<T: Send> Sync for BucketLock<T> {}

/// Unlocks even if the access panics.
struct Unlock<'a>(&'a Futex);

impl<T> BucketLock<T> {
    const_fn! {
        /// A free lock that owns `value`.
        pub(crate) fn new(value: T) -> Self {
            Self { word: Futex::new(FREE), value: UnsafeCell::new(value) }
        }
    }

    /// Calls `access` while nobody else has access.
    pub(crate) fn with<R>(&self, access: impl FnOnce(&mut T) -> R) -> R {
        self.lock();
        let _unlock = Unlock(&self.word);
        self.value.with_mut(|value| {
            // SAFETY: the word keeps everybody else away until `_unlock` is dropped.
            access(unsafe { &mut *value })
        })
    }

    fn lock(&self) {
        if self.try_lock() {
            return;
        }
        for _ in 0..SPINS {
            spin_loop();
            if self.try_lock() {
                return;
            }
        }
        // One that has slept can't know whether others still do, and says so.
        // ORDERING: Acquire as in `try_lock`.
        while self.word.word().swap(HELD_AND_AWAITED, Acquire) != FREE {
            self.word.wait(HELD_AND_AWAITED);
        }
    }

    fn try_lock(&self) -> bool {
        // ORDERING: Acquire pairs with the Release of the unlock.
        self.word
            .word()
            .compare_exchange(FREE, HELD, Acquire, Relaxed)
            .is_ok()
    }
}

impl Drop for Unlock<'_> {
    fn drop(&mut self) {
        // ORDERING: Release pairs with the Acquire of the next one who locks.
        if self.0.word().swap(FREE, Release) == HELD_AND_AWAITED {
            self.0.wake_one();
        }
    }
}
