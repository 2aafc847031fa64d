//! Two fences that work as a pair where one side runs a thousand times as often as the other.
//!
//! A [`light_fence`] and a [`heavy_fence`] are ordered against each other as two SeqCst fences are. On Linux the light one
//! costs nothing, because the heavy one makes every running thread of the process pass a barrier: `membarrier(2)`. Where
//! the system has no such call, both are SeqCst fences; so they are in models. Two light fences order nothing.

use crate::atomic::{Ordering::SeqCst, fence};

/// Asks the system for the barrier. Before this has returned for the first time, neither fence may be used.
///
/// The first call of a process that has several threads already takes some ten milliseconds, each other one nothing.
pub fn prepare_fences() {
    system::prepare();
}

/// The side that runs often.
#[inline]
pub fn light_fence() {
    if !system::has_barrier() {
        full_fence();
    }
    std::sync::atomic::compiler_fence(SeqCst);
}

#[cold]
fn full_fence() {
    fence(SeqCst);
}

/// The side that runs seldom: it may take microseconds.
pub fn heavy_fence() {
    fence(SeqCst);
    if system::has_barrier() {
        system::barrier();
    }
}

#[cfg(all(not(trine_loom), not(miri), target_os = "linux"))]
mod system {
    use rustix::thread::{MembarrierCommand, membarrier};
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    const UNKNOWN: u32 = 0;
    const PRESENT: u32 = 1;
    const ABSENT: u32 = 2;

    // ORDERING: Relaxed. It is decided once, before any thread uses a fence that others pair with.
    static BARRIER: AtomicU32 = AtomicU32::new(UNKNOWN);

    pub(super) fn prepare() {
        if BARRIER.load(Relaxed) != UNKNOWN {
            return;
        }
        let answer = match membarrier(MembarrierCommand::RegisterPrivateExpedited) {
            Ok(()) => PRESENT,
            Err(_) => ABSENT,
        };
        // Somebody else may have asked at the same time: the first answer holds for all.
        let _ = BARRIER.compare_exchange(UNKNOWN, answer, Relaxed, Relaxed);
    }

    #[inline]
    pub(super) fn has_barrier() -> bool {
        BARRIER.load(Relaxed) == PRESENT
    }

    pub(super) fn barrier() {
        membarrier(MembarrierCommand::PrivateExpedited).expect("a registered process may use the barrier");
    }
}

#[cfg(not(all(not(trine_loom), not(miri), target_os = "linux")))]
mod system {
    pub(super) fn prepare() {}

    pub(super) fn has_barrier() -> bool {
        false
    }

    pub(super) fn barrier() {}
}
