//! The numbers of futures that have ended, in the order in which they ended.
//!
//! A stack without locks that needs no allocation for a push: a future that ends writes its number to the head, and
//! the previous head to its own place. The head is also the word that the consumer sleeps on, so a push that finds
//! nobody asleep costs one compare-exchange and no system call.

use trine_platform::atomic::AtomicU32;
use trine_platform::atomic::Ordering::{Acquire, Relaxed, Release};
use trine_platform::{Deadline, Futex};

/// Nothing is on the stack.
const EMPTY: u32 = u32::MAX;
/// Nothing is on the stack, and the consumer sleeps or is about to.
const ASLEEP: u32 = u32::MAX - 1;
/// How many futures one wait can be for.
pub(crate) const CAPACITY: usize = ASLEEP as usize;

#[cfg(test)]
thread_local! {
    /// How often this thread has woken a consumer.
    pub(crate) static WAKES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// What a wait for many futures shares with those futures.
pub(crate) struct Completions {
    /// The number of the future that ended last, or one of the two marks above.
    head: Futex,
    /// For each future on the stack the number of the one that ended before it, or `EMPTY`.
    previous: Box<[AtomicU32]>,
}

impl Completions {
    pub(crate) fn new(futures: usize) -> Self {
        Self {
            head: Futex::new(EMPTY),
            previous: (0..futures).map(|_| AtomicU32::new(EMPTY)).collect(),
        }
    }

    /// Notes that a future has ended. Each number is pushed once.
    pub(crate) fn push(&self, number: u32) {
        let head = self.head.word();
        // ORDERING: Relaxed, the compare-exchange below checks it.
        let mut top = head.load(Relaxed);
        loop {
            let previous = if top == ASLEEP { EMPTY } else { top };
            // ORDERING: Relaxed, published by the compare-exchange.
            self.previous[number as usize].store(previous, Relaxed);
            // ORDERING: Release pairs with the Acquire of `take`, also for the numbers below, because every change
            // of the head is a read-modify-write.
            match head.compare_exchange_weak(top, number, Release, Relaxed) {
                Ok(_) => break,
                Err(now) => top = now,
            }
        }
        if top == ASLEEP {
            #[cfg(test)]
            WAKES.set(WAKES.get() + 1);
            self.head.wake_one();
        }
    }

    /// Moves the numbers on the stack to `ready`, which is empty, the oldest last. Only the consumer calls this.
    pub(crate) fn take(&self, ready: &mut Vec<u32>) {
        // ORDERING: Acquire pairs with the Release of `push`.
        let mut top = self.head.word().swap(EMPTY, Acquire);
        while top < ASLEEP {
            ready.push(top);
            // ORDERING: Relaxed, published by the push that the swap has acquired.
            top = self.previous[top as usize].load(Relaxed);
        }
    }

    /// Whether the consumer sleeps or is about to.
    #[cfg(test)]
    pub(crate) fn is_asleep(&self) -> bool {
        self.head.word().load(Relaxed) == ASLEEP
    }

    /// Sleeps until the stack is not empty; may return early. Only the consumer calls this.
    pub(crate) fn sleep(&self, deadline: Option<&Deadline>) {
        // ORDERING: Relaxed. This orders nothing; `take` follows. If a push comes first, this fails and nobody
        // sleeps; if it comes after, it finds the mark and wakes.
        if self
            .head
            .word()
            .compare_exchange(EMPTY, ASLEEP, Relaxed, Relaxed)
            .is_err()
        {
            return;
        }
        match deadline {
            None => self.head.wait(ASLEEP),
            Some(deadline) => drop(self.head.wait_until(ASLEEP, deadline)),
        }
    }
}
