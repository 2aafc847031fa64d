//! A map with an end to the waiting.

use super::consumer::Consumer;
use std::error::Error;
use std::fmt;
use std::iter::FusedIterator;
use std::time::Duration;
use trine_future::TaskError;
use trine_platform::Deadline;

/// The iterator of [`ThreadMap::timeout`](crate::ThreadMap::timeout).
///
/// ```
/// use std::time::Duration;
///
/// # let pool = trine_threads::ThreadPool::new(2)?;
/// let mut lengths = pool.map(str::len, ["a", "bc"]).timeout(Duration::from_secs(60));
/// assert_eq!(lengths.next().unwrap()??, 1);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[must_use = "an iterator does nothing until it is advanced"]
pub struct TimedThreadMap<I: Iterator, F, R> {
    consumer: Consumer<I, F, R>,
    deadline: Deadline,
    is_over: bool,
}

impl<I: Iterator, F, R> TimedThreadMap<I, F, R> {
    pub(super) fn new(consumer: Consumer<I, F, R>, timeout: Duration) -> Self {
        Self {
            consumer,
            deadline: Deadline::after(timeout),
            is_over: false,
        }
    }
}

impl<I, F, R> Iterator for TimedThreadMap<I, F, R>
where
    I: Iterator,
    I::Item: Send + 'static,
    F: Fn(I::Item) -> R + Send + Sync + 'static,
    R: Send + 'static,
{
    type Item = Result<Result<R, TaskError>, MapTimedOut>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        if let Some(result) = self.consumer.next_until(Some(&self.deadline)) {
            return Some(Ok(result));
        }
        self.is_over = true;
        let unfinished = self.consumer.unfinished();
        let is_complete = unfinished == 0 && self.consumer.is_exhausted();
        self.consumer.cancel();
        (!is_complete).then_some(Err(MapTimedOut { unfinished }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.consumer.size_hint();
        (least.min(1), most)
    }
}

impl<I, F, R> FusedIterator for TimedThreadMap<I, F, R>
where
    I: Iterator,
    I::Item: Send + 'static,
    F: Fn(I::Item) -> R + Send + Sync + 'static,
    R: Send + 'static,
{
}

impl<I: Iterator, F, R> fmt::Debug for TimedThreadMap<I, F, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TimedThreadMap")
            .field("unfinished", &self.consumer.unfinished())
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}

/// The time of a [`ThreadMap::timeout`](crate::ThreadMap::timeout) is over, and not all elements have ended.
///
/// ```
/// use std::time::Duration;
/// use trine_threads::MapTimedOut;
///
/// # let pool = trine_threads::ThreadPool::new(2)?;
/// let mut numbers = pool.map(|number: u32| number, [1, 2]).timeout(Duration::ZERO);
/// match numbers.find_map(Result::err) {
///     Some(MapTimedOut { unfinished }) => println!("{unfinished} are missing"),
///     None => println!("all came in time"),
/// }
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapTimedOut {
    /// How many elements were taken from the input and not yielded. What is left in the input is not counted.
    pub unfinished: usize,
}

impl fmt::Display for MapTimedOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the time of the map is over, and {} elements that were taken from its input are unfinished",
            self.unfinished
        )
    }
}

impl Error for MapTimedOut {}
