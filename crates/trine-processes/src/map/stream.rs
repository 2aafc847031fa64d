//! The results of a map, for async code.

use super::ProcessMap;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use trine_future::{Future, TaskError};

/// The stream of [`ProcessMap::into_stream`]: the results of a function applied to many arguments, for async code on any
/// runtime.
///
/// With the feature `stream` it implements `futures_core::Stream`; [`next`](Self::next) works without. Dropping it cancels
/// what has not started.
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
/// # let pool = trine_processes::ProcessPool::new(2)?;
/// let mut squares = pool.map(|number: u32| number * number, 1..4).into_stream();
/// let mut sum = 0;
/// block_on(async {
///     while let Some(Ok(square)) = squares.next().await {
///         sum += square;
///     }
/// });
/// assert_eq!(sum, 14);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[must_use = "a stream does nothing until it is polled"]
pub struct ProcessMapStream<'pool, I: Iterator, R> {
    map: ProcessMap<'pool, I, R>,
    /// Done when something has arrived.
    arrival: Option<Future<()>>,
}

impl<'pool, I: Iterator, R> ProcessMapStream<'pool, I, R> {
    pub(super) fn new(map: ProcessMap<'pool, I, R>) -> Self {
        Self { map, arrival: None }
    }
}

impl<I: Iterator, R> ProcessMapStream<'_, I, R>
where
    I::Item: Serialize + DeserializeOwned + Send + 'static,
    R: DeserializeOwned + 'static,
{
    /// The next result; `None` when all have been yielded. It can be dropped before it is done: nothing is lost then.
    pub async fn next(&mut self) -> Option<Result<R, TaskError>> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<R, TaskError>>> {
        self.map.fill();
        loop {
            if let Some(result) = self.map.next_arrived() {
                return Poll::Ready(Some(result));
            }
            if self.map.under_way() == 0 {
                return Poll::Ready(None);
            }
            if self.arrival.is_none() {
                self.arrival = self.map.listen();
            }
            if let Some(arrival) = &mut self.arrival {
                // The mailbox does not go before the map.
                let _ = ready!(std::future::Future::poll(Pin::new(arrival), context));
                self.arrival = None;
            }
            self.map.receive();
        }
    }
}

// Nothing in it is polled where it stands.
impl<I: Iterator, R> Unpin for ProcessMapStream<'_, I, R> {}

#[cfg(feature = "stream")]
impl<I: Iterator, R> futures_core::Stream for ProcessMapStream<'_, I, R>
where
    I::Item: Serialize + DeserializeOwned + Send + 'static,
    R: DeserializeOwned + 'static,
{
    type Item = Result<R, TaskError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        Iterator::size_hint(&self.map)
    }
}

impl<I: Iterator, R> fmt::Debug for ProcessMapStream<'_, I, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProcessMapStream")
            .field("under_way", &self.map.under_way())
            .finish_non_exhaustive()
    }
}
