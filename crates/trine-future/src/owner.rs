//! What an executor can say about the tasks that it owns.

use trine_platform::Deadline;

/// The executor behind a future.
///
/// A future knows neither threads nor processes nor runtimes; where it needs to, it asks its owner. The methods
/// are called on the thread that waits or cancels, with no lock held, and must not panic.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
/// use std::sync::Arc;
/// use trine_future::{Owner, Promise};
///
/// /// An executor that can stop a task while it runs.
/// struct Stoppable(Arc<AtomicBool>);
///
/// impl Owner for Stoppable {
///     const STOPS_RUNNING: bool = true;
///
///     fn stop(&self) {
///         self.0.store(true, Relaxed);
///     }
/// }
///
/// let is_stopped = Arc::new(AtomicBool::new(false));
/// let (mut promise, future) = Promise::<u32>::with_owner(Stoppable(Arc::clone(&is_stopped)));
/// promise.start();
/// assert!(future.cancel());
/// assert!(is_stopped.load(Relaxed));
/// ```
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

    /// Called after a task that had not started was cancelled by its future: the executor need not keep it any more.
    fn withdraw(&self) {}

    /// Called after a task that had started was cancelled: it should be stopped now. Its result will be dropped.
    fn stop(&self) {}
}

/// How long a thread is going to wait for a task.
///
/// ```
/// use trine_future::{Drive, Owner, Waiting};
///
/// /// An executor whose tasks are run by whoever waits for them without a time-out.
/// struct Lazy;
///
/// impl Owner for Lazy {
///     fn drive(&self, waiting: Waiting<'_>) -> Drive {
///         match waiting {
///             Waiting::Untimed => Drive::Run,
///             Waiting::Until(_) => Drive::Sleep,
///         }
///     }
/// }
///
/// let (_task, future) = trine_future::Task::new(|| 7, Lazy);
/// assert_eq!(future.result().unwrap(), 7);
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Waiting<'a> {
    /// Until the task ends.
    Untimed,
    /// Until the task ends or the deadline passes.
    Until(&'a Deadline),
}

/// What the waiting thread does next.
///
/// The example is at [`Waiting`].
///
/// ```
/// use trine_future::{Drive, Owner, Task, Waiting};
///
/// struct Lazy;
///
/// impl Owner for Lazy {
///     fn drive(&self, _: Waiting<'_>) -> Drive {
///         Drive::Run
///     }
/// }
///
/// let (_task, future) = Task::new(|| 7, Lazy);
/// assert_eq!(future.result().unwrap(), 7);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drive {
    /// Sleep until the task ends.
    Sleep,
    /// Run the task on this thread, unless somebody has started it. In a timed wait this counts as `Sleep`, and so it does
    /// for a promise, which has nothing to run.
    Run,
}

/// The owner of tasks that need none.
impl Owner for () {}
