//! A future whose task is not wanted any more when it is dropped.

use crate::{Future, TaskError};
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A [`Future`] that cancels its task when it is dropped, made by [`Future::cancel_on_drop`].
///
/// It is used as the future that is in it: by its methods, or by `.await`. What takes the future, as
/// [`map`](Future::map) does, comes before [`cancel_on_drop`](Future::cancel_on_drop). If the task runs already, it is asked to
/// stop, by [`request_cancel`](Future::request_cancel); if it has ended, nothing happens.
///
/// ```
/// use trine_future::Promise;
///
/// let (promise, future) = Promise::<u32>::new();
/// drop(future.cancel_on_drop());
/// assert!(promise.is_cancelled());
/// ```
#[must_use = "the task is cancelled at once if this is not kept"]
pub struct CancelOnDrop<T>(Future<T>);

impl<T> CancelOnDrop<T> {
    pub(crate) fn new(future: Future<T>) -> Self {
        Self(future)
    }

    /// Waits for the task to end and returns its result. See [`Future::result`].
    ///
    /// # Errors
    ///
    /// As [`Future::result`].
    ///
    /// ```
    /// use trine_future::Future;
    ///
    /// assert_eq!(Future::ready(7).cancel_on_drop().result()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn result(self) -> Result<T, TaskError> {
        self.detach().result()
    }

    /// The future, whose task goes on if it is dropped.
    ///
    /// ```
    /// use trine_future::Promise;
    ///
    /// let (promise, future) = Promise::<u32>::new();
    /// drop(future.cancel_on_drop().detach());
    /// assert!(!promise.is_cancelled());
    /// ```
    pub fn detach(self) -> Future<T> {
        Future::new(ManuallyDrop::new(self).block())
    }
}

impl<T> Deref for CancelOnDrop<T> {
    type Target = Future<T>;

    fn deref(&self) -> &Future<T> {
        &self.0
    }
}

impl<T> DerefMut for CancelOnDrop<T> {
    fn deref_mut(&mut self) -> &mut Future<T> {
        &mut self.0
    }
}

impl<T> Drop for CancelOnDrop<T> {
    fn drop(&mut self) {
        self.0.request_cancel();
    }
}

impl<T> std::future::Future for CancelOnDrop<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> fmt::Debug for CancelOnDrop<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("CancelOnDrop").field(&self.0).finish()
    }
}
