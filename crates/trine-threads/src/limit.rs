//! A limit of how many tasks may be queued, and the line of those who wait for room.
//!
//! A queued task holds a [`Place`]. It travels with the task's closure, so it comes back when the task starts, is
//! cancelled, or is refused, whoever does that. The free places are counted in one word; who finds none may stand
//! in line, threads and async tasks in the same one, each as a promise of a place.
//!
//! # Nobody waits beside a free place
//!
//! The word holds the number of places taken, and the flags WAITING (there may be somebody in the line) and CLOSED. The
//! line is changed only under its lock, WAITING is set and cleared and CLOSED is set only under that lock, and every
//! change of the word is a read-modify-write. Then:
//!
//! - Invariant: under WAITING all places are taken. It is set by a read-modify-write that sees them taken, and while it
//!   is set a place is not given back but handed to the first in the line: only when the line is empty is the number
//!   lowered, and the flag cleared with it.
//! - Who stands in line has set WAITING under the lock, and joins the line before letting go of it. A place that comes
//!   back either lowered the number before that (then the read-modify-write sees room, and takes it instead of
//!   waiting), or sees WAITING, asks for the lock, and finds the waiter in the line.
//! - A waiter that gives up (an async one that is dropped) cancels its promise. A place that was offered to it comes
//!   back out of `complete` and goes to the next; one that it had already been given comes back by its own drop.
//! - Places are handed over in the order of the line, and while there is a line nobody else gets one.
//! - Closing sets CLOSED and takes the whole line out, in one critical section. Who comes later sees CLOSED.
//!
//! The word orders nothing but itself: the tasks are published by their queues, the line by its lock. So everything is
//! Relaxed.
//!
//! The models are in `models/limit.rs`.

use std::collections::VecDeque;
use std::sync::Arc;
use trine_future::{CancelOnDrop, Promise};
use trine_lock::Lock;
use trine_platform::atomic::AtomicU32;
use trine_platform::atomic::Ordering::Relaxed;

/// What [`submit`](crate::ThreadPool::submit) does when the queue is full. See
/// [`ThreadPoolBuilder::queue_limit`](crate::ThreadPoolBuilder::queue_limit).
///
/// ```
/// use trine_threads::{ThreadPool, WhenFull};
///
/// let pool = ThreadPool::builder().workers(1).queue_limit(1, WhenFull::RunInCaller).build()?;
/// let futures: Vec<_> = (0..100).map(|number| pool.spawn(move || number)).collect();
/// for (number, future) in futures.into_iter().enumerate() {
///     assert_eq!(future.result()?, number); // some of them ran on this thread
/// }
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias("RejectedExecutionHandler", "back-pressure"))]
pub enum WhenFull {
    /// It blocks until there is room. A task that submits to its own pool is let in beyond the limit instead: if all
    /// workers waited for room, nobody would make any.
    Block,
    /// The future is done at once, with [`TaskError::is_refused`](trine_future::TaskError::is_refused).
    Refuse,
    /// The submitting thread runs the task itself, so it is kept from submitting more meanwhile.
    #[doc(alias("CallerRunsPolicy"))]
    RunInCaller,
}

const WAITING: u32 = 1 << 31;
const CLOSED: u32 = 1 << 30;

fn taken(word: u32) -> u32 {
    word & !(WAITING | CLOSED)
}

/// The places of a queue.
pub(crate) struct Limit {
    places: u32,
    word: AtomicU32,
    line: Lock<VecDeque<Promise<Place>>>,
}

/// The right of one task to be in the queue. It is given back when this is dropped.
pub(crate) struct Place(Option<Arc<Limit>>);

