//! A function applied to many arguments by an executor.

use crate::crowd::Crowd;
use crate::many::Needs;
use crate::{Future, TaskError};
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::iter::{Fuse, FusedIterator};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The results of a function applied to many arguments, in the order of the arguments.
///
/// It is lazy: arguments are taken from their iterator, and tasks submitted, at most `look_ahead` before the one
/// whose result is next. `next` blocks until that one has ended. A failed task is an `Err` in its own place, and the
/// results after it still come. A panic of the iterator of the arguments reaches whoever called `next`, which may be called again
/// then. Dropping the iterator cancels what has not started.
///
/// Its methods set the order of the results and another look-ahead, and make it a stream for async code.
///
/// Pools return this from `map`. It is public for executors outside of this project.
///
/// ```
/// use trine_future::{Future, Map};
///
/// let doubled: Result<Vec<u32>, _> = Map::new(1..4, 2, |number| Future::ready(number * 2)).collect();
/// assert_eq!(doubled.unwrap(), [2, 4, 6]);
/// ```
#[must_use = "an iterator does nothing until it is advanced"]
pub struct Map<I: Iterator, S, R> {
    arguments: Fuse<I>,
    submit: S,
    look_ahead: usize,
    /// No look-ahead goes beyond this.
    limit: usize,
    window: Window<R>,
}

/// The tasks that have been submitted and whose results have not been taken.
enum Window<R> {
    InOrder(VecDeque<Future<R>>),
    AsCompleted(Crowd<Future<R>>),
}

impl<R> Window<R> {
    fn len(&self) -> usize {
        match self {
            Self::InOrder(futures) => futures.len(),
            Self::AsCompleted(futures) => futures.len(),
        }
    }
}

impl<I: Iterator, S: FnMut(I::Item) -> Future<R>, R> Map<I, S, R> {
    /// Applies `submit` to each of `arguments`, with at most `look_ahead` futures unfinished or untaken at a time. A
    /// look-ahead of 0 counts as 1.
    pub fn new(arguments: I, look_ahead: usize, submit: S) -> Self {
        Self {
            arguments: arguments.fuse(),
            submit,
            look_ahead: look_ahead.max(1),
            limit: usize::MAX,
            window: Window::InOrder(VecDeque::new()),
        }
    }

    /// Yields the results as they end, whatever the order of the arguments. Give the argument or a key back with the
    /// result to know which one it is.
    ///
    /// ```
    /// use trine_future::{Map, Promise};
    ///
    /// let (slow, first) = Promise::new();
    /// let (fast, second) = Promise::new();
    /// fast.complete(2).unwrap();
    /// let mut results = Map::new([first, second].into_iter(), 2, |future| future).unordered();
    /// assert_eq!(results.next().unwrap()?, 2);
    /// slow.complete(1).unwrap();
    /// assert_eq!(results.next().unwrap()?, 1);
    /// # Ok::<(), trine_future::TaskError>(())
    /// ```
    #[doc(alias("imap_unordered", "buffer_unordered", "completion_order"))]
    pub fn unordered(mut self) -> Self {
        if let Window::InOrder(futures) = &mut self.window {
            self.window = Window::AsCompleted(Crowd::new(std::mem::take(futures)));
        }
        self
    }

    /// Takes at most `elements` arguments more than it has yielded results, this one included: so many tasks are in
    /// flight. 0 counts as 1. It does not take more than a pool with a limit has room for: see [`at_most`](Self::at_most).
    ///
    /// ```
    /// use trine_future::{Future, Map};
    ///
    /// let taken = std::cell::Cell::new(0);
    /// let endless = (0..).inspect(|_| taken.set(taken.get() + 1));
    /// let first = Map::new(endless, 64, |number: u32| Future::ready(number)).look_ahead(3).next();
    /// assert_eq!((first.unwrap()?, taken.get()), (0, 3));
    /// # Ok::<(), trine_future::TaskError>(())
    /// ```
    #[doc(alias("buffersize", "buffered", "prefetch"))]
    pub fn look_ahead(mut self, elements: usize) -> Self {
        self.look_ahead = elements.max(1);
        self
    }

    /// For executors whose pools have limits: no more than `elements` tasks are in flight, whatever the
    /// [look-ahead](Self::look_ahead) is, before this or after. 0 counts as 1. Called again it can only lower that.
    ///
    /// ```
    /// use trine_future::{Future, Map};
    ///
    /// let taken = std::cell::Cell::new(0);
    /// let endless = (0..).inspect(|_| taken.set(taken.get() + 1));
    /// let mut results = Map::new(endless, 64, |number: u32| Future::ready(number)).at_most(2).look_ahead(3);
    /// assert_eq!((results.next().unwrap()?, taken.get()), (0, 2));
    /// # Ok::<(), trine_future::TaskError>(())
    /// ```
    pub fn at_most(mut self, elements: usize) -> Self {
        self.limit = self.limit.min(elements.max(1));
        self
    }

