//! A group for async code.

use super::{GroupFailure, TaskGroup};
use std::fmt;
#[cfg(feature = "stream")]
use std::task::{Context, Poll};

/// The stream of [`TaskGroup::into_stream`]: the tasks in the order in which they end, for async code on any runtime. Dropping it
/// drops the group.
///
/// With the feature `stream` it implements `futures_core::Stream`; [`next`](Self::next) works without.
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
/// use std::convert::Infallible;
/// use trine_future::{GroupStream, TaskGroup};
///
/// let mut group = TaskGroup::new();
/// for page in 1..=2 {
///     group.start(|| trine_future::Future::ready(page));
/// }
/// let mut pages: GroupStream<u32, Infallible> = group.into_stream();
/// assert!(block_on(pages.next()).is_some_and(|(_, page)| page.is_ok()));
/// assert_eq!(pages.into_group().join().unwrap().len(), 1);
/// ```
#[must_use = "a stream does nothing until it is polled"]
pub struct GroupStream<T, E>(TaskGroup<T, E>);

impl<T: Send + 'static, E: Send + 'static> GroupStream<T, E> {
    pub(super) fn new(group: TaskGroup<T, E>) -> Self {
        Self(group)
    }

    /// The next task that has ended; `None` when all have been yielded. It can be dropped before it is done: nothing is lost
    /// then.
    pub async fn next(&mut self) -> Option<(usize, Result<T, GroupFailure<E>>)> {
        self.0.next_async().await
    }

    /// The group, with what has not been yielded.
    pub fn into_group(self) -> TaskGroup<T, E> {
        self.0
    }
}

// Nothing in it is polled where it stands.
impl<T, E> Unpin for GroupStream<T, E> {}

#[cfg(feature = "stream")]
impl<T: Send + 'static, E: Send + 'static> futures_core::Stream for GroupStream<T, E> {
    type Item = (usize, Result<T, GroupFailure<E>>);

    fn poll_next(mut self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        Iterator::size_hint(&self.0)
    }
}

impl<T, E> fmt::Debug for GroupStream<T, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("GroupStream").field(&self.0).finish()
    }
}
