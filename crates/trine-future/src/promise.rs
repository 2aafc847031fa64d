//! The promise: the side of a future that gives the value.

use crate::block::{BlockPointer, Side, Stored, TaskResult, allocate};
use crate::ending::{complete, finish};
use crate::owner::{Drive, Owner, Waiting};
use crate::snapshot::{Phase, Snapshot};
use crate::work::NoWork;
use crate::{Future, TaskError};
use std::fmt;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use trine_platform::UnsafeCell;

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
#[doc(alias("oneshot", "set_result", "set_exception"))]
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

// As std's `Sender`: the user's panics are caught before they get to the state.
impl<T> UnwindSafe for Promise<T> {}
impl<T> RefUnwindSafe for Promise<T> {}

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

    /// [`with_owner`](Self::with_owner) for an executor that still wants to reach the owner, and whose producer has more to keep:
    /// both lie with the task, and need no allocation of their own.
    ///
    /// ```
    /// use std::sync::OnceLock;
    /// use trine_future::{Owner, Promise};
    ///
    /// struct Place(OnceLock<usize>);
    /// impl Owner for Place {}
    ///
    /// let (mut promise, future) = Promise::with_parts(Place(OnceLock::new()), String::from("re"));
    /// future.owner().0.set(3).unwrap();
    /// assert_eq!(promise.owner().0.get(), Some(&3));
    /// promise.kept().push_str("ady");
    /// let text = promise.kept().clone();
    /// promise.into_promise().complete(text).unwrap();
    /// assert_eq!(future.into_future().result()?, "ready");
    /// # Ok::<(), trine_future::TaskError>(())
    /// ```
    pub fn with_parts<O: Owner, K: Send + 'static>(
        owner: O,
        kept: K,
    ) -> (OwnedPromise<T, O, K>, OwnedFuture<T, O, K>) {
        let kept = UnsafeCell::new(MaybeUninit::new(kept));
        let (promise, future) = Self::with_owner(Parts { owner, kept });
        let parts = PhantomData;
        (OwnedPromise { promise, parts }, OwnedFuture { future, parts })
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
        unsafe { self.block.header() }.state.start()
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
        unsafe { self.block.cancel(Side::Producer) };
    }

    #[inline]
    fn end(self, result: TaskResult<T>) -> Result<(), TaskResult<T>> {
        let promise = ManuallyDrop::new(self);
        // SAFETY: the promise is the producer's side, and is not used after this.
        unsafe { finish::<T>(promise.block, result, Side::Producer) }
    }
}

/// The owner of a task whose producer reaches it, and what else that keeps. In this order, so that a small owner stands in one
/// cache line with the result: who takes that drops the owner, and has nothing to do with the rest.
#[repr(C)]
struct Parts<O, K> {
    owner: O,
    /// The producer's alone. It is dropped with the `OwnedPromise`, before the block is.
    kept: UnsafeCell<MaybeUninit<K>>,
}

// SAFETY: whoever shares this reaches the owner, which is `Sync`. The rest is the producer's alone, wherever that is, and
// `Send`.
unsafe impl<O: Sync, K: Send> Sync for Parts<O, K> {}

impl<O: Owner, K: Send + 'static> Owner for Parts<O, K> {
    const STOPS_RUNNING: bool = O::STOPS_RUNNING;

    fn drive(&self, waiting: Waiting<'_>) -> Drive {
        self.owner.drive(waiting)
    }

    fn take_back(&self) -> bool {
        self.owner.take_back()
    }

    fn withdraw(&self) {
        self.owner.withdraw();
    }

    fn stop(&self) {
        self.owner.stop();
    }
}

/// A promise with its owner, and what its producer keeps there: [`Promise::with_parts`]. It is used as the promise that is
/// in it.
///
/// ```
/// use trine_future::{OwnedPromise, Promise};
///
/// let (promise, future) = Promise::with_parts((), 3);
/// let promise: OwnedPromise<u32, (), u32> = promise;
/// promise.into_promise().complete(3).unwrap();
/// assert_eq!(future.into_future().result().unwrap(), 3);
/// ```
pub struct OwnedPromise<T, O: Owner, K: Send + 'static> {
    promise: Promise<T>,
    /// What the block was made with.
    parts: PhantomData<fn() -> (O, K)>,
}