    /// The same for async code, as a stream.
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
    /// use trine_future::{Future, Map};
    ///
    /// let mut doubled = Map::new(1..3, 2, |number| Future::ready(number * 2)).into_stream();
    /// block_on(async {
    ///     assert_eq!(doubled.next().await.unwrap().unwrap(), 2);
    ///     assert_eq!(doubled.next().await.unwrap().unwrap(), 4);
    ///     assert!(doubled.next().await.is_none());
    /// });
    /// ```
    pub fn into_stream(self) -> MapStream<I, S, R> {
        MapStream(self)
    }

    /// Submits as much as may be in flight.
    fn fill(&mut self) {
        while self.window.len() < self.look_ahead.min(self.limit) {
            let Some(argument) = self.arguments.next() else {
                break;
            };
            let future = (self.submit)(argument);
            match &mut self.window {
                Window::InOrder(futures) => futures.push_back(future),
                Window::AsCompleted(futures) => futures.push(future),
            }
        }
    }
}

impl<I: Iterator, S: FnMut(I::Item) -> Future<R>, R> Iterator for Map<I, S, R> {
    type Item = Result<R, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.fill();
        match &mut self.window {
            Window::InOrder(futures) => futures.pop_front(),
            Window::AsCompleted(futures) => futures.next(Needs::One, None),
        }
        .map(Future::result)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.arguments.size_hint();
        let window = self.window.len();
        (
            least.saturating_add(window),
            most.and_then(|most| most.checked_add(window)),
        )
    }
}

impl<I: Iterator, S: FnMut(I::Item) -> Future<R>, R> FusedIterator for Map<I, S, R> {}

impl<I: Iterator, S, R> Drop for Map<I, S, R> {
    fn drop(&mut self) {
        let cancel = |future: &Future<R>| _ = future.cancel();
        match &self.window {
            Window::InOrder(futures) => futures.iter().for_each(cancel),
            Window::AsCompleted(futures) => futures.iter().for_each(cancel),
        }
    }
}

impl<I: Iterator, S, R> fmt::Debug for Map<I, S, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Map")
            .field("submitted", &self.window.len())
            .finish_non_exhaustive()
    }
}

/// The stream of [`Map::into_stream`]: the results of a function applied to many arguments, for async code on any runtime.
///
/// With the feature `stream` it implements `futures_core::Stream`; [`next`](Self::next) works without. Dropping it cancels
/// what has not ended, if that can be stopped.
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
/// use trine_future::{Future, Map, MapStream};
///
/// async fn sum<I, S>(mut numbers: MapStream<I, S, u32>) -> u32
/// where
///     I: Iterator,
///     S: FnMut(I::Item) -> Future<u32>,
/// {
///     let mut sum = 0;
///     while let Some(Ok(number)) = numbers.next().await {
///         sum += number;
///     }
///     sum
/// }
///
/// let squares = Map::new(1..4, 2, |number| Future::ready(number * number)).into_stream();
/// assert_eq!(block_on(sum(squares)), 14);
/// ```
#[must_use = "a stream does nothing until it is polled"]
pub struct MapStream<I: Iterator, S, R>(Map<I, S, R>);

impl<I: Iterator, S: FnMut(I::Item) -> Future<R>, R> MapStream<I, S, R> {
    /// The next result; `None` when all have been yielded. It can be dropped before it is done: nothing is lost then.
    pub async fn next(&mut self) -> Option<Result<R, TaskError>> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<R, TaskError>>> {
        self.0.fill();
        match &mut self.0.window {
            Window::InOrder(futures) => {
                let Some(first) = futures.front_mut() else {
                    return Poll::Ready(None);
                };
                let polled = std::future::Future::poll(Pin::new(first), context);
                polled.map(|result| {
                    futures.pop_front();
                    Some(result)
                })
            }
            Window::AsCompleted(futures) => futures.poll_next(context).map(|ended| ended.map(Future::result)),
        }
    }
}

// Nothing in it is polled where it stands.
impl<I: Iterator, S, R> Unpin for MapStream<I, S, R> {}

#[cfg(feature = "stream")]
impl<I: Iterator, S: FnMut(I::Item) -> Future<R>, R> futures_core::Stream for MapStream<I, S, R> {
    type Item = Result<R, TaskError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<I: Iterator, S, R> fmt::Debug for MapStream<I, S, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MapStream")
            .field("submitted", &self.0.window.len())
            .finish_non_exhaustive()
    }
}
