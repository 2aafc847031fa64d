//! `map`: a function applied to many arguments, of which short ones travel together.
//!
//! Who iterates takes arguments from their iterator, encodes them one behind another (`open.rs`), and submits them as one ticket
//! (`chunk.rs`), as many as `pace.rs` says. A worker replies to each of them by itself; whoever takes the replies puts them into
//! the map's mailbox (`mailbox.rs`), from where the one who iterates takes them, and decodes them one by one. So a chunk holds
//! nothing up: an element is yielded when it has ended, what has not begun is taken over by workers that are idle, and a
//! worker that dies takes only the element along that it ran.

mod arrived;
mod open;
mod pace;
mod stream;

pub use stream::ProcessMapStream;

pub(crate) use pace::Pace;

use crate::chunk::{Arguments, Calls, Chunk};
use crate::mailbox::{Arrival, Mailbox, Outcomes};
use crate::member::Member;
use crate::message::Message;
use crate::queue::Ticket;
use crate::shared::Shared;
use crate::task::{Function, Names, Task, Work, decode_bytes, decode_value, left_out};
use arrived::{Arrived, Outcome};
use open::{Added, Open};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt;
use std::iter::{Fuse, FusedIterator};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;
use trine_future::{Future, Promise, SpanContext, TaskError, TaskSpan};

/// The results of a function applied to many arguments by worker processes: what
/// [`ProcessPool::map`](crate::ProcessPool::map) returns.
///
/// It is lazy. `next` takes arguments from their iterator, a bounded number ahead of the element that is yielded, sends them to
/// workers, and blocks until the next element has ended. Nothing is taken before the first `next`. A task that fails is an `Err`
/// in its place, and those after it still come. A panic of the iterator of the arguments reaches whoever called `next`; what
/// was taken before it still comes then.
///
/// Short elements travel together, in chunks of about a millisecond of work, which grow from one element on as results come in. A
/// chunk holds nothing up: elements are yielded when they have ended, not when their chunk has, as a rule some 200 µs later at most; a
/// worker that is idle takes over what waits behind a long one; and a worker that dies takes along the one element that it ran.
/// But an iterator that blocks in the middle of a chunk keeps back what it has given for it.
///
/// Dropping the iterator cancels what has not started. It does not wait for what runs.
///
/// ```
/// use trine_processes::ProcessPool;
///
/// let pool = ProcessPool::new(2)?;
/// let mut squares = pool.map(|number: u64| number * number, 1..);
/// assert_eq!(squares.next().unwrap()?, 1);
/// assert_eq!(squares.next().unwrap()?, 4);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[must_use = "an iterator does nothing until it is advanced"]
pub struct ProcessMap<'pool, I: Iterator, R> {
    arguments: Fuse<I>,
    shared: &'pool Arc<Shared>,
    names: Names,
    /// What is called. `None` if that can't be.
    function: Option<Function>,
    pace: Pace,
    /// What has been taken last, and not been sent.
    open: Open,
    /// How many elements have been taken before that, and how many have been yielded.
    placed: u64,
    yielded: u64,
    /// The chunks that have been sent, and have results that have not arrived, by the places of their first elements.
    sent: BTreeMap<u64, Sent>,
    mailbox: Arc<Mailbox>,
    arrived: Arrived,
    result: PhantomData<fn() -> R>,
}

/// A chunk that has been sent.
struct Sent {
    /// The number of its first element, as a task.
    number: u64,
    count: u64,
    /// How many results have arrived.
    arrived: u64,
}

impl<'pool, I: Iterator, R> ProcessMap<'pool, I, R> {
    pub(crate) fn new(
        shared: &'pool Arc<Shared>,
        names: Names,
        function: Option<Function>,
        arguments: I,
        pace: Pace,
    ) -> Self {
        Self {
            arguments: arguments.fuse(),
            shared,
            names,
            function,
            pace,
            open: Open::default(),
            placed: 0,
            yielded: 0,
            sent: BTreeMap::new(),
            mailbox: Arc::default(),
            arrived: Arrived::in_order(),
            result: PhantomData,
        }
    }

