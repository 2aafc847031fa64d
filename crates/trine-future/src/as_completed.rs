//! Futures in the order in which they end.

use crate::Future;
use crate::crowd::Crowd;
use crate::many::Needs;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::iter::FusedIterator;
use std::task::{Context, Poll};
use std::time::Duration;
use trine_platform::Deadline;

/// What [`as_completed`] takes, and [`wait`](crate::wait): a future, alone or with something that tells which one it is.
///
/// A type of one's own can be one:
///
/// ```
/// use trine_future::{Completable, Future, as_completed};
///
/// struct Download {
///     url: &'static str,
///     page: Future<String>,
/// }
///
/// impl Completable for Download {
///     type Value = String;
///
///     fn future(&mut self) -> &mut Future<String> {
///         &mut self.page
///     }
/// }
///
/// let downloads = [Download { url: "/index", page: Future::ready("text".to_owned()) }];
/// for download in as_completed(downloads) {
///     println!("{}: {}", download.url, download.page.result()?);
/// }
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "futures or `(key, future)` pairs can be waited for, not `{Self}`",
    note = "futures of different types become one type by `future.map(...)`"
)]
pub trait Completable {
    /// The type of the task's value.
    type Value;

    /// The future in it.
    fn future(&mut self) -> &mut Future<Self::Value>;
}

impl<T> Completable for Future<T> {
    type Value = T;

    fn future(&mut self) -> &mut Future<T> {
        self
    }
}

impl<K, T> Completable for (K, Future<T>) {
    type Value = T;

    fn future(&mut self) -> &mut Future<T> {
        &mut self.1
    }
}

/// An iterator over `futures` in the order in which they end; `next` blocks until one has ended.
///
/// Those that have ended when they are looked at for the first time, which the calls of `next` do one after the other,
/// come before the others. The futures can be of any pools, mixed. Each comes back done, alone or with the key that it was given with, so
/// that `result()` on it does not block. What the iterator has yielded it does not keep. Those that are left when it
/// is dropped are detached; [`into_unfinished`](AsCompleted::into_unfinished) gives them back instead, and
/// [`timeout`](AsCompleted::timeout) sets an end to the waiting. A completion costs the same whatever the number of
/// futures.
///
/// # Panics
///
/// With 2^32 - 4 futures or more.
///
/// ```
/// use trine_future::{Promise, as_completed};
///
/// let (slow, first) = Promise::new();
/// let (fast, second) = Promise::new();
/// fast.complete(2).unwrap();
/// let mut pages = as_completed([("first", first), ("second", second)]);
///
/// let (name, future) = pages.next().unwrap();
/// assert_eq!((name, future.result()?), ("second", 2));
/// slow.complete(1).unwrap();
/// let (name, future) = pages.next().unwrap();
/// assert_eq!((name, future.result()?), ("first", 1));
/// assert!(pages.next().is_none());
/// # Ok::<(), trine_future::TaskError>(())
/// ```
pub fn as_completed<C: Completable>(futures: impl IntoIterator<Item = C>) -> AsCompleted<C> {
    let crowd = Crowd::new(futures);
    AsCompleted {
        total: crowd.len(),
        crowd,
    }
}

/// The iterator of [`as_completed`].
///
/// ```
/// use trine_future::{AsCompleted, Future, as_completed};
///
/// let mut futures: AsCompleted<Future<u32>> = as_completed([Future::ready(1), Future::ready(2)]);
/// assert_eq!(futures.len(), 2);
/// assert_eq!(futures.next().unwrap().result()?, 1);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[must_use = "an iterator does nothing until it is advanced"]
pub struct AsCompleted<C> {
    pub(crate) crowd: Crowd<C>,
    total: usize,
}

impl<C: Completable> AsCompleted<C> {
    /// Waits no longer than `timeout`, counted from this call.
    ///
    /// The iterator then yields `Ok` for each future. What has ended by then is yielded first, even if it is asked
    /// for later; then, if some have not, comes one [`TimedOut`], and that is all. `Duration::ZERO` gives what has
    /// ended without blocking. A timed wait never runs a task on the calling thread.
    ///
    /// ```
    /// use std::time::Duration;
    /// use trine_future::{Future, Promise, as_completed};
    ///
    /// let (_promise, slow) = Promise::new();
    /// let mut pages = as_completed([slow, Future::ready("fast")]).timeout(Duration::from_millis(1));
    /// assert_eq!(pages.next().unwrap()?.result()?, "fast");
    /// let timed_out = pages.next().unwrap().unwrap_err();
    /// assert_eq!(timed_out.to_string(), "1 (of 2) futures unfinished");
    /// assert!(pages.next().is_none());
    /// assert_eq!(pages.into_unfinished().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn timeout(self, timeout: Duration) -> TimedAsCompleted<C> {
        TimedAsCompleted {
            deadline: Deadline::after(timeout),
            is_over: false,
            futures: self,
        }
    }

    /// Gives back what has not been yielded, in the order of the input. Some of it may have ended.
    ///
    /// ```
    /// use trine_future::{Promise, as_completed};
    ///
    /// let (_promise, future) = Promise::<u32>::new();
    /// let futures = as_completed([("page", future)]);
    /// let [(key, future)] = futures.into_unfinished().try_into().unwrap();
    /// assert!(key == "page" && future.cancel());
    /// ```
    pub fn into_unfinished(self) -> Vec<C> {
        self.crowd.into_items()
    }

    /// The same for async code, as a stream. What this iterator has yielded does not come again.
    ///
    /// ```
    /// # fn block_on<F: Future>(future: F) -> F::Output {
    /// #     let mut future = std::pin::pin!(future);
    /// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     loop {
    /// #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
    /// #             return output;
    /// #         }
    /// #     }
    /// # }
    /// use trine_future::as_completed;
    ///
    /// let pages = [1, 2].map(|page| (page, trine_future::Future::ready(page * 10)));
    /// block_on(async {
    ///     let mut pages = as_completed(pages).into_stream();
    ///     while let Some((page, future)) = pages.next().await {
    ///         assert_eq!(future.await.unwrap(), page * 10);
    ///     }
    /// });
    /// ```
    #[doc(alias("FuturesUnordered", "JoinSet", "select"))]
    pub fn into_stream(self) -> CompletedStream<C> {
        CompletedStream(self)
    }
}

