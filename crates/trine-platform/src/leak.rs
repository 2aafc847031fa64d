//! Leaks of raw memory, seen by the models.

/// Put into a block that is freed by hand: a model fails when one is never dropped.
#[derive(Debug)]
pub struct LeakCheck {
    #[cfg(trine_loom)]
    _track: loom::alloc::Track<()>,
}

impl LeakCheck {
    /// Begins to watch the block that it is put into.
    #[inline]
    #[allow(
        clippy::new_without_default,
        reason = "a value that nobody means to make by default"
    )]
    pub fn new() -> Self {
        Self {
            #[cfg(trine_loom)]
            _track: loom::alloc::Track::new(()),
        }
    }
}
