//! Futures in the order in which they end.

use crate::Future;
use crate::many::{Many, offer};
use std::fmt;
use std::iter::FusedIterator;

/// What [`as_completed`] takes: a future, alone or with something that tells which one it is.
#[diagnostic::on_unimplemented(
    message = "`as_completed` takes futures or `(key, future)` pairs, not `{Self}`",
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
/// The futures can be of any pools, mixed. Each comes back done, alone or with the key that it was given with, so
/// that `result()` on it does not block. What the iterator has yielded it does not keep; those that are left when
/// it is dropped are detached. A completion costs the same whatever the number of futures.
///
/// # Panics
///
/// With 2^32 - 2 futures or more.
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
    let mut items: Vec<Option<C>> = futures.into_iter().map(Some).collect();
    let many = Many::new(items.len());
    for (number, item) in items.iter_mut().enumerate() {
        if let Some(item) = item {
            many.watch(number, item.future());
        }
    }
    AsCompleted {
        unfinished: items.len(),
        items,
        many,
    }
}

/// The iterator of [`as_completed`].
pub struct AsCompleted<C> {
    /// What has been yielded is gone from its place.
    items: Vec<Option<C>>,
    many: Many,
    unfinished: usize,
}

impl<C: Completable> Iterator for AsCompleted<C> {
    type Item = C;

    fn next(&mut self) -> Option<C> {
        if self.unfinished == 0 {
            return None;
        }
        let items = &mut self.items;
        let number = self.many.next(None, |number| {
            let item = items.get_mut(number)?;
            Some(item.as_mut().is_some_and(|item| offer(item.future())))
        })?;
        self.unfinished -= 1;
        self.items[number].take()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.unfinished, Some(self.unfinished))
    }
}

impl<C: Completable> ExactSizeIterator for AsCompleted<C> {}
impl<C: Completable> FusedIterator for AsCompleted<C> {}

impl<C> fmt::Debug for AsCompleted<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AsCompleted")
            .field("unfinished", &self.unfinished)
            .finish_non_exhaustive()
    }
}
