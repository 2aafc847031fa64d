//! The numbers of futures that have ended, in the order in which they ended.
//!
//! A queue with a place for each future, so that a completion allocates nothing and nothing is ever full. A future that
//! ends takes the next place and swaps its number into it. The consumer reads the places one after the other. Where the
//! next one is empty it puts a mark there and sleeps on that very place: so a completion wakes nobody but who waits for
//! it, and learns that from the swap. Producers share one counter, and the consumer writes only where it sleeps.
//!
//! A consumer that is an async task leaves its waker beside the places, and puts another mark. Whoever swaps that mark out
//! takes the waker and wakes. It may be one that the task has left since, for a later place: then the task is woken early,
//! looks, and leaves a waker again. So none is lost.

use crate::failure::contain;
use std::task::Waker;
use trine_lock::Lock;
use trine_platform::atomic::Ordering::{Acquire, Relaxed, Release};
use trine_platform::atomic::{AtomicU32, fence};
use trine_platform::{Deadline, Futex};

/// Nothing is in this place.
const EMPTY: u32 = 0;
/// Nothing is in this place, and the consumer sleeps on it or is about to, or has slept there until its deadline.
const ASLEEP: u32 = 1;
/// Nothing is in this place, and the consumer has left a waker.
const AWAITED: u32 = 2;
/// What stands in a place for the future with number 0.
const FIRST: u32 = 3;
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
    waker: Lock<Left>,
}

/// The waker that a consumer has left which is an async task.
struct Left(Option<Waker>);

impl Drop for Left {
    fn drop(&mut self) {
        // PANIC: a waker is the user's code. Whoever goes last, who ends a task or lets go of a future, has more to do.
        contain(|| drop(self.0.take()));
    }
}

/// In a cache line of its own: the consumer does not wait for a line that producers write to when it reads another field.
#[repr(align(64))]
struct Apart<T>(T);

impl Completions {
    pub(crate) fn new(futures: usize) -> Self {
        Self {
            places: (0..futures).map(|_| Futex::new(EMPTY)).collect(),
            taken: Apart(AtomicU32::new(0)),
            waker: Lock::new(Left(None)),
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
        match place.word().swap(FIRST + number, Release) {
            ASLEEP => {
                #[cfg(test)]
                WAKES.set(WAKES.get() + 1);
                place.wake_one();
            }
            AWAITED => self.wake_task(),
            _ => {}
        }
    }

    #[cold]
    fn wake_task(&self) {
        #[cfg(test)]
        WAKES.set(WAKES.get() + 1);
        // ORDERING: pairs with the Release of `wake_at`: the waker is there.
        fence(Acquire);
        let waker = self.waker.lock().0.take();
        if let Some(waker) = waker {
            // PANIC: a waker is the user's code. The one who ends a task has more to do.
            contain(|| waker.wake());
        }
    }

    /// The number in this place, once it is there.
    pub(crate) fn read(&self, place: usize) -> Option<usize> {
        // ORDERING: Acquire pairs with the Release of `push`.
        let number = self.places.get(place)?.word().load(Acquire);
        number.checked_sub(FIRST).map(|number| number as usize)
    }

    /// Whether the consumer sleeps on this place or is about to.
    #[cfg(test)]
    pub(crate) fn is_asleep(&self, place: usize) -> bool {
        self.places[place].word().load(Relaxed) == ASLEEP
    }

    /// Has `waker` woken when there is a number in this place, or has been meanwhile. Only the consumer calls this.
    pub(crate) fn wake_at(&self, place: usize, waker: &Waker) {
        // Before the lock: it may end a future of this wait.
        let waker = waker.clone();
        let before = self.waker.lock().0.replace(waker);
        // PANIC: a waker is the user's code.
        contain(|| drop(before));
        // ORDERING: Release pairs with the fence of `wake_task`. If there is a number already the consumer finds it,
        // because it looks after this.
        let _ = self.places[place]
            .word()
            .fetch_update(Release, Relaxed, |word| (word < FIRST).then_some(AWAITED));
    }

    /// Sleeps until there is a number in this place; may return early. Only the consumer calls this.
    pub(crate) fn sleep(&self, place: usize, deadline: Option<&Deadline>) {
        let place = &self.places[place];
        // ORDERING: Relaxed. This orders nothing; `read` follows.
        let mark = |before| place.word().compare_exchange(before, ASLEEP, Relaxed, Relaxed);
        let marked = mark(EMPTY).or_else(|word| if word == AWAITED { mark(AWAITED) } else { Err(word) });
        if marked.is_err_and(|word| word != ASLEEP) {
            return;
        }
        match deadline {
            None => place.wait(ASLEEP),
            Some(deadline) => drop(place.wait_until(ASLEEP, deadline)),
        }
    }
}
