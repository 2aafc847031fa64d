//! `map`: a function applied to many arguments, with one task for many elements.
//!
//! The consumer, who iterates, takes arguments from their iterator and puts them into chunks (`chunk.rs`), as many and
//! as long as `pace.rs` says. Threads of the pool take turns at the chunks (`backlog.rs`, `shared.rs`), and leave the
//! results where the arguments were. The consumer takes them from there as soon as they and, in the order of the input,
//! their predecessors are there.

mod backlog;
pub(crate) mod chunk;
mod pace;
mod shared;
mod slice;
pub(crate) mod strip;
mod timed;

pub(crate) use slice::map_slice;
pub use timed::{MapTimedOut, TimedThreadMap};

use crate::queues::Queues;
use crate::worker;
use chunk::{Arguments, Chunk, Harvest};
use pace::Pace;
use shared::Shared;
use std::collections::VecDeque;
use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;
use std::time::{Duration, Instant};
use trine_future::{TaskError, while_blocked};
use trine_platform::Deadline;

/// How many chunks a worker there are at most, if nobody has set a look-ahead: with one element each, or with more. The
/// latter are short, so that the consumer has to have some more of them when it sleeps.
const CHUNKS_AHEAD: [usize; 2] = [4, 12];

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
/// and what has not started is taken over by workers that are idle.
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
pub struct ThreadMap<I: Iterator, F, R> {
    /// `None`: over, or it has panicked.
    arguments: Option<I>,
    /// What was taken from `arguments` for the next chunk.
    filling: Arguments<I::Item, R>,
    shared: Arc<Shared<F, I::Item, R>>,
    /// The chunk whose results are yielded.
    current: Option<Harvest<I::Item, R>>,
    /// The others, by their numbers. There are gaps: the current one, and in completion order those that are over.
    window: VecDeque<Option<Harvest<I::Item, R>>>,
    /// The number of the first chunk in the window.
    first: u64,
    /// How many chunks are not over.
    chunks: usize,
    /// How many elements were taken from `arguments` and are neither yielded nor ready.
    elements: usize,
    pace: Pace,
    look_ahead: Option<usize>,
    /// What it takes to take an argument from `arguments`.
    nanoseconds_to_pull: u32,
    order: Order,
    /// The consumer has napped since it has yielded something.
    has_napped: bool,
    /// The chunk that the consumer, on a worker of the same pool, runs itself.
    own_chunk: Option<Arc<Chunk<I::Item, R>>>,
}

#[derive(Clone, Copy)]
enum Order {
    Input,
    Completion,
}

