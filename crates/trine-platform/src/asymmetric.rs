//! Two fences that work as a pair where one side runs a thousand times as often as the other.
//!
//! A light and a heavy fence are ordered against each other as two SeqCst fences are. On Linux the light one costs
//! nothing, because the heavy one makes every running thread of the process pass a barrier: `membarrier(2)`. Where the
//! system has no such call, both are SeqCst fences; so they are in models. Two light fences order nothing.

use crate::atomic::{Ordering::SeqCst, fence};
use std::sync::atomic::compiler_fence;

/// The pair of fences: all values are the same.
#[derive(Clone, Copy, Debug)]
pub struct AsymmetricFences {
    has_barrier: bool,
}

impl AsymmetricFences {
    /// Asks the system for the barrier.
    ///
    /// The first call in a process that has several threads already takes some ten milliseconds, each other one nothing.
    #[allow(
        clippy::new_without_default,
        reason = "it may take time, which nobody expects of a default"
    )]
    pub fn new() -> Self {
        Self {
            has_barrier: system::has_barrier(),
        }
    }

    /// The side that runs often.
    #[inline]
    pub fn light(self) {
        if !self.has_barrier {
            full_fence();
        }
        compiler_fence(SeqCst);
    }

    /// The side that runs seldom: it may take microseconds.
    pub fn heavy(self) {
        full_fence();
        if self.has_barrier {
            system::barrier();
        }
    }
}

#[cold]
fn full_fence() {
    fence(SeqCst);
}

#[cfg(all(not(trine_loom), not(miri), target_os = "linux"))]
mod system {
    use crate::kept::Kept;
    use rustix::thread::{MembarrierCommand, membarrier};

    /// All parts of a process get the same answer.
    static HAS_BARRIER: Kept = Kept::new();

    pub(super) fn has_barrier() -> bool {
        let register = || membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok();
        HAS_BARRIER.get_or(|| register().into()) != 0
    }

    pub(super) fn barrier() {
        membarrier(MembarrierCommand::PrivateExpedited).expect("a registered process may use the barrier");
    }
}

#[cfg(not(all(not(trine_loom), not(miri), target_os = "linux")))]
mod system {
    pub(super) fn has_barrier() -> bool {
        false
    }

    pub(super) fn barrier() {}
}
