//! The task that runs on this thread.

use crate::block::BlockPointer;
use std::cell::Cell;
use std::ptr;
use trine_platform::local;

local! {
    /// The innermost of the tasks that run on this thread: the others wait for it, or it runs in a callback or a destructor
    /// of theirs.
    static CURRENT: Cell<*const Current> = Cell::new(ptr::null());
}

/// Whether the task that runs on this thread should stop: somebody has called
/// [`request_cancel`](crate::Future::request_cancel) for it.
///
/// A thread can't be stopped from outside, so a long task asks this now and then, and returns early what it likes: the
/// future is then done with that value. A task that never asks runs to its end. It costs about as much as a load from
/// memory, and is false outside of tasks. Where a task runs another one while it waits for it, each has its own
/// answer. Where another thread of a pool runs a part of the task's join, scope or map, it is false.
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
    // SAFETY: whoever runs a task has a side of its block for that long.
    innermost().is_some_and(|task| unsafe { task.block.header() }.state.load().is_cancel_requested())
}

/// The tasks on this thread's stack, the innermost first.
pub(crate) fn stack() -> Vec<BlockPointer> {
    let outer = |task: &&'static Current| as_reference(task.outer);
    std::iter::successors(innermost(), outer)
        .map(|task| task.block)
        .collect()
}

/// A task that runs on this thread. It stands in the stack frame of whoever runs it.
pub(crate) struct Current {
    block: BlockPointer,
    outer: *const Current,
}

impl Current {
    /// Calls `function` as a part of the task.
    ///
    /// # Safety
    ///
    /// The caller has a side of the block.
    pub(crate) unsafe fn run<R>(block: BlockPointer, function: impl FnOnce() -> R) -> R {
        // A thread whose locals are gone runs its tasks unnoted.
        let outer = CURRENT.try_with(Cell::get).unwrap_or(ptr::null());
        let current = Self { block, outer };
        let _ = CURRENT.try_with(|innermost| innermost.set(&raw const current));
        // PANIC: the user's panics are caught in `function`; another one must not leave the pointer behind.
        let _leave = Leave(outer);
        function()
    }
}

/// The innermost task has ended.
struct Leave(*const Current);

impl Drop for Leave {
    fn drop(&mut self) {
        let _ = CURRENT.try_with(|innermost| innermost.set(self.0));
    }
}

fn innermost() -> Option<&'static Current> {
    CURRENT.try_with(Cell::get).ok().and_then(as_reference)
}

/// Not for longer than this thread does not return to whoever runs the task.
fn as_reference(current: *const Current) -> Option<&'static Current> {
    // SAFETY: the tasks in `CURRENT`, and those outside of them, stand in stack frames of this thread that it has not
    // left, and nobody writes to them.
    unsafe { current.as_ref() }
}
