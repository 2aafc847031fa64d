//! The word of a lock: taking it, waiting for it, and handing it back.
//!
//! # Why no wake is lost
//!
//! - W1: The first in line announces itself in the same read-modify-write that finds the lock held. So the holder's
//!   unlock comes later in the order of the word's changes, and sees the announcement. Those behind it announce nothing:
//!   the duty to wake them begins when they become the first (W3).
//! - W2: An unlock that sees a line looks at the word once more when it has freed the lock. It sets `WOKEN` and wakes the
//!   first in line, but not if `WOKEN` is set, because whoever has set it wakes the first, and not if the lock is held
//!   again, because the unlock to come sees the line as well.
//! - W3: Who was woken comes: it gets the lock, or announces itself again (W1), or leaves the line. When the first leaves,
//!   the next one is woken if the lock is free, and by the holder's unlock otherwise.
//!
//! What the line does for this stands in `waiters.rs`.
//!
//! # Why nobody starves
//!
//! An acquisition that passes over the first in line counts that in the word, in the read-modify-write that acquires.
//! When the count is [`MAX_OVERTAKES`], nobody but the first can take the lock, and who comes by stands in line behind
//! it. Nobody in line was passed over more often than the first, because the others came later.
//!
//! [`MAX_OVERTAKES`]: crate::state::MAX_OVERTAKES

use crate::state::{Attempt, LOCKED, Place, Snapshot};
use crate::waiters;
use std::time::{Duration, Instant};
use trine_platform::atomic::AtomicU32;
use trine_platform::atomic::Ordering::{self, Acquire, Relaxed, Release};
use trine_platform::{Deadline, const_fn, spin_loop, thread};

/// A model explores nothing new by looking again.
const IS_MODEL: bool = cfg!(trine_loom);

/// For so long a thread looks again at a held lock, with pauses in between: before it lets others run, and, in line, when it was
/// woken and overtaken. That is many times as long as a short critical section takes, and a tenth of what it costs to sleep and be
/// woken on another processor.
///
/// (A time and no number of looks: what a pause takes differs by a factor of five between processors.)
const LOOK: Duration = Duration::from_micros(4);

/// How often a thread that has looked for so long lets others run, the holder perhaps, and looks again. If nobody else wants the
/// processor that takes some 20 microseconds, less than to sleep and be woken on another one.
const YIELDS: u32 = if IS_MODEL { 0 } else { 100 };

/// A thread that has let others run for longer sleeps: who wants the processor is not about to unlock.
const LONG_YIELD: Duration = Duration::from_micros(200);

/// The word of a lock. Its address is the lock's identity while somebody borrows the lock.
#[derive(Debug)]
pub(crate) struct LockWord(AtomicU32);

/// The right to what a lock owns. It is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held<'a>(&'a LockWord);

impl LockWord {
    const_fn! {
        /// The word of a free lock.
        pub(crate) fn new() -> Self {
            Self(AtomicU32::new(Snapshot::FREE.0))
        }
    }

