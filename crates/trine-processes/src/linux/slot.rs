//! Whether a task that was handed to a worker has been started there.
//!
//! The worker claims it before it runs it, the parent revokes it when it wants it back: one of them succeeds. So a task
//! that a dead worker had not claimed is put back, and none starts twice.

use trine_platform::atomic::AtomicU32;
use trine_platform::atomic::Ordering::Relaxed;

const OFFERED: u32 = 0;
const CLAIMED: u32 = 1;
const REVOKED: u32 = 2;

/// The place of one task. All zeros are an offer.
#[repr(transparent)]
pub(super) struct Slot(AtomicU32);

// ORDERING: Relaxed, everywhere. The word decides and carries nothing: the task itself comes through the ring.
impl Slot {
    #[cfg(test)]
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(OFFERED))
    }

    /// The parent offers the next task. The worker has ended the one before.
    pub(super) fn offer(&self) {
        self.0.store(OFFERED, Relaxed);
    }

    /// The worker wants to run the task. False if it must not.
    #[must_use]
    pub(super) fn claim(&self) -> bool {
        self.0
            .compare_exchange(OFFERED, CLAIMED, Relaxed, Relaxed)
            .is_ok()
    }

    /// The parent wants the task back. False if it has been started.
    #[must_use]
    pub(super) fn revoke(&self) -> bool {
        self.0
            .compare_exchange(OFFERED, REVOKED, Relaxed, Relaxed)
            .is_ok()
    }
}
