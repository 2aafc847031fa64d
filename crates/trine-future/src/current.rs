//! The task that runs on this thread.

use crate::block::BlockPointer;
use std::cell::Cell;

// Models do not ask `cancelled`, but the block: their threads are one to std, so they would share this.
thread_local! {
    static CURRENT: Cell<Option<BlockPointer>> = const { Cell::new(None) };
}

/// Whether the task that runs on this thread should stop: somebody has called
/// [`request_cancel`](crate::Future::request_cancel) for it.
///
/// A thread can't be stopped from outside, so a long task asks this now and then, and returns early what it likes: the
/// future is then done with that value. A task that never asks runs to its end. It costs about as much as a load from
/// memory, and is false outside of tasks. Where a task runs another one while it waits for it, each has its own
/// answer.
///
/// It is for closures on threads. An async task is cancelled by being dropped, and a task in a process by its pool.
///
/// ```
/// use std::thread;
/// use trine_future::{Task, cancelled};
///
/// let (task, future) = Task::new(
///     || {
///         let mut rounds = 0u64;
///         while !cancelled() {
///             rounds += 1;
///         }
///         rounds
///     },
///     (),
/// );
/// let worker = thread::spawn(move || task.run());
/// while !future.is_running() {
///     thread::yield_now();
/// }
/// assert!(!future.cancel(), "it runs already");
/// assert!(future.request_cancel());
/// println!("it stopped after {} rounds", future.result()?);
/// # worker.join().unwrap();
/// # Ok::<(), trine_future::TaskError>(())
/// ```
pub fn cancelled() -> bool {
    // A thread whose locals are gone runs no task any more.
    let current = CURRENT.try_with(Cell::get).ok().flatten();
    // SAFETY: whoever runs a task has a side of its block, and `Current` does not outlive that.
    current.is_some_and(|block| unsafe { block.header() }.state.load().is_cancel_requested())
}

/// The time during which a task runs on this thread.
pub(crate) struct Current {
    /// The task that waits for this one, or whose callback or destructor runs it.
    outer: Option<BlockPointer>,
}

impl Current {
    /// # Safety
    ///
    /// The caller has a side of the block for as long as this lives.
    pub(crate) unsafe fn enter(block: BlockPointer) -> Self {
        Self {
            outer: CURRENT
                .try_with(|current| current.replace(Some(block)))
                .ok()
                .flatten(),
        }
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        let _ = CURRENT.try_with(|current| current.set(self.outer));
    }
}