impl Limit {
    /// More places than the word can count are as good as what it can.
    pub(crate) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self {
            places: u32::try_from(places).map_or(CLOSED / 2, |places| places.min(CLOSED / 2)),
            word: AtomicU32::new(0),
            line: Lock::new(VecDeque::new()),
        })
    }

    pub(crate) fn places(&self) -> u32 {
        self.places
    }

    /// A place, if one is free.
    pub(crate) fn try_take(self: &Arc<Self>) -> Option<Place> {
        self.update(|word| self.has_room(word).then(|| word + 1))
            .is_ok()
            .then(|| self.place())
    }

    /// A place, or one's number in the line. The promise is broken if the limit is closed.
    pub(crate) fn take(self: &Arc<Self>) -> Result<Place, CancelOnDrop<Place>> {
        self.try_take().map_or_else(|| self.stand_in_line(), Ok)
    }

    /// A place that need not be free.
    pub(crate) fn take_beyond(self: &Arc<Self>) -> Place {
        self.word.fetch_add(1, Relaxed);
        self.place()
    }

    /// From here on nobody gets a place; those in line are told so.
    pub(crate) fn close(&self) {
        let line = {
            let mut line = self.line.lock();
            let _ = self.update(|word| Some(taken(word) | CLOSED));
            std::mem::take(&mut *line)
        };
        // Broken promises wake the waiters, so not under the lock.
        drop(line);
    }

    fn stand_in_line(self: &Arc<Self>) -> Result<Place, CancelOnDrop<Place>> {
        let (promise, future) = Promise::new();
        {
            let mut line = self.line.lock();
            let before = self.update(|word| match word {
                _ if word & CLOSED != 0 => None,
                _ if self.has_room(word) => Some(word + 1),
                _ => Some(word | WAITING),
            });
            match before {
                Ok(word) if self.has_room(word) => return Ok(self.place()),
                Ok(_) => {
                    if line.len() == line.capacity() {
                        // Those who gave up leave their promises here. They are swept out before the line grows.
                        line.retain(|promise| !promise.is_cancelled());
                        // Room for as many as are left, so that it is not looked through again for each of the next ones.
                        let left = line.len();
                        line.reserve(left);
                    }
                    line.push_back(promise);
                }
                Err(_closed) => drop(promise),
            }
        }
        Err(future.cancel_on_drop())
    }

    /// Whether a place is free, for somebody who has just come.
    fn has_room(&self, word: u32) -> bool {
        word & (WAITING | CLOSED) == 0 && word < self.places
    }

    fn place(self: &Arc<Self>) -> Place {
        Place(Some(Arc::clone(self)))
    }

    fn update(&self, change: impl Fn(u32) -> Option<u32>) -> Result<u32, u32> {
        self.word.fetch_update(Relaxed, Relaxed, change)
    }

    /// Gives a place back while somebody may be in the line.
    fn hand_over(self: Arc<Self>) {
        let mut place = self.place();
        loop {
            let next = {
                let mut line = self.line.lock();
                let is_beyond = |word| taken(word) > self.places;
                let beyond = self.update(|word| is_beyond(word).then(|| word - 1)).is_ok();
                if beyond {
                    place.is_given_back();
                    return;
                }
                let next = line.pop_front();
                let (given_back, is_last) = (u32::from(next.is_none()), line.is_empty());
                let _ = self.update(|word| {
                    let word = word - given_back;
                    Some(if is_last { word & !WAITING } else { word })
                });
                next
            };
            let Some(promise) = next else {
                place.is_given_back();
                return;
            };
            match promise.complete(place) {
                Ok(()) => return,
                Err(not_wanted) => place = not_wanted,
            }
        }
    }
}

impl Place {
    /// The word has been lowered by hand.
    fn is_given_back(&mut self) {
        self.0 = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(limit) = self.0.take() else { return };
        let given_back = limit.update(|word| (word & WAITING == 0).then(|| word - 1));
        if given_back.is_err() {
            limit.hand_over();
        }
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::Limit;

    #[test]
    fn a_line_of_which_few_give_up_is_looked_through_seldom() {
        let limit = Limit::new(1);
        let _taken = limit.try_take().expect("nobody else takes it");
        let stand_in_line = || limit.take().err().expect("no place is free");
        let capacity = || limit.line.lock().capacity();
        let mut line = vec![stand_in_line()];
        while line.len() < 64 || line.len() < capacity() {
            line.push(stand_in_line());
        }
        line.pop();
        line.push(stand_in_line());
        assert!(capacity() > line.len() + line.len() / 2);
    }

    #[test]
    fn places_are_handed_over_in_the_order_of_the_line() {
        let limit = Limit::new(1);
        let taken = limit.try_take().expect("nobody else takes it");
        let [first, second] = [(); 2].map(|()| limit.take().err().expect("no place is free"));
        drop(taken);
        assert!(first.is_done() && !second.is_done());
        drop(first);
        assert!(second.is_done());
    }
}
