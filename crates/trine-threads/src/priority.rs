//! How soon a task starts.

/// How soon a task starts, as against others in the queues of its pool. See
/// [`Submission::priority`](crate::Submission::priority).
///
/// It says which task a worker takes next, and nothing else: a task that runs is not interrupted, and its thread has the
/// priority of all threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Priority {
    /// Before all others: for what somebody waits for. Oldest first.
    High,
    /// In the order that the crate's page describes.
    #[default]
    Normal,
    /// When a worker finds nothing else, and at least each [`BACKGROUND_TURN`]th time. Oldest first.
    Background,
}

/// How long background tasks can be held up: of this many tasks that a pool's workers take while a background task is
/// queued, at least one is a background task. So the first in their line starts after at most 63 tasks of a higher
/// priority.
pub const BACKGROUND_TURN: usize = 64;
