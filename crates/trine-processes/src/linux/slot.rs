//! Whether the calls that were handed to a worker have been started there.
//!
//! The worker claims a call before it runs it, the parent revokes it when it wants it back: one of them succeeds. So a task
//! that a dead worker had not claimed is put back, and none starts twice.
//!
//! Both sides count the calls in the ring, so each knows the number of a call. A call's slot also holds its number: an old
//! call that was revoked can't be claimed in the slot that another one has now.

use trine_platform::atomic::AtomicU32;
use trine_platform::atomic::Ordering::Relaxed;

/// How many calls may be on their way to a worker at once.
pub(crate) const SLOTS: u32 = 64;

/// None is 0: a task that overwrites its slot with zeros has not made its call one that nobody has claimed.
const OFFERED: u32 = 1;
const CLAIMED: u32 = 2;
const REVOKED: u32 = 3;

/// How far the number of a call is shifted, beside what has become of it.
const NUMBER: u32 = 2;

/// The place of one call at a time.
#[repr(transparent)]
pub(super) struct Slot(AtomicU32);

// ORDERING: Relaxed, everywhere. The word decides and carries nothing: the task itself comes through the ring.
impl Slot {
    #[cfg(test)]
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(REVOKED))
    }

    /// The parent offers a call. The one before in this slot has been answered or revoked.
    pub(super) fn offer(&self, call: u32) {
        self.0.store(call << NUMBER | OFFERED, Relaxed);
    }

    /// The worker wants to run the call. False if it must not.
    #[must_use]
    pub(super) fn claim(&self, call: u32) -> bool {
        self.decide(call, CLAIMED)
    }

    /// The parent wants the call back. False if it has been started.
    #[must_use]
    pub(super) fn revoke(&self, call: u32) -> bool {
        self.decide(call, REVOKED)
    }

    fn decide(&self, call: u32, what: u32) -> bool {
        let offered = call << NUMBER | OFFERED;
        let decided = call << NUMBER | what;
        self.0
            .compare_exchange(offered, decided, Relaxed, Relaxed)
            .is_ok()
    }
}