    /// Yields the results as they end, whatever the order of the arguments. Give the argument or a key back with the
    /// result to know which one it is.
    ///
    /// ```
    /// # let pool = trine_processes::ProcessPool::new(2)?;
    /// let lengths = pool.map(|word: String| (word.clone(), word.len()), ["to", "be", "or"].map(str::to_owned));
    /// for result in lengths.unordered() {
    ///     let (word, length) = result?;
    ///     assert_eq!((word.len(), length), (2, 2));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias("imap_unordered", "as_completed", "completion_order"))]
    pub fn unordered(mut self) -> Self {
        self.arrived.give_order_up();
        self
    }

    /// Takes at most `elements` arguments more than it has yielded results, this one included. 0 counts as 1. It does not take
    /// more than a pool with a [limit](crate::ProcessPoolBuilder::queue_limit) has room for.
    ///
    /// ```
    /// # let pool = trine_processes::ProcessPool::new(2)?;
    /// let taken = std::cell::Cell::new(0);
    /// let endless = (0..).inspect(|_| taken.set(taken.get() + 1));
    /// let first = pool.map(|number: u32| number, endless).look_ahead(3).next();
    /// assert_eq!((first.unwrap()?, taken.get()), (0, 3));
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias("buffersize", "buffered", "prefetch"))]
    pub fn look_ahead(mut self, elements: usize) -> Self {
        self.pace.set_look_ahead(elements);
        self
    }

    /// Sends so many elements at a time, instead of as many as make about a millisecond of work; 1000 at most. The last chunk is
    /// shorter, and so is one that would exceed the look-ahead, or is long in bytes. In a pool with a
    /// [limit](crate::ProcessPoolBuilder::queue_limit), and with the feature `tracing`, each element travels by itself. It changes
    /// the speed, and nothing else.
    ///
    /// # Panics
    ///
    /// If `elements` is 0.
    ///
    /// ```
    /// # let pool = trine_processes::ProcessPool::new(2)?;
    /// let sum: Result<u64, _> = pool.map(|number| number, 0..1_000).chunk_size(100).sum();
    /// assert_eq!(sum?, 499_500);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias("chunksize"))]
    #[track_caller]
    pub fn chunk_size(mut self, elements: usize) -> Self {
        assert!(
            elements > 0,
            "a chunk of 0 elements would hold nothing: 1 is the least"
        );
        self.pace.set_chunk(elements);
        self
    }

    /// The same for async code, as a stream.
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
    /// let mut doubled = pool.map(|number: u32| number * 2, [1, 2]).into_stream();
    /// block_on(async {
    ///     assert_eq!(doubled.next().await.unwrap().unwrap(), 2);
    ///     assert_eq!(doubled.next().await.unwrap().unwrap(), 4);
    ///     assert!(doubled.next().await.is_none());
    /// });
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn into_stream(self) -> ProcessMapStream<'pool, I, R> {
        ProcessMapStream::new(self)
    }

    /// How many elements have been taken and not yielded.
    fn under_way(&self) -> usize {
        let placed = usize::try_from(self.placed - self.yielded).unwrap_or(usize::MAX);
        placed.saturating_add(self.open.len())
    }

    /// Sends what has been taken.
    fn send(&mut self, function: Function) {
        if self.open.len() > 0 {
            let arguments = Arguments::Together(self.open.take());
            self.submit(function, arguments.count(), |_, _| arguments);
        }
    }

    /// Submits the calls for so many elements. They are made from the number of the first, and its span.
    fn submit(&mut self, function: Function, count: u32, make: impl FnOnce(u64, SpanContext) -> Arguments) {
        let number = self.shared.next_numbers(count.into());
        let pool = self.shared.settings.pool_name();
        let span = TaskSpan::current().child("processes", pool, (self.names.function)());
        let arguments = make(number, span.context());
        let place = self.placed;
        let sent = Sent {
            number,
            count: count.into(),
            arrived: 0,
        };
        let bytes = arguments.weight();
        let chunk = Chunk::new(Calls {
            mailbox: Arc::clone(&self.mailbox),
            function,
            number,
            place,
            arguments,
        });
        self.placed += sent.count;
        self.sent.insert(place, sent);
        self.shared.submit(Ticket {
            number,
            count,
            bytes,
            timeout: None,
            task: Task::new(Work::Chunk(chunk), span),
        });
    }

    /// The next element has no result.
    fn fail(&mut self, error: TaskError) {
        self.arrived.add(Arrival {
            place: self.placed,
            outcomes: Outcomes::Others(vec![Err(error)]),
            each: None,
        });
        self.placed += 1;
    }

    /// Takes what has arrived.
    fn receive(&mut self) {
        for arrival in self.mailbox.take() {
            self.pace.results(arrival.outcomes.len(), arrival.each);
            if let Some((place, sent)) = self.sent.range_mut(..=arrival.place).next_back() {
                sent.arrived += arrival.outcomes.len() as u64;
                if sent.arrived == sent.count {
                    let place = *place;
                    self.sent.remove(&place);
                }
            }
            self.arrived.add(arrival);
        }
    }

    /// A future that is done when something has arrived. `None` if something is there already.
    fn listen(&self) -> Option<Future<()>> {
        let number = self
            .sent
            .values()
            .next()
            .map_or(0, |sent| sent.number + sent.arrived);
        self.mailbox
            .listen(|| Promise::with_owner(Member::<false>::new(self.shared, number)))
    }
}

