//! What an executor can say about the tasks that it owns.

use trine_platform::Deadline;

/// The executor behind a future.
///
/// A future knows neither threads nor processes nor runtimes; where it needs to, it asks its owner. The methods
/// are called on the thread that waits or cancels, with no lock held, and must not panic.
pub trait Owner: Send + Sync + 'static {
    /// Whether [`cancel`](crate::Future::cancel) also ends a task that has started.
    const STOPS_RUNNING: bool = false;

    /// Called each time before a thread would go to sleep for this owner's task. It may wait for other things.
    fn drive(&self, waiting: Waiting<'_>) -> Drive {
        let _ = waiting;
        Drive::Sleep
    }

    /// Called when somebody cancels a task that counts as started. True if it has in truth not begun, and was [put
    /// back](crate::Promise::put_back) just now: then it can be cancelled.
    fn take_back(&self) -> bool {
        false
    }

    /// Called after a task that had started was cancelled: it should be stopped now. Its result will be dropped.
    fn stop(&self) {}
}

/// How long a thread is going to wait for a task.
#[derive(Clone, Copy, Debug)]
pub enum Waiting<'a> {
    /// Until the task ends.
    Untimed,
    /// Until the task ends or the deadline passes.
    Until(&'a Deadline),
}

/// What the waiting thread does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drive {
    /// Sleep until the task ends.
    Sleep,
    /// Run the task on this thread, unless somebody has started it. In a timed wait this counts as `Sleep`. It is for
    /// a [`Task`](crate::Task): a promise has nothing to run.
    Run,
}

/// The owner of tasks that need none.
impl Owner for () {}
