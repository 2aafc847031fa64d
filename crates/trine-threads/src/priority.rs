//! How soon a task starts.

/// How soon a task starts, as against others in the queues of its pool. See
/// [`Submission::priority`](crate::Submission::priority).
///
/// It says which task a worker takes next, and nothing else: a task that runs is not interrupted, and its thread has the
/// priority of all threads.
///
/// ```
/// use trine_threads::{Priority, ThreadPool};
///
/// let pool = ThreadPool::new(1)?;
/// let report = pool.task(str::len, "a long report").priority(Priority::Background).submit();
/// let answer = pool.task(str::len, "an answer").priority(Priority::High).submit();
/// assert_eq!((answer.result()?, report.result()?), (9, 13));
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
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
///
/// ```
/// // A background task that is first in its line waits for so many others at most:
/// assert_eq!(trine_threads::BACKGROUND_TURN - 1, 63);
/// ```
pub const BACKGROUND_TURN: usize = 64;
