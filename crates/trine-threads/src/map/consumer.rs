//! The consumer's side of a map: it takes arguments, hands chunks over, and gathers results.

use super::chunk::{Chunk, Harvest};
use super::pace::{self, Pace};
use super::shared::{Shared, end_turn};
use super::slot::Arguments;
use crate::queues::Queues;
use crate::worker;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use trine_future::{Future, TaskError, while_blocked};
use trine_platform::{Deadline, spin_until};

/// How many chunks a worker there are at most, if nobody has set a look-ahead: with one element each, or with more. The
/// latter are short, so that the consumer has to have some more of them when it sleeps.
const CHUNKS_AHEAD: [usize; 2] = [4, 12];

/// What a [`ThreadMap`](super::ThreadMap) does.
pub(super) struct Consumer<I: Iterator, F, R> {
    /// `None`: over, or it has panicked.
    arguments: Option<I>,
    /// What was taken from `arguments` for the next chunk.
    filling: Arguments<I::Item, R>,
    shared: Arc<Shared<F, I::Item, R>>,
    /// The chunk whose results are yielded.
    current: Option<Harvest<I::Item, R>>,
    /// The others that are not over, by their numbers.
    window: BTreeMap<u64, Harvest<I::Item, R>>,
    /// The number of the next chunk.
    next: u64,
    /// How many elements were taken from `arguments` and are neither yielded nor ready.
    elements: usize,
    pace: Pace,
    look_ahead: Option<usize>,
    /// What it takes to take an argument from `arguments`.
    nanoseconds_to_pull: u32,
    order: Order,
    begun: Instant,
    /// The consumer has napped since it has yielded something.
    has_napped: bool,
    /// The chunk that the consumer, on a worker of the same pool, runs itself.
    own_chunk: Option<Arc<Chunk<I::Item, R>>>,
    /// Those that the consumer has queued and that have not ended.
    turns: Vec<Future<()>>,
}

#[derive(Clone, Copy)]
enum Order {
    Input,
    Completion,
}

impl<I, F, R> Consumer<I, F, R>
where
    I: Iterator,
    I::Item: Send + 'static,
    F: Fn(I::Item) -> R + Send + Sync + 'static,
    R: Send + 'static,
{
    pub(super) fn new(queues: &Arc<Queues>, function: F, arguments: I) -> Self {
        Self {
            arguments: Some(arguments),
            filling: Arguments::new(),
            shared: Arc::new(Shared::new(function, Arc::clone(queues))),
            current: None,
            window: BTreeMap::new(),
            next: 0,
            elements: 0,
            pace: Pace::new(),
            look_ahead: None,
            nanoseconds_to_pull: 0,
            order: Order::Input,
            begun: Instant::now(),
            has_napped: false,
            own_chunk: None,
            turns: Vec::new(),
        }
    }

    /// From here on, results are yielded as they end.
    pub(super) fn give_order_up(&mut self) {
        // What is there already has not been watched.
        for harvest in self.window.values().chain(&self.current) {
            self.shared.note(harvest.chunk());
        }
        self.order = Order::Completion;
    }

    pub(super) fn set_look_ahead(&mut self, elements: usize) {
        self.look_ahead = Some(elements);
        // Enough chunks for all workers.
        let workers = self.shared.queues.workers();
        self.pace.limit(elements.div_ceil(2 * workers));
    }

    pub(super) fn set_chunk_size(&mut self, elements: usize) {
        self.pace.fix(elements);
    }

    #[inline]
    pub(super) fn next_until(&mut self, deadline: Option<&Deadline>) -> Option<Result<R, TaskError>> {
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
    pub(super) fn is_exhausted(&self) -> bool {
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
                self.chunks() < ahead * self.shared.queues.workers()
            }
            Some(elements) => self.elements < elements,
        };
        has_room && (self.arguments.is_some() || !self.filling.is_empty())
    }

    /// Takes arguments as long as there is room for a chunk.
    fn refill(&mut self) {
        while self.wants_arguments() {
            let nanoseconds = match self.shared.nanoseconds() {
                0 => 0,
                to_run => to_run.max(self.nanoseconds_to_pull),
            };
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
        let number = self.next;
        self.next += 1;
        self.elements += self.filling.len();
        let (chunk, harvest) = Chunk::new(number, &mut self.filling);
        if let Order::Completion = self.order {
            harvest.watch();
        }
        self.window.insert(number, harvest);
        if let Some(turn) = self.shared.submit(chunk) {
            self.turns.retain(|turn| !turn.is_done());
            self.turns.push(turn);
        }
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
                self.current = self.window.pop_first().map(|(_, harvest)| harvest);
                self.current.is_some()
            }
            Order::Input => false,
            Order::Completion => {
                if let Some(current) = self.current.take() {
                    self.window.insert(current.chunk().number(), current);
                }
                while let Some(number) = self.shared.next_told() {
                    if let Some(harvest) = self.window.remove(&number) {
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
        self.current.take_if(|current| current.is_over());
    }

    /// Returns when there may be something to gather. True: it was gathered.
    #[cold]
    fn wait(&mut self, deadline: Option<&Deadline>) -> bool {
        let is_on_worker = worker::is_current(&self.shared.queues);
        if is_on_worker && deadline.is_none() && self.run_one() {
            return false;
        }
        let nanoseconds = self.shared.nanoseconds();
        let workers = self.shared.queues.workers();
        let nap = pace::nap(self.elements, nanoseconds, workers, self.begun.elapsed());
        if let Some(nap) = nap.filter(|_| !self.has_napped && !is_on_worker) {
            self.has_napped = true;
            self.shared.bell.park_until(&Deadline::after(nap));
            return false;
        }
        let look = || {
            pace::let_some_end();
            self.gather()
        };
        if pace::are_short(nanoseconds) && spin_until(look) {
            return true;
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
                self.own_chunk = shared.find_for_consumer(&mut self.turns);
                if self.own_chunk.is_none() {
                    return false;
                }
                continue;
            };
            if chunk.run_one(&|argument| shared.call(argument)) {
                if let Order::Completion = self.order {
                    shared.note(chunk);
                }
                return true;
            }
            self.own_chunk = None;
        }
    }
}

impl<I: Iterator, F, R> Consumer<I, F, R> {
    /// Cancels what has not started and drops what has ended: the iterator is over.
    pub(super) fn cancel(&mut self) {
        self.arguments = None;
        self.filling = Arguments::new();
        self.own_chunk = None;
        self.elements = 0;
        self.current = None;
        self.window.clear();
        // Last: nothing is left for them to run.
        for turn in self.turns.drain(..) {
            end_turn(&self.shared.queues, turn);
        }
    }

    /// How many elements were taken from the arguments and are neither yielded nor ready.
    pub(super) fn unfinished(&self) -> usize {
        self.elements
    }

    /// How many chunks are not over.
    pub(super) fn chunks(&self) -> usize {
        self.window.len() + usize::from(self.current.is_some())
    }

    pub(super) fn size_hint(&self) -> (usize, Option<usize>) {
        let ready = self.current.as_ref().map_or(0, Harvest::ready);
        let taken = self.elements + ready + self.filling.len();
        let (least, most) = self.arguments.as_ref().map_or((0, Some(0)), Iterator::size_hint);
        (
            least.saturating_add(taken),
            most.and_then(|most| most.checked_add(taken)),
        )
    }
}

impl<I: Iterator, F, R> Drop for Consumer<I, F, R> {
    fn drop(&mut self) {
        self.cancel();
    }
}