impl<I, F, R> ThreadMap<I, F, R>
where
    I: Iterator,
    I::Item: Send + 'static,
    F: Fn(I::Item) -> R + Send + Sync + 'static,
    R: Send + 'static,
{
    pub(crate) fn new(queues: &Arc<Queues>, function: F, arguments: I) -> Self {
        Self {
            arguments: Some(arguments),
            filling: Arguments::new(),
            shared: Arc::new(Shared::new(function, Arc::clone(queues))),
            current: None,
            window: VecDeque::new(),
            first: 0,
            chunks: 0,
            elements: 0,
            pace: Pace::new(),
            look_ahead: None,
            nanoseconds_to_pull: 0,
            order: Order::Input,
            has_napped: false,
            own_chunk: None,
        }
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
        // What is there already has not been watched.
        for harvest in self.window.iter().flatten() {
            self.shared.note(harvest.chunk());
        }
        self.order = Order::Completion;
        self
    }

    /// Takes at most `elements` arguments more than it has yielded results, this one included.
    ///
    /// By default there are four chunks a worker, so four elements a worker if they take long. More helps if a few
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
        self.look_ahead = Some(elements);
        // Enough chunks for all workers.
        self.pace
            .limit(elements.div_ceil(2 * self.shared.queues.workers()));
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
        self.pace.fix(elements);
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
        TimedThreadMap::new(self, timeout)
    }

    #[inline]
    fn next_until(&mut self, deadline: Option<&Deadline>) -> Option<Result<R, TaskError>> {
        loop {
            let ready = self.current.as_mut().and_then(Harvest::next_ready);
            if ready.is_some() || !self.make_ready(deadline) {
                return ready;
            }
        }
    }

    /// Has results ready in `current`, where there are none. False: there are no more, or none in time.
    fn make_ready(&mut self, deadline: Option<&Deadline>) -> bool {
        loop {
            self.drop_what_is_over();
            if self.wants_arguments() && !deadline.is_some_and(Deadline::has_passed) {
                self.refill();
            }
            if self.gather() {
                return true;
            }
            if self.elements == 0 || deadline.is_some_and(Deadline::has_passed) {
                return false;
            }
            if self.wait(deadline) {
                return true;
            }
        }
    }

    /// Whether every argument was taken, as far as can be told without taking one.
    fn is_exhausted(&self) -> bool {
        self.filling.is_empty()
            && self
                .arguments
                .as_ref()
                .is_none_or(|arguments| arguments.size_hint().1 == Some(0))
    }

    #[inline]
    fn wants_arguments(&self) -> bool {
        let has_room = match self.look_ahead {
            None => {
                let ahead = CHUNKS_AHEAD[usize::from(self.pace.makes_long_chunks())];
                self.chunks < ahead * self.shared.queues.workers()
            }
            Some(elements) => self.elements < elements,
        };
        has_room && (self.arguments.is_some() || !self.filling.is_empty())
    }

    /// Takes arguments as long as there is room for a chunk.
    fn refill(&mut self) {
        while self.wants_arguments() {
            let nanoseconds = self.shared.nanoseconds().max(self.nanoseconds_to_pull);
            let mut length = self.pace.next_length(nanoseconds);
            if let Some(elements) = self.look_ahead {
                let room = elements - self.elements;
                length = length.min(elements);
                if length > room {
                    return;
                }
            }
            self.pace.took(length);
            self.pull(length);
            self.submit();
        }
    }

    /// Takes up to `length` arguments from their iterator.
    fn pull(&mut self, length: usize) {
        // PANIC: the iterator is the user's code. If it panics it is gone, and what it gave before is in `filling`.
        let Some(mut arguments) = self.arguments.take() else {
            return;
        };
        let start = Instant::now();
        self.filling.fill(length, &mut arguments);
        self.nanoseconds_to_pull = pace::nanoseconds_each(start.elapsed(), self.filling.len());
        if self.filling.len() == length {
            self.arguments = Some(arguments);
        }
    }

    /// Hands over what was pulled.
    fn submit(&mut self) {
        if self.filling.is_empty() {
            return;
        }
        let number = self.first + self.window.len() as u64;
        self.elements += self.filling.len();
        self.chunks += 1;
        let (chunk, harvest) = Chunk::new(number, &mut self.filling);
        if let Order::Completion = self.order {
            harvest.watch();
        }
        self.window.push_back(Some(harvest));
        self.shared.submit(chunk);
    }

    /// Gathers results that have ended, if there are any.
    fn gather(&mut self) -> bool {
        loop {
            if let Some(current) = &mut self.current {
                let gathered = match self.order {
                    Order::Input => current.gather_in_order(),
                    Order::Completion => current.gather(),
                };
                self.elements -= gathered;
                if gathered > 0 {
                    self.has_napped = false;
                    return true;
                }
            }
            if !self.next_chunk() {
                return false;
            }
        }
    }

    /// Makes another chunk the current one. False: it is not the turn of another one.
    fn next_chunk(&mut self) -> bool {
        self.drop_what_is_over();
        match self.order {
            Order::Input if self.current.is_none() => {
                self.current = self.window.front_mut().and_then(Option::take);
                self.current.is_some()
            }
            Order::Input => false,
            Order::Completion => {
                if let Some(current) = self.current.take() {
                    let place = current.chunk().number() - self.first;
                    self.window[place as usize] = Some(current);
                }
                while let Some(number) = self.shared.next_told() {
                    let place = number.checked_sub(self.first);
                    let harvest = place.and_then(|place| self.window.get_mut(place as usize)?.take());
                    if let Some(harvest) = harvest {
                        harvest.watch();
                        self.current = Some(harvest);
                        return true;
                    }
                }
                false
            }
        }
    }

    /// Lets go of a current chunk of which everything has been yielded.
    fn drop_what_is_over(&mut self) {
        if self.current.take_if(|current| current.is_over()).is_some() {
            self.chunks -= 1;
            while let Some(None) = self.window.front() {
                self.window.pop_front();
                self.first += 1;
            }
        }
    }

    /// Returns when there may be something to gather. True: it was gathered.
    #[cold]
    fn wait(&mut self, deadline: Option<&Deadline>) -> bool {
        let is_on_worker = worker::is_current(&self.shared.queues);
        if is_on_worker && deadline.is_none() && self.run_one() {
            return false;
        }
        let nap = pace::nap(
            self.elements,
            self.shared.nanoseconds(),
            self.shared.queues.workers(),
        );
        if let Some(nap) = nap.filter(|_| !self.has_napped && !is_on_worker) {
            self.has_napped = true;
            self.shared.bell.park_until(&Deadline::after(nap));
            return false;
        }
        if let (Order::Input, Some(current)) = (self.order, &self.current) {
            current.watch();
            if self.gather() {
                return true;
            }
        }
        let bell = &self.shared.bell;
        while_blocked(|| match deadline {
            None => bell.park(),
            Some(deadline) => bell.park_until(deadline),
        });
        if let Order::Input = self.order {
            while self.shared.next_told().is_some() {}
        }
        false
    }

    /// Runs one element on this thread, which is a worker of the same pool.
    fn run_one(&mut self) -> bool {
        let shared = &self.shared;
        loop {
            let Some(chunk) = &self.own_chunk else {
                self.own_chunk = shared.find();
                if self.own_chunk.is_none() {
                    return false;
                }
                continue;
            };
            if chunk.run_one(&shared.function) {
                if let Order::Completion = self.order {
                    shared.note(chunk);
                }
                return true;
            }
            self.own_chunk = None;
        }
    }
}

impl<I: Iterator, F, R> ThreadMap<I, F, R> {
    /// Cancels what has not started and drops what has ended: the iterator is over.
    fn cancel(&mut self) {
        self.arguments = None;
        self.filling = Arguments::new();
        self.own_chunk = None;
        self.chunks = 0;
        self.elements = 0;
        self.first += self.window.len() as u64;
        self.current = None;
        self.window.clear();
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
        self.next_until(None)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let ready = self.current.as_ref().map_or(0, Harvest::ready);
        let taken = self.elements + ready + self.filling.len();
        let (least, most) = self.arguments.as_ref().map_or((0, Some(0)), Iterator::size_hint);
        (
            least.saturating_add(taken),
            most.and_then(|most| most.checked_add(taken)),
        )
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

impl<I: Iterator, F, R> Drop for ThreadMap<I, F, R> {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl<I: Iterator, F, R> fmt::Debug for ThreadMap<I, F, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ThreadMap")
            .field("elements", &self.elements)
            .field("chunks", &self.chunks)
            .finish_non_exhaustive()
    }
}
