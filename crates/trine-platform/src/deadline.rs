//! Points in time: of the real clock, or of a model's.

#[cfg(not(trine_loom))]
use std::time::Duration;

#[cfg(trine_loom)]
pub use crate::model::Deadline;

/// A point in time until which a wait may last.
///
/// In a model it is the moment at which the model calls `expire`.
#[cfg(not(trine_loom))]
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Option<std::time::Instant>);

#[cfg(not(trine_loom))]
impl Deadline {
    /// The point `timeout` from now. One too far away to be represented is never reached.
    pub fn after(timeout: Duration) -> Self {
        Self(std::time::Instant::now().checked_add(timeout))
    }

    /// Whether the point has been reached.
    pub fn has_passed(&self) -> bool {
        self.remaining().is_some_and(|remaining| remaining.is_zero())
    }

    /// The time until then: zero once it has passed, `None` if it never will.
    pub fn remaining(&self) -> Option<Duration> {
        self.0
            .map(|point| point.saturating_duration_since(std::time::Instant::now()))
    }
}
