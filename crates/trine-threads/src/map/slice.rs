//! A map over what the caller only lends.

use super::ThreadMap;
use crate::queues::Queues;
use std::sync::Arc;
use trine_future::TaskError;

/// See [`ThreadPool::map_slice`](crate::ThreadPool::map_slice).
pub(crate) fn map_slice<'a, F, T, R>(
    queues: &Arc<Queues>,
    function: &F,
    items: &'a [T],
) -> Vec<Result<R, TaskError>>
where
    F: Fn(&'a T) -> R + Sync,
    T: Sync,
    R: Send,
{
    // SAFETY: the function is a reference, and what it, the items and the results borrow outlives this call, which does
    // not end before the iterator has.
    let map = unsafe { ThreadMap::new(queues, function, items.iter()) };
    let mut map = Drained(map);
    let mut results = Vec::with_capacity(items.len());
    results.extend(map.0.by_ref());
    results
}

/// Does not go away before every element has ended, not even if something panics.
struct Drained<I, F, R>(ThreadMap<I, F, R>)
where
    I: Iterator,
    I::Item: Send,
    F: Fn(I::Item) -> R + Send + Sync,
    R: Send;

impl<I, F, R> Drop for Drained<I, F, R>
where
    I: Iterator,
    I::Item: Send,
    F: Fn(I::Item) -> R + Send + Sync,
    R: Send,
{
    fn drop(&mut self) {
        self.0.by_ref().for_each(drop);
    }
}
