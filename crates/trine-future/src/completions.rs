//! The numbers of futures that have ended, in the order in which they ended.
//!
//! A queue with a place for each future, so that a completion allocates nothing and nothing is ever full. A future that
//! ends takes the next place and swaps its number into it. The consumer reads the places one after the other. Where the
//! next one is empty it puts a mark there and sleeps on that very place: so a completion wakes nobody but who waits for
//! it, and learns that from the swap. Producers share one counter, and the consumer writes only where it sleeps.

use trine_platform::atomic::AtomicU32;
use trine_platform::atomic::Ordering::{Acquire, Relaxed, Release};
use trine_platform::{Deadline, Futex};

/// Nothing is in this place.
const EMPTY: u32 = 0;
/// Nothing is in this place, and the consumer sleeps on it or is about to, or has slept there until its deadline.
const ASLEEP: u32 = 1;
/// What stands in a place for the future with number 0.
const FIRST: u32 = 2;
/// How many futures one wait can be for.
pub(crate) const CAPACITY: usize = (u32::MAX - FIRST) as usize;

#[cfg(test)]
thread_local! {
    /// How often this thread has woken a consumer.
    pub(crate) static WAKES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// What a wait for many futures shares with those futures.
pub(crate) struct Completions {
    places: Box<[Futex]>,
    /// How many places are taken.
    taken: Apart<AtomicU32>,
}

/// In a cache line of its own: the consumer does not wait for a line that producers write to when it reads another field.
#[repr(align(64))]
struct Apart<T>(T);

impl Completions {
    pub(crate) fn new(futures: usize) -> Self {
        Self {
            places: (0..futures).map(|_| Futex::new(EMPTY)).collect(),
            taken: Apart(AtomicU32::new(0)),
        }
    }

    /// How many numbers can be pushed.
    pub(crate) fn capacity(&self) -> usize {
        self.places.len()
    }

    /// Notes that a future has ended. Each number is pushed once.
    pub(crate) fn push(&self, number: u32) {
        // ORDERING: Relaxed. It gives a place to each, and publishes nothing.
        let place = &self.places[self.taken.0.fetch_add(1, Relaxed) as usize];
        // ORDERING: Release pairs with the Acquire of `read`. The swap is what makes check and sleep safe: a consumer
        // whose mark it does not see finds the number instead of an empty place, and does not sleep.
        if place.word().swap(FIRST + number, Release) == ASLEEP {
            #[cfg(test)]
            WAKES.set(WAKES.get() + 1);
            place.wake_one();
        }
    }

    /// The number in this place, once it is there.
    pub(crate) fn read(&self, place: usize) -> Option<usize> {
        // ORDERING: Acquire pairs with the Release of `push`.
        let number = self.places[place].word().load(Acquire);
        number.checked_sub(FIRST).map(|number| number as usize)
    }

    /// Whether the consumer sleeps on this place or is about to.
    #[cfg(test)]
    pub(crate) fn is_asleep(&self, place: usize) -> bool {
        self.places[place].word().load(Relaxed) == ASLEEP
    }

    /// Sleeps until there is a number in this place; may return early. Only the consumer calls this.
    pub(crate) fn sleep(&self, place: usize, deadline: Option<&Deadline>) {
        let place = &self.places[place];
        // ORDERING: Relaxed. This orders nothing; `read` follows.
        let mark = place.word().compare_exchange(EMPTY, ASLEEP, Relaxed, Relaxed);
        if mark.is_err_and(|word| word != ASLEEP) {
            return;
        }
        match deadline {
            None => place.wait(ASLEEP),
            Some(deadline) => drop(place.wait_until(ASLEEP, deadline)),
        }
    }
}
