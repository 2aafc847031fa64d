//! `map`: a task for each argument, so many at a time.

use trine_future::{Future, Map};

/// How many tasks of one [`AsyncPool::map`](crate::AsyncPool::map) are in flight at a time, unless
/// [`look_ahead`](Map::look_ahead) says otherwise.
///
/// ```
/// use trine_async::{AsyncPool, MAP_IN_FLIGHT};
///
/// let pool = AsyncPool::new(1)?;
/// let lengths = pool.map(async |word: &str| word.len(), ["a", "bcd"]).look_ahead(2 * MAP_IN_FLIGHT);
/// assert_eq!(lengths.sum::<Result<usize, _>>()?, 4);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub const MAP_IN_FLIGHT: usize = 64;

/// What every `map` comes down to.
pub(crate) fn map<I, S, R>(arguments: I, submit: S) -> Map<I::IntoIter, S, R>
where
    I: IntoIterator,
    S: FnMut(I::Item) -> Future<R>,
{
    Map::new(arguments.into_iter(), MAP_IN_FLIGHT, submit)
}
