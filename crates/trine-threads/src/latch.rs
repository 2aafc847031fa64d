//! An event that one thread waits for, in memory that this thread frees as soon as it knows of the event.

use std::mem::MaybeUninit;
use trine_platform::atomic::AtomicU32;
use trine_platform::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use trine_platform::{Parker, UnsafeCell, assert_exclusive, spin_loop};

/// Nothing has happened, and nobody sleeps.
const PENDING: u32 = 0;
/// The waiter has left its parker, and sleeps or is about to.
const SLEEPING: u32 = 1;
/// Somebody takes the parker out, and will wake the waiter.
const WAKING: u32 = 2;
/// The waiter is to look around before it sleeps again.
const INTERRUPTED: u32 = 3;
/// It has happened. Whoever sets this does not touch the latch any more.
const SET: u32 = 4;

/// The event. One thread waits; everybody else keeps the latch alive until the event, by what it stands for.
pub(crate) struct Latch {
    state: AtomicU32,
    /// Written by the waiter before `SLEEPING`, taken by whoever changes that to `WAKING`. There is
    /// nothing in it otherwise.
    sleeper: UnsafeCell<MaybeUninit<Parker>>,
}

// SAFETY: the sleeper is accessed in turn, as its comment says; the rest is atomic.
unsafe impl Sync for Latch {}

impl Latch {
    #[inline]
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicU32::new(PENDING),
            sleeper: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// Whether it has happened: then everything before it is visible.
    pub(crate) fn is_set(&self) -> bool {
        // ORDERING: Acquire pairs with the Release of `change`.
        self.state.load(Acquire) == SET
    }

    /// Sleeps until the event or an interruption. Only for the one thread that waits.
    pub(crate) fn sleep(&self) {
        let parker = Parker::current();
        // SAFETY: the state is not `SLEEPING`, so that the waiter has the cell for itself.
        self.sleeper.with_mut(|sleeper| unsafe {
            *sleeper = MaybeUninit::new(parker.clone());
        });
        // ORDERING: Release gives the parker to whoever wakes.
        if self
            .state
            .compare_exchange(PENDING, SLEEPING, Release, Relaxed)
            .is_ok()
        {
            // ORDERING: Acquire, so that what came before an interruption is seen.
            while matches!(self.state.load(Acquire), SLEEPING | WAKING) {
                parker.park();
            }
        } else {
            // SAFETY: the state is still not `SLEEPING`.
            let sleeper = self.sleeper.with(|sleeper| unsafe { sleeper.read() });
            // SAFETY: it was written above, and nobody has taken it.
            drop(unsafe { sleeper.assume_init() });
        }
        // ORDERING: Acquire, as above. An event is never taken back.
        let _ = self
            .state
            .compare_exchange(INTERRUPTED, PENDING, Acquire, Relaxed);
    }

    /// Makes the waiter look around, whether it sleeps or is about to.
    pub(crate) fn interrupt(&self) {
        // SAFETY: the latch is alive during this call.
        unsafe { Self::change(self, INTERRUPTED) };
    }

    /// It has happened.
    ///
    /// # Safety
    ///
    /// The latch is alive, and is kept so by nothing but its waiter's not knowing yet. This is the only such call.
    pub(crate) unsafe fn set(latch: *const Self) {
        // SAFETY: as the caller promises; the latch is not used after this.
        unsafe { Self::change(latch, SET) };
    }

    /// Changes the state to `next`, and wakes the waiter if it sleeps.
    ///
    /// # Safety
    ///
    /// The latch is alive until the state is `next`.
    unsafe fn change(latch: *const Self, next: u32) {
        // SAFETY: as the caller promises. This reference is not used once the state is `next`.
        let state = unsafe { &(*latch).state };
        loop {
            // ORDERING: Acquire takes over the parker; Release pairs with the Acquires of `is_set` and `sleep`.
            match state.compare_exchange(PENDING, next, Release, Relaxed) {
                Ok(_) => return,
                Err(SLEEPING) => {
                    if state.compare_exchange(SLEEPING, WAKING, Acquire, Relaxed).is_ok() {
                        break;
                    }
                }
                Err(INTERRUPTED) => {
                    if next == INTERRUPTED {
                        return;
                    }
                    if state.compare_exchange(INTERRUPTED, next, AcqRel, Relaxed).is_ok() {
                        return;
                    }
                }
                // Another thread interrupts the waiter: for two instructions more.
                Err(_) => spin_loop(),
            }
        }
        // SAFETY: the latch is alive: its state is `WAKING`.
        let sleeper = unsafe { &(*latch).sleeper };
        // SAFETY: who has made the state `WAKING` has the cell for itself until it changes that.
        let parker = sleeper.with(|sleeper| unsafe { sleeper.read() });
        // SAFETY: the waiter has written it before it made the state `SLEEPING`.
        let parker = unsafe { parker.assume_init() };
        // ORDERING: Release, as above. From here on the latch may be gone.
        state.store(next, Release);
        parker.unpark();
    }
}

impl Drop for Latch {
    fn drop(&mut self) {
        assert_exclusive(&mut self.state);
    }
}
