//! What a scope waits for, counted, and the end of it as an event.

use crate::latch::Latch;
use trine_platform::atomic::AtomicUsize;
use trine_platform::atomic::Ordering::{AcqRel, Relaxed};

/// A count that begins with its owner, who waits for its end. Whoever counts down to zero is the last to touch it.
pub(crate) struct Countdown {
    open: AtomicUsize,
    ended: Latch,
}

impl Countdown {
    pub(crate) fn new() -> Self {
        Self {
            open: AtomicUsize::new(1),
            ended: Latch::new(),
        }
    }

    /// One more, for a caller whose own one keeps the count above zero, or who keeps another one from counting down.
    pub(crate) fn up(&self) {
        // ORDERING: Relaxed. It is followed by what makes the task visible to others.
        self.open.fetch_add(1, Relaxed);
    }

    /// One less.
    ///
    /// # Safety
    ///
    /// The caller has counted up, or is the owner for the first time. It does not use the countdown any more, unless it is
    /// the owner.
    pub(crate) unsafe fn down(countdown: *const Self) {
        // SAFETY: the countdown is alive: its owner waits for this.
        let open = unsafe { &raw const (*countdown).open };
        // ORDERING: AcqRel, so that whoever counts down to zero sees what all the others did.
        // SAFETY: as above.
        if unsafe { (*open).fetch_sub(1, AcqRel) } == 1 {
            // SAFETY: as above.
            let ended = unsafe { &raw const (*countdown).ended };
            // SAFETY: the owner does not know yet. Zero is reached once, because only what is counted counts up.
            unsafe { Latch::set(ended) };
        }
    }

    /// Whether the count has come to zero: then everything before it is visible.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_set()
    }

    /// For the owner: sleeps until the end or an interruption.
    pub(crate) fn sleep(&self) {
        self.ended.sleep();
    }

    /// Makes the owner look around. The caller is counted.
    pub(crate) fn interrupt(&self) {
        self.ended.interrupt();
    }
}
