//! Two fences that work as a pair where one side runs a thousand times as often as the other.
//!
//! A light and a heavy fence are ordered against each other as two SeqCst fences are. On Linux the light one costs
//! nothing, because the heavy one makes every running thread of the process pass a barrier: `membarrier(2)`. Where the
//! system has no such call, both are SeqCst fences; so they are in models. Two light fences order nothing.
//!
//! The call may fail later, too: a program that locks itself in (`seccomp`) may forbid it. From then on both are SeqCst fences.

use crate::atomic::{Ordering::SeqCst, fence};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed, compiler_fence};
use std::thread;
use std::time::Duration;

/// A pair of fences, for both sides.
#[derive(Debug)]
pub struct AsymmetricFences {
    /// What a light fence is: one of those below, and never one before it again. Not for models to see: it is constant there.
    light: AtomicU8,
}

/// Nothing.
const NOTHING: u8 = 0;
/// A full fence, but it was nothing a moment ago.
const CHANGING: u8 = 1;
/// A full fence.
const FULL: u8 = 2;

/// After so long no processor keeps a store to itself that came before a light fence which was nothing, nor uses a load that it has
/// taken ahead of that; and a thread that was interrupted in between has passed a fence.
const OVER: Duration = Duration::from_millis(1);

impl AsymmetricFences {
    /// Asks the system for the barrier.
    ///
    /// The first call in a process that has several threads already takes some ten milliseconds, each other one nothing.
    #[allow(
        clippy::new_without_default,
        reason = "it may take time, which nobody expects of a default"
    )]
    pub fn new() -> Self {
        let light = if system::has_barrier() { NOTHING } else { FULL };
        Self {
            light: AtomicU8::new(light),
        }
    }

    /// The side that runs often.
    #[inline]
    pub fn light(&self) {
        // Not looked at before what comes before the fence.
        compiler_fence(SeqCst);
        // ORDERING: Relaxed, here and in `heavy`: what a fence orders is what is about it, and not what it is.
        if self.light.load(Relaxed) != NOTHING {
            full_fence();
        }
        compiler_fence(SeqCst);
    }

    /// The side that runs seldom: it may take microseconds.
    pub fn heavy(&self) {
        full_fence();
        match self.light.load(Relaxed) {
            FULL => {}
            NOTHING if system::barrier() => {}
            _ => self.change(),
        }
    }

    /// There is no barrier any more.
    #[cold]
    fn change(&self) {
        // ORDERING: SeqCst: every light fence that begins after `OVER` sees this, and every heavy one that sees the next change comes
        // after that.
        self.light.fetch_max(CHANGING, SeqCst);
        thread::sleep(OVER);
        self.light.store(FULL, SeqCst);
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

    /// False if the system does not do it any more.
    pub(super) fn barrier() -> bool {
        membarrier(MembarrierCommand::PrivateExpedited).is_ok()
    }
}

#[cfg(not(all(not(trine_loom), not(miri), target_os = "linux")))]
mod system {
    pub(super) fn has_barrier() -> bool {
        false
    }

    pub(super) fn barrier() -> bool {
        false
    }
}
