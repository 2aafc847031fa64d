//! The promise: the side of a future that gives the value.

use crate::block::{BlockPointer, Side, Stored, TaskResult, allocate};
use crate::ending::{complete, finish};
use crate::owner::Owner;
use crate::snapshot::{Phase, Snapshot};
use crate::work::NoWork;
use crate::{Future, TaskError};
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;

/// The side of a [`Future`] that gives the value: for executors, and for turning a callback into a future.
///
/// It is consumed by the one result that it gives. Dropped without one, the future fails with
/// [`TaskError::is_abandoned`].
///
/// ```
/// let (promise, future) = trine_future::Promise::new();
/// promise.complete("ready").unwrap();
/// assert_eq!(future.result()?, "ready");
/// # Ok::<(), trine_future::TaskError>(())
/// ```
pub struct Promise<T> {
    block: BlockPointer,
    // It takes a `T` and never gives one, so it may stand for a promise of more special values, not of more general
    // ones: the future would give them as what they are not.
    result: PhantomData<fn(T)>,
}

// SAFETY: the promise moves a `T` from the thread that it is on, and nothing else; the block is shared by its rules.
unsafe impl<T: Send> Send for Promise<T> {}
// SAFETY: `&Promise` gives no access to a value, only to the state, which is atomic.
unsafe impl<T: Send> Sync for Promise<T> {}

impl<T: Send + 'static> Promise<T> {
    /// A promise and its future.
    #[allow(clippy::new_ret_no_self, reason = "the two sides are made together")]
    pub fn new() -> (Self, Future<T>) {
        Self::with_owner(())
    }

    /// A promise whose future asks `owner` what waiting and cancelling mean for it.
    ///
    /// ```
    /// // `()` is the owner of a task that needs none; `Owner` has an example of another one.
    /// let (promise, future) = trine_future::Promise::with_owner(());
    /// promise.complete(7).unwrap();
    /// assert_eq!(future.result().unwrap(), 7);
    /// ```
    pub fn with_owner(owner: impl Owner) -> (Self, Future<T>) {
        let block = allocate::<T, _, _>(Snapshot::PENDING, Stored { nothing: () }, NoWork, owner);
        (
            Self {
                block,
                result: PhantomData,
            },
            Future::new(block),
        )
    }

    /// [`with_owner`](Self::with_owner) for an owner that is told something after the task has been given away, which needs
    /// no allocation of its own for that.
    ///
    /// ```
    /// use std::sync::OnceLock;
    /// use trine_future::{Owner, Promise};
    ///
    /// struct Place(OnceLock<usize>);
    /// impl Owner for Place {}
    ///
    /// let (promise, future) = Promise::with_reachable_owner(Place(OnceLock::new()));
    /// let place = 3; // where the promise is given to
    /// future.owner().0.set(place).unwrap();
    /// promise.complete("ready").unwrap();
    /// assert_eq!(future.into_future().result()?, "ready");
    /// # Ok::<(), trine_future::TaskError>(())
    /// ```
    pub fn with_reachable_owner<O: Owner>(owner: O) -> (Self, Owned<T, O>) {
        let (promise, future) = Self::with_owner(owner);
        let owner = PhantomData;
        (promise, Owned { future, owner })
    }

    /// Marks the task as running, so that it can't be cancelled any more (unless its owner can stop it). False if it
    /// has been cancelled: then nobody wants it to run. A second call changes nothing, and says true again.
    ///
    /// ```
    /// let (mut promise, future) = trine_future::Promise::<u32>::new();
    /// assert!(promise.start());
    /// assert!(!future.cancel());
    /// ```
    pub fn start(&mut self) -> bool {
        // SAFETY: the producer's side of the block is alive.
        let state = &unsafe { self.block.header() }.state;
        state.claim() || state.load().phase() == Phase::Running
    }

    /// Takes [`start`](Self::start) back, for a task that has not begun after all: it can be cancelled again, and started
    /// again. Nothing happens if it was not started, or was cancelled meanwhile.
    ///
    /// ```
    /// let (mut promise, future) = trine_future::Promise::<u32>::new();
    /// promise.start();
    /// promise.put_back();
    /// assert!(!future.is_running() && future.cancel());
    /// ```
    pub fn put_back(&mut self) {
        // SAFETY: the producer's side of the block is alive.
        unsafe { self.block.header() }.state.put_back();
    }

    /// Whether the future was cancelled. A long task asks now and then.
    pub fn is_cancelled(&self) -> bool {
        // SAFETY: the producer's side of the block is alive.
        unsafe { self.block.header() }.state.load().phase() == Phase::Cancelled
    }

    /// Whether the task should stop: the future was cancelled, or [asks for it](Future::request_cancel).
    ///
    /// ```
    /// let (mut promise, future) = trine_future::Promise::<u32>::new();
    /// promise.start();
    /// future.request_cancel();
    /// assert!(promise.is_cancel_requested() && !promise.is_cancelled());
    /// promise.complete(3).unwrap();
    /// ```
    pub fn is_cancel_requested(&self) -> bool {
        // SAFETY: the producer's side of the block is alive.
        unsafe { self.block.header() }.state.load().is_cancel_requested()
    }

    /// Gives the value. Wakes whoever waits, then runs the callbacks, on this thread.
    ///
    /// # Errors
    ///
    /// The value itself, if the future was cancelled.
    #[inline]
    pub fn complete(self, value: T) -> Result<(), T> {
        let promise = ManuallyDrop::new(self);
        // SAFETY: the promise is the producer's side, and is not used after this.
        match unsafe { complete(promise.block, value) } {
            Ok(()) => Ok(()),
            Err(Ok(value)) => Err(value),
            Err(Err(_)) => unreachable!("the result that comes back is the one that was given"),
        }
    }

    /// Fails the future. Nothing happens if it was cancelled.
    ///
    /// ```
    /// use trine_future::{Promise, TaskError};
    ///
    /// let (promise, future) = Promise::<u32>::new();
    /// promise.fail(TaskError::refused("the server is closed"));
    /// assert!(future.result().unwrap_err().is_refused());
    /// ```
    pub fn fail(self, error: TaskError) {
        let _ = self.end(Err(error));
    }

    /// Gives the value or fails the future. The result is dropped if the future was cancelled.
    ///
    /// ```
    /// use trine_future::{Promise, TaskError};
    ///
    /// fn read() -> Result<u32, TaskError> {
    ///     Ok(7)
    /// }
    ///
    /// let (promise, future) = Promise::new();
    /// promise.finish(read());
    /// assert_eq!(future.result().unwrap(), 7);
    /// ```
    pub fn finish(self, result: Result<T, TaskError>) {
        let _ = self.end(result);
    }

    /// Cancels the future from this side: for an executor that gives up what is queued. A task that runs and can't be
    /// stopped is abandoned instead.
    ///
    /// ```
    /// let (promise, future) = trine_future::Promise::<u32>::new();
    /// promise.cancel();
    /// assert!(future.result().unwrap_err().is_cancelled());
    /// ```
    pub fn cancel(self) {
        // SAFETY: the producer's side of the block is alive. Dropping the promise lets go of it.
        unsafe { self.block.cancel() };
    }

    #[inline]
    fn end(self, result: TaskResult<T>) -> Result<(), TaskResult<T>> {
        let promise = ManuallyDrop::new(self);
        // SAFETY: the promise is the producer's side, and is not used after this.
        unsafe { finish::<T>(promise.block, result, Side::Producer) }
    }
}

