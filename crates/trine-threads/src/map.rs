//! `map`: a function applied to many arguments, with one task for many elements.
//!
//! The consumer (`consumer.rs`), who iterates, takes arguments from their iterator and puts them into chunks
//! (`chunk.rs`), as many and as long as `pace.rs` says. Threads of the pool take turns at the chunks (`backlog.rs`, `shared.rs`), and leave the
//! results where the arguments were. The consumer takes them from there as soon as they and, in the order of the input,
//! their predecessors are there.

mod backlog;
pub(crate) mod chunk;
mod consumer;
mod pace;
mod shared;
mod slice;
pub(crate) mod slot;
pub(crate) mod strip;
mod timed;

pub(crate) use slice::map_slice;
pub use timed::{MapTimedOut, TimedThreadMap};

use crate::queues::Queues;
use consumer::Consumer;
use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;
use std::time::Duration;
use trine_future::TaskError;

/// The results of a function applied to many arguments on a thread pool: what
/// [`ThreadPool::map`](crate::ThreadPool::map) returns.
///
/// It is lazy. `next` takes arguments from their iterator, a bounded number ahead of the element that is yielded, has
/// them run, and blocks until the next element has ended. Nothing is taken before the first `next`. A panic of the
/// function is an `Err` in the place of its element, and those after it still come. A panic of the iterator of the
/// arguments reaches whoever called `next`; what was taken before it still comes then.
///
/// Short elements are handed over many at a time, in chunks of about 50 µs of work, which grow from one element on as
/// their time is measured. A chunk holds nothing up: an element is yielded when it has ended, not when its chunk has,
/// and what has not started is taken over by workers that are idle. (Where many short elements are under way, the caller
/// looks for results after up to a millisecond, instead of being woken for one.) Only `next` takes arguments, and it takes as many
/// as there is room for before it yields: an iterator of arguments that blocks holds back what has ended.
///
/// Dropping the iterator cancels what has not started. It does not wait for what runs.
///
/// `next` may be called on a worker of the same pool: it then runs elements of this map itself, instead of waiting
/// for other workers to do so.
///
/// ```
/// use trine_threads::ThreadPool;
///
/// let pool = ThreadPool::new(2)?;
/// let mut squares = pool.map(|number: u64| number * number, 1..);
/// assert_eq!(squares.next().unwrap()?, 1);
/// assert_eq!(squares.next().unwrap()?, 4);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[must_use = "an iterator does nothing until it is advanced"]
pub struct ThreadMap<I: Iterator, F, R>(Consumer<I, F, R>);

impl<I, F, R> ThreadMap<I, F, R>
where
    I: Iterator,
    I::Item: Send + 'static,
    F: Fn(I::Item) -> R + Send + Sync + 'static,
    R: Send + 'static,
{
    pub(crate) fn new(queues: &Arc<Queues>, function: F, arguments: I) -> Self {
        Self(Consumer::new(queues, function, arguments))
    }

    /// Yields the results as they end, whatever the order of the arguments. Give the argument or a key back with the
    /// result to know which one it is.
    ///
    /// ```
    /// # let pool = trine_threads::ThreadPool::new(2)?;
    /// let lengths = pool.map(|word: &str| (word, word.len()), ["to", "be", "or"]);
    /// for result in lengths.unordered() {
    ///     let (word, length) = result?;
    ///     assert_eq!((word.len(), length), (2, 2));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias("imap_unordered", "as_completed", "completion_order"))]
    pub fn unordered(mut self) -> Self {
        self.0.give_order_up();
        self
    }

    /// Takes at most `elements` arguments more than it has yielded results, this one included.
    ///
    /// By default there are four chunks a worker, so four elements a worker if they take long, and twelve of short elements. More helps if a few
    /// elements take much longer than the others; less saves memory.
    ///
    /// # Panics
    ///
    /// If `elements` is 0.
    ///
    /// ```
    /// # let pool = trine_threads::ThreadPool::new(2)?;
    /// let taken = std::cell::Cell::new(0);
    /// let endless = (0..).inspect(|_| taken.set(taken.get() + 1));
    /// let first = pool.map(|number: u32| number, endless).look_ahead(3).next();
    /// assert_eq!((first.unwrap()?, taken.get()), (0, 3));
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias("buffersize", "buffered", "prefetch"))]
    #[track_caller]
    pub fn look_ahead(mut self, elements: usize) -> Self {
        assert!(
            elements > 0,
            "a map with a look-ahead of 0 would never take an argument: 1 is the least"
        );
        self.0.set_look_ahead(elements);
        self
    }

    /// Hands over so many elements at a time, instead of as many as make about 50 µs of work. The last chunk is shorter,
    /// and so is one that would exceed the look-ahead. It changes the speed, and nothing else.
    ///
    /// # Panics
    ///
    /// If `elements` is 0.
    ///
    /// ```
    /// # let pool = trine_threads::ThreadPool::new(2)?;
    /// let sum: Result<u64, _> = pool.map(|number| number, 0..1_000).chunk_size(100).sum();
    /// assert_eq!(sum?, 499_500);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias("chunksize", "with_min_len", "with_max_len"))]
    #[track_caller]
    pub fn chunk_size(mut self, elements: usize) -> Self {
        assert!(
            elements > 0,
            "a chunk of 0 elements would hold nothing: 1 is the least"
        );
        self.0.set_chunk_size(elements);
        self
    }

    /// Yields results for no longer than `timeout`, counted from this call. It comes last, after the other settings.
    ///
    /// The iterator then yields `Ok` for each result. When the time is over it takes no more arguments. What has ended
    /// by then is yielded, in input order up to the first element that has not; then, if that was not all, comes one
    /// [`MapTimedOut`], what has not started is cancelled, and that is the end. A timed wait never runs elements on the
    /// calling thread.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # let pool = trine_threads::ThreadPool::new(2)?;
    /// let pages = pool.map(|page: u32| page + 1, [1, 2]).timeout(Duration::from_secs(60));
    /// for page in pages {
    ///     println!("{}", page??); // the time-out first, then the element's own error
    /// }
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn timeout(self, timeout: Duration) -> TimedThreadMap<I, F, R> {
        TimedThreadMap::new(self.0, timeout)
    }
}

impl<I, F, R> Iterator for ThreadMap<I, F, R>
where
    I: Iterator,
    I::Item: Send + 'static,
    F: Fn(I::Item) -> R + Send + Sync + 'static,
    R: Send + 'static,
{
    type Item = Result<R, TaskError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_until(None)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<I, F, R> FusedIterator for ThreadMap<I, F, R>
where
    I: Iterator,
    I::Item: Send + 'static,
    F: Fn(I::Item) -> R + Send + Sync + 'static,
    R: Send + 'static,
{
}

impl<I: Iterator, F, R> fmt::Debug for ThreadMap<I, F, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ThreadMap")
            .field("unfinished", &self.0.unfinished())
            .field("chunks", &self.0.chunks())
            .finish_non_exhaustive()
    }
}