    /// The whole of an acquisition when nobody holds the lock or waits for it.
    #[inline]
    pub(crate) fn acquire_unused(&self) -> Option<Held<'_>> {
        // ORDERING: Acquire pairs with the Release of the unlock that freed the lock.
        self.0
            .compare_exchange(Snapshot::FREE.0, Snapshot::HELD.0, Acquire, Relaxed)
            .is_ok()
            .then(|| Held(self))
    }

    /// Takes the lock if it is free and not reserved.
    #[inline]
    pub(crate) fn try_acquire(&self) -> Option<Held<'_>> {
        // ORDERING: Acquire as in `acquire_unused`. A failed attempt learns nothing.
        self.0
            .fetch_update(Acquire, Relaxed, |word| {
                Snapshot(word).try_acquire().map(|next| next.0)
            })
            .is_ok()
            .then(|| Held(self))
    }

    /// Takes the lock, and sleeps until it can.
    #[inline]
    pub(crate) fn wait(&self) -> Held<'_> {
        self.sleep_until_acquired();
        // It is made here, where the compiler knows what it points to. Returned from the cold path it would cost the
        // fast path a register.
        Held(self)
    }

    #[cold]
    fn sleep_until_acquired(&self) {
        loop {
            // Without a deadline it does not give up, so this goes round once.
            if let Some(held) = self.acquire_or_sleep(None) {
                std::mem::forget(held);
                return;
            }
        }
    }

    /// Takes the lock, and sleeps until it can or until `timeout` has passed.
    #[cold]
    pub(crate) fn wait_timeout(&self, timeout: Duration) -> Option<Held<'_>> {
        self.acquire_or_sleep(Some(&Deadline::after(timeout)))
    }

    fn acquire_or_sleep(&self, deadline: Option<&Deadline>) -> Option<Held<'_>> {
        self.try_acquire()
            .or_else(|| self.acquire_soon(LOOK))
            .or_else(|| self.acquire_after_others(deadline))
            .or_else(|| waiters::sleep(self, deadline))
    }

    /// Takes the lock if it is free after a pause, of which each is twice as long as the one before and all together about `time`.
    pub(crate) fn acquire_soon(&self, time: Duration) -> Option<Held<'_>> {
        let mut pauses = 1;
        look_again(time, || {
            (0..pauses).for_each(|_| spin_loop());
            pauses *= 2;
            self.try_acquire()
        })
    }

    /// Takes the lock if it is free after others have run, before the deadline. It is what keeps short critical sections from
    /// turning into a procession in which each thread sleeps until the one before it has finished.
    fn acquire_after_others(&self, deadline: Option<&Deadline>) -> Option<Held<'_>> {
        let begun = Instant::now();
        let goes_on = || begun.elapsed() < LONG_YIELD && !deadline.is_some_and(Deadline::has_passed);
        (0..YIELDS).take_while(|_| goes_on()).find_map(|_| {
            thread::yield_now();
            self.try_acquire()
        })
    }

    /// Whether the lock becomes free within a few moments. It may be somebody else's by the time that this returns.
    pub(crate) fn is_free_soon(&self) -> bool {
        let is_free = || {
            spin_loop();
            // ORDERING: Relaxed. It is a hint: the attempt that follows decides.
            (!Snapshot(self.0.load(Relaxed)).is_locked()).then_some(())
        };
        look_again(LOOK, is_free).is_some()
    }

    #[inline]
    fn release(&self) {
        // ORDERING: Release pairs with the Acquire of every acquisition. Changes of the word that come between are
        // read-modify-writes, and carry it on.
        if self.0.fetch_sub(LOCKED, Release) != Snapshot::HELD.0 {
            self.wake_first();
        }
    }

    /// Wakes the first in line after an unlock, unless somebody else does or will (W2).
    ///
    /// Others may have locked and unlocked by now, but the lock is still there: the guard that is being dropped borrows it.
    #[cold]
    fn wake_first(&self) {
        // ORDERING: Relaxed. It publishes nothing.
        let wakes = self.0.fetch_update(Relaxed, Relaxed, |word| {
            Snapshot(word).wake_first().map(|next| next.0)
        });
        if wakes.is_ok() {
            waiters::wake_first(self);
        }
    }

    /// Applies a transition in one read-modify-write.
    fn step<R>(&self, success: Ordering, transition: impl Fn(Snapshot) -> (Snapshot, R)) -> R {
        // ORDERING: Relaxed for what is only a guess. `success` is the caller's to explain.
        let mut current = self.0.load(Relaxed);
        loop {
            let (next, outcome) = transition(Snapshot(current));
            match self.0.compare_exchange_weak(current, next.0, success, Relaxed) {
                Ok(_) => return outcome,
                Err(actual) => current = actual,
            }
        }
    }
}

/// Calls `look` until it finds something, or for `time`.
fn look_again<T>(time: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    if IS_MODEL {
        return None;
    }
    let begun = Instant::now();
    loop {
        let found = look();
        if found.is_some() || begun.elapsed() > time {
            return found;
        }
    }
}

/// What the line does to the word. Whoever calls this has locked the line's bucket.
impl LockWord {
    /// Whether the word says that there is a line. It says so until the caller unlocks the bucket.
    pub(crate) fn has_line(&self) -> bool {
        // ORDERING: Relaxed. Whoever changes this bit holds the bucket's lock.
        Snapshot(self.0.load(Relaxed)).has_line()
    }

    /// Takes the lock for a waiter, or announces that somebody waits at this place.
    pub(crate) fn acquire_or_wait(&self, place: Place) -> Attempt {
        // ORDERING: Acquire as in `acquire_unused`. The announcement needs no order of its own (W1).
        self.step(Acquire, |state| state.acquire_or_wait(place))
    }

    /// See [`Snapshot::first_has_left`].
    pub(crate) fn first_has_left(&self, missed: u32) -> bool {
        // ORDERING: Relaxed. It publishes nothing.
        self.step(Relaxed, |state| state.first_has_left(missed))
    }

    /// Takes the announcement of a line back.
    pub(crate) fn line_is_empty(&self) {
        // ORDERING: Relaxed. It publishes nothing.
        self.step(Relaxed, |state| (state.without_line(), ()));
    }
}

#[cfg(test)]
impl LockWord {
    /// The word, for tests that look behind the lock.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot(self.0.load(Relaxed))
    }
}

impl<'a> Held<'a> {
    /// The right to a lock that the caller has acquired, and for which there is no other `Held`.
    pub(crate) fn acquired(word: &'a LockWord) -> Self {
        Self(word)
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.release();
    }
}
