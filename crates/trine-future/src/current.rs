//! The task that runs on this thread.

use crate::block::BlockPointer;
use std::cell::Cell;
use std::ptr;
use trine_platform::local;

local! {
    /// The innermost of the tasks that run on this thread, wholly or in part: the others wait for it, or it runs in a
    /// callback or a destructor of theirs.
    static CURRENT: Cell<*const Current> = Cell::new(ptr::null());
}

/// Whether the task that runs on this thread should stop: somebody has called
/// [`request_cancel`](crate::Future::request_cancel) for it.
///
/// A thread can't be stopped from outside, so a long task asks this now and then, and returns early what it likes: the
/// future is then done with that value. A task that never asks runs to its end. It costs about as much as a load from
/// memory, and is false outside of tasks. Where a task runs another one while it waits for it, each has its own
/// answer. The halves of a join, the tasks of a scope and the items of a `map_slice` are parts of the task that waits for
/// them, on whatever thread they run; the elements of a `map` are not, but for those that the task runs itself in
/// `next`.
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
    outwards().map(|task| task.block).collect()
}

/// The tasks on this thread's stack, the innermost first.
fn outwards() -> impl Iterator<Item = &'static Current> {
    std::iter::successors(innermost(), |task| as_reference(task.outer))
}

/// The task that runs on a thread, for what another thread runs as a part of it: for executors.
///
/// There [`cancelled`] is what it is in the task, and a wait is a wait of the task, whose circle is found.
///
/// ```
/// use std::thread;
/// use trine_future::{CurrentTask, Task, cancelled};
///
/// let search = || {
///     let task = CurrentTask::get();
///     // SAFETY: the thread ends before the scope does.
///     let part = move || unsafe { task.inside(|| while !cancelled() {}) };
///     thread::scope(|scope| _ = scope.spawn(part));
/// };
/// let (task, future) = Task::new(search, ());
/// let worker = thread::spawn(move || task.run());
/// while !future.is_running() {
///     thread::yield_now();
/// }
/// future.request_cancel();
/// future.result()?;
/// # worker.join().unwrap();
/// # Ok::<(), trine_future::TaskError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CurrentTask(*const Current);

// SAFETY: `inside`, which alone uses the pointer, has the caller promise that what it points to is there. Nobody writes to it.
unsafe impl Send for CurrentTask {}
// SAFETY: as above.
unsafe impl Sync for CurrentTask {}

impl CurrentTask {
    /// Whether more than so many tasks run on this thread, each inside of the next one.
    ///
    /// ```
    /// assert!(!trine_future::CurrentTask::is_nested(0));
    /// ```
    pub fn is_nested(levels: usize) -> bool {
        outwards().nth(levels).is_some()
    }

    /// The innermost task that runs on this thread, if any.
    #[inline]
    pub fn get() -> Self {
        Self(CURRENT.try_with(Cell::get).unwrap_or(ptr::null()))
    }

    /// Calls `function` as a part of that task. If there was none, as a part of what runs on the calling thread.
    ///
    /// # Safety
    ///
    /// The thread that has called [`get`](Self::get) does not leave the task before this returns.
    #[inline]
    pub unsafe fn inside<R>(self, function: impl FnOnce() -> R) -> R {
        let Self(outer) = Self::get();
        if self.0.is_null() || self.0 == outer {
            return function();
        }
        let _ = CURRENT.try_with(|innermost| innermost.set(self.0));
        // PANIC: whatever panics there must not leave the pointer behind.
        let _leave = Leave(outer);
        function()
    }
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
        let CurrentTask(outer) = CurrentTask::get();
        let current = Self { block, outer };
        let _ = CURRENT.try_with(|innermost| innermost.set(&raw const current));
        // PANIC: the user's panics are caught in `function`; another one must not leave the pointer behind.
        let _leave = Leave(outer);
        function()
    }
}

/// The innermost task, or a part of it, has ended.
struct Leave(*const Current);

impl Drop for Leave {
    fn drop(&mut self) {
        let _ = CURRENT.try_with(|innermost| innermost.set(self.0));
    }
}

fn innermost() -> Option<&'static Current> {
    as_reference(CurrentTask::get().0)
}

/// Not for longer than this thread does not return to whoever runs the task, or the part of it.
fn as_reference(current: *const Current) -> Option<&'static Current> {
    // SAFETY: the tasks in `CURRENT`, and those outside of them, stand in stack frames that their thread has not left: this
    // one, or the one that waits for a part of the task. Nobody writes to them.
    unsafe { current.as_ref() }
}
