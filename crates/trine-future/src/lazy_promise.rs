//! A promise of what a result is made from.

use crate::block::{BlockPointer, Side, Stored, allocate};
use crate::owner::Owner;
use crate::snapshot::Snapshot;
use crate::work::Make;
use crate::{Future, TaskError};
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A [`Promise`](crate::Promise) whose future's result is made from the value by whoever takes it, on that thread.
///
/// It is what a promise and [`Future::try_map`] are together, at the price of the promise. Whoever gives the value need not know
/// what becomes of it: an executor that decodes results has promises of bytes, whatever the types of its futures. Dropped without
/// a value, the future fails with [`TaskError::is_abandoned`].
///
/// ```
/// use trine_future::{Future, LazyPromise, TaskError};
///
/// fn parse(text: &str) -> Result<u32, TaskError> {
///     text.parse().map_err(|error| TaskError::refused(format!("{error}")))
/// }
///
/// let (promise, future): (_, Future<u32>) = LazyPromise::with_owner((), parse);
/// promise.complete("7");
/// assert_eq!(future.result()?, 7);
/// # Ok::<(), TaskError>(())
/// ```
pub struct LazyPromise<T> {
    block: BlockPointer,
    // It takes a `T` and never gives one.
    given: PhantomData<fn(T)>,
}

// SAFETY: the promise moves a `T` from the thread that it is on, and nothing else; the block is shared by its rules.
unsafe impl<T: Send> Send for LazyPromise<T> {}
// SAFETY: `&LazyPromise` gives no access to a value, only to the state, which is atomic.
unsafe impl<T: Send> Sync for LazyPromise<T> {}

// As `Promise`.
impl<T> UnwindSafe for LazyPromise<T> {}
impl<T> RefUnwindSafe for LazyPromise<T> {}

impl<T: Send + 'static> LazyPromise<T> {
    /// A promise and its future, whose result is what `make` makes of the value. What waiting and cancelling mean for it, the
    /// `owner` says.
    ///
    /// If `make` fails or panics, that is found when the result is taken. Before that the state, the callbacks and
    /// [`wait`](crate::wait) know only that there is a value. If nobody takes the result, `make` is not called.
    ///
    /// ```
    /// use trine_future::{LazyPromise, TaskError};
    ///
    /// fn refuse(_: u32) -> Result<u32, TaskError> {
    ///     Err(TaskError::refused("no numbers today"))
    /// }
    ///
    /// let (promise, future) = LazyPromise::with_owner((), refuse);
    /// promise.complete(3);
    /// assert!(future.is_done());
    /// assert!(future.result().unwrap_err().is_refused());
    /// ```
    pub fn with_owner<U: Send + 'static>(
        owner: impl Owner,
        make: fn(T) -> Result<U, TaskError>,
    ) -> (Self, Future<U>) {
        let work = Make {
            given: None,
            function: make,
        };
        let block = allocate::<U, _, _>(Snapshot::PENDING, Stored { nothing: () }, work, owner);
        let given = PhantomData;
        (Self { block, given }, Future::new(block))
    }

    /// As [`Promise::start`](crate::Promise::start).
    ///
    /// ```
    /// let (mut promise, future) = trine_future::LazyPromise::<u32>::with_owner((), Ok);
    /// assert!(promise.start() && !future.cancel());
    /// ```
    pub fn start(&mut self) -> bool {
        // SAFETY: the producer's side of the block is alive.
        unsafe { self.block.header() }.state.start()
    }

    /// As [`Promise::put_back`](crate::Promise::put_back).
    ///
    /// ```
    /// let (mut promise, future) = trine_future::LazyPromise::<u32>::with_owner((), Ok);
    /// promise.start();
    /// promise.put_back();
    /// assert!(future.cancel());
    /// ```
    pub fn put_back(&mut self) {
        // SAFETY: the producer's side of the block is alive.
        unsafe { self.block.header() }.state.put_back();
    }

    /// Gives the value. Wakes whoever waits, then runs the callbacks, on this thread. The value is dropped here if the future was
    /// cancelled or dropped before.
    pub fn complete(self, value: T) {
        let promise = ManuallyDrop::new(self);
        // SAFETY: the promise is the producer's side, for values of this type, and is not used after this.
        unsafe { promise.block.finish_with(value) };
    }

    /// Fails the future. Nothing happens if it was cancelled.
    ///
    /// ```
    /// use trine_future::{LazyPromise, TaskError};
    ///
    /// let (promise, future) = LazyPromise::<u32>::with_owner((), Ok);
    /// promise.fail(TaskError::refused("the server is closed"));
    /// assert!(future.result().unwrap_err().is_refused());
    /// ```
    pub fn fail(self, error: TaskError) {
        ManuallyDrop::new(self).end(error);
    }

    /// As [`Promise::cancel`](crate::Promise::cancel).
    ///
    /// ```
    /// let (promise, future) = trine_future::LazyPromise::<u32>::with_owner((), Ok);
    /// promise.cancel();
    /// assert!(future.result().unwrap_err().is_cancelled());
    /// ```
    pub fn cancel(self) {
        // SAFETY: the producer's side of the block is alive. Dropping the promise lets go of it.
        unsafe { self.block.cancel(Side::Producer) };
    }
}

impl<T> LazyPromise<T> {
    /// Fails the future, and lets go of the producer's side. What the work would make is not there, so there is nothing to
    /// drop of it.
    fn end(&mut self, error: TaskError) {
        // SAFETY: the producer's side of the block is alive.
        let vtable = unsafe { self.block.header() }.vtable;
        // SAFETY: this is the producer's side, which is not used after this.
        unsafe { (vtable.fail)(self.block, error, Side::Producer) };
    }
}

impl<T> Drop for LazyPromise<T> {
    fn drop(&mut self) {
        self.end(TaskError::abandoned());
    }
}

impl<T> fmt::Debug for LazyPromise<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: the producer's side of the block is alive.
        let phase = unsafe { self.block.header() }.state.load().phase();
        write!(
            formatter,
            "LazyPromise<{}>({phase:?})",
            std::any::type_name::<T>()
        )
    }
}
