//! The task: a closure with its future, for the queue of an executor.

use crate::block::{BlockPointer, Side, Stored, allocate};
use crate::owner::Owner;
use crate::snapshot::{Phase, Snapshot};
use crate::work::{Call, Work};
use crate::{Future, Outcome, TaskError, TaskSpan};
use std::fmt;
use std::mem::ManuallyDrop;
use trine_platform::prefetch_for_write;

/// A closure that waits to be run, as one thin pointer: what an executor keeps in its queue.
///
/// The task may have been cancelled, or run by the thread that waits for it, by the time that it comes out of the
/// queue: [`run`](Self::run) does nothing then. The closure is dropped by whoever runs or cancels it, never by a
/// queue that holds on to the pointer. A task that is dropped is cancelled.
///
/// ```
/// use trine_future::Task;
///
/// let (task, future) = Task::new(|| 2 + 2, ());
/// task.run();
/// assert_eq!(future.result()?, 4);
/// # Ok::<(), trine_future::TaskError>(())
/// ```
pub struct Task {
    block: BlockPointer,
}

impl Task {
    /// A task and its future. `owner` is the executor.
    #[allow(clippy::new_ret_no_self, reason = "the two sides are made together")]
    pub fn new<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        closure: F,
        owner: impl Owner,
    ) -> (Self, Future<T>) {
        Self::in_span::<F, T>(TaskSpan::none(), closure, owner)
    }

    /// [`new`](Self::new) for a task that has a span, which ends with the closure. In errors the task is called by the type `N`:
    /// that of the program's function, if the executor has wrapped it.
    ///
    /// ```
    /// use trine_future::{Task, TaskSpan};
    ///
    /// let span = TaskSpan::current().child("threads", "my-pool", "answer");
    /// let (task, future) = Task::in_span::<fn() -> u32, _>(span, || 6 * 7, ());
    /// task.run();
    /// assert_eq!(future.result()?, 42);
    /// # Ok::<(), trine_future::TaskError>(())
    /// ```
    pub fn in_span<N: 'static, T: Send + 'static>(
        span: TaskSpan,
        closure: impl FnOnce() -> T + Send + 'static,
        owner: impl Owner,
    ) -> (Self, Future<T>) {
        let work = Call::<N, _>::new(closure, span);
        let block = allocate::<T, _, _>(Snapshot::PENDING, Stored { nothing: () }, work, owner);
        (Self { block }, Future::new(block))
    }

    /// Runs the closure on this thread, unless the task was cancelled or somebody else runs it. A panic of the
    /// closure becomes the result.
    ///
    /// Returns how the task ended; `None` if the one who waits for it has run it, or does so now.
    pub fn run(self) -> Option<Outcome> {
        // SAFETY: the producer's side of the block is alive.
        let state = &unsafe { self.block.header() }.state;
        // As in `complete`: it is about to be changed, too.
        prefetch_for_write(state);
        if state.load().is_producers_alone() {
            let task = ManuallyDrop::new(self);
            // SAFETY: nobody else knows the block, so the task is this one's to run. It is not used after this.
            return Some(unsafe { task.block.run(Side::Alone) });
        }
        match self.claim() {
            // SAFETY: the task was claimed just now, and the pointer is not used after this.
            Ok(block) => Some(unsafe { block.run(Side::Producer) }),
            Err(phase) => (phase == Phase::Cancelled).then_some(Outcome::Cancelled),
        }
    }

    /// Whether the task need not be run: it was cancelled, or somebody has run it or does so now.
    ///
    /// ```
    /// use trine_future::Task;
    ///
    /// let (task, future) = Task::new(|| 2 + 2, ());
    /// assert!(!task.is_stale());
    /// future.cancel();
    /// assert!(task.is_stale());
    /// ```
    pub fn is_stale(&self) -> bool {
        // SAFETY: the producer's side of the block is alive.
        unsafe { self.block.header() }.state.load().phase() != Phase::Pending
    }

    /// Cancels the task. Returns what became of it, as [`run`](Self::run) does.
    ///
    /// ```
    /// use trine_future::{Outcome, Task};
    ///
    /// let (task, future) = Task::new(|| 2 + 2, ());
    /// assert_eq!(task.cancel(), Some(Outcome::Cancelled));
    /// assert!(future.is_cancelled());
    /// ```
    pub fn cancel(self) -> Option<Outcome> {
        // SAFETY: the producer's side of the block is alive. Dropping the task lets go of it.
        unsafe { self.block.cancel(Side::Producer) }.then_some(Outcome::Cancelled)
    }

    /// Fails the task without running it, unless it was cancelled or somebody runs it.
    ///
    /// ```
    /// use trine_future::{Task, TaskError};
    ///
    /// let (task, future) = Task::new(|| 2 + 2, ());
    /// task.fail(TaskError::refused("the pool was shut down"));
    /// assert!(future.result().unwrap_err().is_refused());
    /// ```
    pub fn fail(self, error: TaskError) {
        if let Ok(block) = self.claim() {
            // SAFETY: the task was claimed just now, and the pointer is not used after this.
            unsafe { block.fail(error) };
        }
    }

    /// A task whose work is done by the one who takes its result, once it has been ended by `end_lazily`.
    pub(crate) fn lazy<T: Send>(work: impl Work<T>, owner: impl Owner) -> (Self, Future<T>) {
        let block = allocate::<T, _, _>(Snapshot::PENDING, Stored { nothing: () }, work, owner);
        (Self { block }, Future::new(block))
    }

    /// Ends a lazy task, unless it was cancelled.
    pub(crate) fn end_lazily(self, outcome: Outcome) {
        let task = ManuallyDrop::new(self);
        // SAFETY: this is the producer's side of a lazy task, and it is not used after this.
        unsafe { task.block.finish_lazy(outcome.phase()) };
    }

    /// Whether somebody still has the future, or has left a callback with it.
    pub(crate) fn is_wanted(&self) -> bool {
        // SAFETY: the producer's side of the block is alive.
        let state = unsafe { self.block.header() }.state.load();
        state.has_future() || state.is_watched()
    }

    /// Takes the right to run the task; if that is gone, lets go of the block, and returns how far the task is.
    fn claim(self) -> Result<BlockPointer, Phase> {
        let task = ManuallyDrop::new(self);
        // SAFETY: the producer's side of the block is alive.
        let state = &unsafe { task.block.header() }.state;
        if state.claim() {
            return Ok(task.block);
        }
        let phase = state.load().phase();
        // SAFETY: this is the producer's side, and it is not used after this.
        unsafe { task.block.release_producer() };
        Err(phase)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // SAFETY: the producer's side of the block is alive.
        unsafe { self.block.cancel(Side::Producer) };
        // SAFETY: this is the producer's side, and it is not used after this.
        unsafe { self.block.release_producer() };
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: the producer's side of the block is alive.
        let phase = unsafe { self.block.header() }.state.load().phase();
        write!(formatter, "Task({phase:?})")
    }
}
