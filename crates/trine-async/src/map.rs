//! `map`: a task for each argument, so many at a time.

use crate::shared::Shared;
use trine_future::{Future, Map};

/// How many tasks of one [`AsyncPool::map`](crate::AsyncPool::map) are in flight at a time, unless
/// [`look_ahead`](Map::look_ahead) says otherwise, or the pool has a
/// [limit](crate::AsyncPoolBuilder::in_flight_limit) below that.
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

/// What every `map` comes down to. It alone never fills the pool: a task's place is free before its result is there.
pub(crate) fn map<I, S, R>(shared: &Shared, arguments: I, submit: S) -> Map<I::IntoIter, S, R>
where
    I: IntoIterator,
    S: FnMut(I::Item) -> Future<R>,
{
    let places = shared.limit.as_ref().map_or(usize::MAX, |limit| limit.places);
    Map::new(arguments.into_iter(), MAP_IN_FLIGHT, submit).at_most(places)
}