impl<I: Iterator, R> ProcessMap<'_, I, R>
where
    I::Item: Serialize + DeserializeOwned + Send + 'static,
    R: DeserializeOwned + 'static,
{
    /// Takes as many arguments as may be under way, once there is room for a chunk.
    fn fill(&mut self) {
        if let Some(function) = self.function {
            // What was taken before the arguments have panicked.
            self.send(function);
        }
        if self.under_way() + self.pace.chunk() > self.pace.look_ahead() {
            return;
        }
        self.pace.follow();
        let (begun, before) = (Instant::now(), self.under_way());
        while self.under_way() < self.pace.look_ahead()
            && let Some(argument) = self.arguments.next()
        {
            match self.function {
                Some(function) => self.add(function, argument),
                None => self.fail(left_out()),
            }
        }
        self.pace.arguments(self.under_way() - before, begun.elapsed());
        if let Some(function) = self.function {
            self.send(function);
        }
    }

    /// Adds the next element.
    fn add(&mut self, function: Function, argument: I::Item) {
        match self.open.add(argument) {
            Ok(Added::Packed) => {
                if self.open.is_full(self.pace.chunk()) {
                    self.send(function);
                }
            }
            Ok(Added::Alone(argument, beside)) => {
                self.send(function);
                self.submit(function, 1, |number, span| {
                    let mut frame = function.call(number, span);
                    frame.extend_from_slice(&argument);
                    Arguments::Alone(Message::new(frame, beside))
                });
            }
            Err(cause) => {
                self.send(function);
                self.fail(self.names.argument_not_encoded(cause));
            }
        }
    }

    /// The next result, if it has arrived.
    fn next_arrived(&mut self) -> Option<Result<R, TaskError>> {
        let outcome = self.arrived.next(self.yielded)?;
        self.yielded += 1;
        let names = self.names;
        Some(match outcome {
            Outcome::Reply(reply) => names.value_in(reply).and_then(decode_bytes),
            Outcome::Other(outcome) => outcome.and_then(|received| {
                names.value_in(&received.frame)?;
                decode_value(received)
            }),
        })
    }
}

impl<I: Iterator, R> Iterator for ProcessMap<'_, I, R>
where
    I::Item: Serialize + DeserializeOwned + Send + 'static,
    R: DeserializeOwned + 'static,
{
    type Item = Result<R, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.fill();
        loop {
            if let Some(result) = self.next_arrived() {
                return Some(result);
            }
            if self.under_way() == 0 {
                return None;
            }
            if let Some(arrival) = self.listen() {
                // The mailbox does not go before the map.
                let _ = arrival.result();
            }
            self.receive();
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.arguments.size_hint();
        let under_way = self.under_way();
        (
            least.saturating_add(under_way),
            most.and_then(|most| most.checked_add(under_way)),
        )
    }
}

impl<I: Iterator, R> FusedIterator for ProcessMap<'_, I, R>
where
    I::Item: Serialize + DeserializeOwned + Send + 'static,
    R: DeserializeOwned + 'static,
{
}

impl<I: Iterator, R> Drop for ProcessMap<'_, I, R> {
    fn drop(&mut self) {
        self.mailbox.abandon();
        for sent in self.sent.values() {
            self.shared
                .take_back_all_of(&(sent.number..sent.number + sent.count));
        }
    }
}

impl<I: Iterator, R> fmt::Debug for ProcessMap<'_, I, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProcessMap")
            .field("under_way", &self.under_way())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests;
