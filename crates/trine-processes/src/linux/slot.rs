//! Whether the calls that were handed to a worker have been started there.
//!
//! A call is one task or several. The worker claims each of them before it runs it, one after another; the parent revokes the
//! call when it wants back what is left: one of them succeeds. So a task
//! that a dead worker had not claimed is put back, and none starts twice.
//!
//! Both sides count the calls in the ring, so each knows the number of a call. A call's slot also holds its number: an old
//! call that was revoked can't be claimed in the slot that another one has now.

use trine_platform::atomic::AtomicU32;
use trine_platform::atomic::Ordering::Relaxed;

/// How many calls may be on their way to a worker at once.
pub(crate) const SLOTS: u32 = 512;

/// What has become of a call. None is 0: a task that overwrites its slot with zeros has not made its call one that nobody has
/// begun.
const STATE: u32 = 0b11;
const OFFERED: u32 = 1;
const REVOKED: u32 = 2;

/// Beside that, how many of its tasks have been begun.
const ONE_BEGUN: u32 = STATE + 1;
const BEGUN: u32 = (1 << NUMBER) - ONE_BEGUN;

/// So many tasks at most go with one call.
pub(crate) const MOST_TASKS: u32 = 1000;
const _: () = assert!(MOST_TASKS * ONE_BEGUN <= BEGUN);

/// How far the number of a call is shifted. What is left of it tells it from all others that are in the ring or in slots.
const NUMBER: u32 = 16;

/// The place of one call at a time.
#[repr(transparent)]
pub(super) struct Slot(AtomicU32);

// ORDERING: Relaxed, everywhere. The word decides and carries nothing: the tasks themselves come through the ring.
impl Slot {
    #[cfg(test)]
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(REVOKED))
    }

    /// The parent offers a call. The one before in this slot has been answered or revoked.
    pub(super) fn offer(&self, call: u32) {
        self.0.store((call << NUMBER) | OFFERED, Relaxed);
    }

    /// The worker wants to begin the next task of the call, before which it has begun so many. False if it must not.
    #[must_use]
    pub(super) fn claim(&self, call: u32, begun: u32) -> bool {
        let word = (call << NUMBER) | (begun * ONE_BEGUN) | OFFERED;
        self.0
            .compare_exchange(word, word + ONE_BEGUN, Relaxed, Relaxed)
            .is_ok()
    }

    /// The parent wants back what has not been begun. Returns how many tasks have been, the first ones. `None` if there is
    /// nothing to be had back any more.
    #[must_use]
    pub(super) fn revoke(&self, call: u32) -> Option<u32> {
        let mut word = self.0.load(Relaxed);
        // Each of its tasks may be claimed in between, and no more: who writes there again and again does not keep the parent.
        for _ in 0..=MOST_TASKS {
            if word & !BEGUN != (call << NUMBER) | OFFERED {
                break;
            }
            let revoked = word - OFFERED + REVOKED;
            match self.0.compare_exchange(word, revoked, Relaxed, Relaxed) {
                Ok(_) => return Some((word & BEGUN) / ONE_BEGUN),
                Err(now) => word = now,
            }
        }
        None
    }
}