/// The stream of [`AsCompleted::into_stream`]: futures in the order in which they end, for async code on any runtime.
///
/// With the feature `stream` it implements `futures_core::Stream`; [`next`](Self::next) works without.
///
/// ```
/// # fn block_on<F: std::future::Future>(future: F) -> F::Output {
/// #     let mut future = std::pin::pin!(future);
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     loop {
/// #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
/// #             return output;
/// #         }
/// #     }
/// # }
/// use trine_future::{CompletedStream, Future, Promise, as_completed};
///
/// async fn first(mut pages: CompletedStream<Future<u32>>) -> Option<u32> {
///     pages.next().await?.await.ok()
/// }
///
/// let (_never_completed, slow) = Promise::new();
/// let pages = as_completed([slow, Future::ready(2)]).into_stream();
/// assert_eq!(block_on(first(pages)), Some(2));
/// ```
#[must_use = "a stream does nothing until it is polled"]
pub struct CompletedStream<C>(AsCompleted<C>);

impl<C: Completable> CompletedStream<C> {
    /// The next future that has ended; `None` when all have been yielded. It can be dropped before it is done: nothing is
    /// lost then.
    pub async fn next(&mut self) -> Option<C> {
        poll_fn(|context| self.poll(context)).await
    }

    /// Gives back what has not been yielded, in the order of the input. Some of it may have ended.
    pub fn into_unfinished(self) -> Vec<C> {
        self.0.into_unfinished()
    }

    fn poll(&mut self, context: &Context<'_>) -> Poll<Option<C>> {
        self.0.crowd.poll_next(context)
    }
}

// Nothing in it is polled where it stands.
impl<C> Unpin for CompletedStream<C> {}

#[cfg(feature = "stream")]
impl<C: Completable> futures_core::Stream for CompletedStream<C> {
    type Item = C;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<C>> {
        self.poll(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<C> fmt::Debug for CompletedStream<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CompletedStream")
            .field("unfinished", &self.0.crowd.len())
            .finish_non_exhaustive()
    }
}

impl<C: Completable> Iterator for AsCompleted<C> {
    type Item = C;

    fn next(&mut self) -> Option<C> {
        self.crowd.next(Needs::One, None)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.crowd.len(), Some(self.crowd.len()))
    }
}

impl<C: Completable> ExactSizeIterator for AsCompleted<C> {}
impl<C: Completable> FusedIterator for AsCompleted<C> {}

impl<C> fmt::Debug for AsCompleted<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AsCompleted")
            .field("unfinished", &self.crowd.len())
            .finish_non_exhaustive()
    }
}

/// The iterator of [`AsCompleted::timeout`].
///
/// ```
/// use std::time::Duration;
/// use trine_future::{Future, TimedAsCompleted, TimedOut, as_completed};
///
/// let (_promise, slow) = trine_future::Promise::<u32>::new();
/// let mut futures: TimedAsCompleted<Future<u32>> = as_completed([slow]).timeout(Duration::ZERO);
/// assert_eq!(futures.next().unwrap().unwrap_err(), TimedOut { unfinished: 1, total: 1 });
/// assert!(futures.next().is_none());
/// ```
#[must_use = "an iterator does nothing until it is advanced"]
pub struct TimedAsCompleted<C> {
    futures: AsCompleted<C>,
    deadline: Deadline,
    /// The time-out has been reported.
    is_over: bool,
}

impl<C: Completable> TimedAsCompleted<C> {
    /// Gives back what has not been yielded, in the order of the input. Some of it may have ended meanwhile.
    pub fn into_unfinished(self) -> Vec<C> {
        self.futures.into_unfinished()
    }
}

impl<C: Completable> Iterator for TimedAsCompleted<C> {
    type Item = Result<C, TimedOut>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        if let Some(item) = self.futures.crowd.next(Needs::One, Some(&self.deadline)) {
            return Some(Ok(item));
        }
        self.is_over = true;
        let unfinished = self.futures.crowd.len();
        (unfinished > 0).then(|| {
            Err(TimedOut {
                unfinished,
                total: self.futures.total,
            })
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let most = if self.is_over { 0 } else { self.futures.crowd.len() };
        (most.min(1), Some(most))
    }
}

impl<C: Completable> FusedIterator for TimedAsCompleted<C> {}

impl<C> fmt::Debug for TimedAsCompleted<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TimedAsCompleted")
            .field("unfinished", &self.futures.crowd.len())
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}

/// The time of an [`AsCompleted::timeout`] is over, and not all futures have ended.
#[doc(alias = "TimeoutError")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut {
    /// How many have not ended.
    pub unfinished: usize,
    /// How many were given to [`as_completed`].
    pub total: usize,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} (of {}) futures unfinished",
            self.unfinished, self.total
        )
    }
}

impl Error for TimedOut {}