impl<T, O: Owner, K: Send + 'static> OwnedPromise<T, O, K> {
    fn parts(&self) -> &Parts<O, K> {
        let block = self.promise.block.whole::<T, NoWork, Parts<O, K>>();
        // SAFETY: the block was made so by `with_parts`, the promise keeps it alive, and an owner is shared (R1). No
        // reference to the rest of the block is made.
        unsafe { &(*block.as_ptr()).owner }
    }

    /// The owner.
    pub fn owner(&self) -> &O {
        &self.parts().owner
    }

    /// What the producer keeps. It stays in its place, and is dropped with this, or by [`into_promise`](Self::into_promise).
    pub fn kept(&mut self) -> Pin<&mut K> {
        let kept = self.parts().kept.with_mut(|kept| kept.cast::<K>());
        // SAFETY: it is there until this is dropped, and whoever reaches it has this exclusively.
        let kept = unsafe { &mut *kept };
        // SAFETY: it is dropped in its place, and the block is not freed before.
        unsafe { Pin::new_unchecked(kept) }
    }

    /// [`Promise::start`].
    ///
    /// ```
    /// let (mut promise, future) = trine_future::Promise::<u32>::with_parts((), ());
    /// assert!(promise.start() && !future.into_future().cancel());
    /// ```
    pub fn start(&mut self) -> bool
    where
        T: Send + 'static,
    {
        self.promise.start()
    }

    /// The promise itself, without what was kept.
    pub fn into_promise(self) -> Promise<T> {
        let owned = ManuallyDrop::new(self);
        // SAFETY: the value is not used after this, but for what is kept in its block, which the promise keeps alive.
        let promise = unsafe { std::ptr::read(&raw const owned.promise) };
        // SAFETY: it is there, and nobody reaches it after this. If it unwinds, the promise is dropped.
        unsafe { owned.drop_kept() };
        promise
    }

    /// # Safety
    ///
    /// It has not been called before, and `kept` is not called after it.
    unsafe fn drop_kept(&self) {
        self.parts().kept.with_mut(|kept| {
            // SAFETY: passed on to the caller.
            unsafe { kept.cast::<K>().drop_in_place() };
        });
    }
}

/// A future with its owner, before it goes to whoever wants the result: [`Promise::with_parts`].
///
/// ```
/// use trine_future::{OwnedFuture, Promise};
///
/// let (promise, future) = Promise::with_parts((), ());
/// let future: OwnedFuture<u32, (), ()> = future;
/// assert_eq!(future.owner(), &());
/// drop(promise);
/// assert!(future.into_future().result().unwrap_err().is_abandoned());
/// ```
pub struct OwnedFuture<T, O: Owner, K: Send + 'static> {
    future: Future<T>,
    /// What the block was made with.
    parts: PhantomData<fn() -> (O, K)>,
}

impl<T, O: Owner, K: Send + 'static> OwnedFuture<T, O, K> {
    /// The owner.
    pub fn owner(&self) -> &O {
        let block = self.future.block().whole::<T, NoWork, Parts<O, K>>();
        // SAFETY: the block was made so by `with_parts`, the future keeps it alive, and an owner is shared (R1). No
        // reference to the rest of the block is made.
        unsafe { &(*block.as_ptr()).owner.owner }
    }

    /// The future itself.
    pub fn into_future(self) -> Future<T> {
        self.future
    }
}

impl<T, O: Owner, K: Send + 'static> fmt::Debug for OwnedFuture<T, O, K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.future.fmt(formatter)
    }
}

impl<T, O: Owner, K: Send + 'static> Drop for OwnedPromise<T, O, K> {
    fn drop(&mut self) {
        // SAFETY: it is there, because `into_promise` does not get here, and nobody reaches it after this.
        unsafe { self.drop_kept() };
    }
}

/// Not `DerefMut`: the promise in it must stay the one that was made with these parts.
impl<T, O: Owner, K: Send + 'static> Deref for OwnedPromise<T, O, K> {
    type Target = Promise<T>;

    fn deref(&self) -> &Promise<T> {
        &self.promise
    }
}

impl<T, O: Owner, K: Send + 'static> fmt::Debug for OwnedPromise<T, O, K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.promise.fmt(formatter)
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