/// The future of [`Promise::with_reachable_owner`].
///
/// ```
/// use trine_future::{Owned, Promise};
///
/// let (promise, future): (Promise<u32>, Owned<u32, ()>) = Promise::with_reachable_owner(());
/// promise.complete(7).unwrap();
/// assert_eq!(future.into_future().result().unwrap(), 7);
/// ```
#[derive(Debug)]
pub struct Owned<T, O> {
    future: Future<T>,
    /// What the block was made with.
    owner: PhantomData<fn() -> O>,
}

impl<T: Send + 'static, O: Owner> Owned<T, O> {
    /// The owner.
    pub fn owner(&self) -> &O {
        let block = self.future.block().whole::<T, NoWork, O>();
        // SAFETY: the block was made so by `with_owner`, the future keeps it alive, and an owner is shared (R1). No
        // reference to the rest of the block is made.
        unsafe { &(*block.as_ptr()).owner }
    }

    /// The future itself.
    pub fn into_future(self) -> Future<T> {
        self.future
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        // SAFETY: the promise is the producer's side, and is not used after this.
        let _ = unsafe { finish::<T>(self.block, Err(TaskError::abandoned()), Side::Producer) };
    }
}

impl<T> fmt::Debug for Promise<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: the producer's side of the block is alive.
        let phase = unsafe { self.block.header() }.state.load().phase();
        write!(formatter, "Promise<{}>({phase:?})", std::any::type_name::<T>())
    }
}
