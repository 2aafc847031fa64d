//! The state of a lock: what its word says, and what each event makes of it.
//!
//! Everything here is pure. `word.rs` applies these functions to the shared word, each in one read-modify-write, so
//! that a test of this table (`transitions.rs`) and the models (`models.rs`) check the same thing.
//!
//! | word                            | meaning                                           |
//! |---------------------------------|---------------------------------------------------|
//! | `0`                             | free                                              |
//! | `LOCKED`                        | held, nobody waits                                |
//! | `LOCKED` + `SLEEPERS`           | held, the unlock wakes a thread                   |
//! | `ASYNC`                         | free, a task is being woken and others may follow |
//! | `LOCKED` + `ASYNC`              | held, the unlock wakes a task                     |
//! | `LOCKED` + `SLEEPERS` + `ASYNC` | held, the unlock wakes a thread and a task        |
//!
//! `SLEEPERS` is never set in a free lock. The other bits are free for later use.

/// A guard exists.
const LOCKED: u32 = 1;
/// Threads may be asleep on the word: the unlock has to wake one.
const SLEEPERS: u32 = 1 << 1;
/// Tasks stand in this lock's line (`waiters.rs`): the unlock has to wake the first.
const ASYNC: u32 = 1 << 2;

/// What the word of a lock says at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot(pub(crate) u32);

/// How a thread's attempt ends that is ready to sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Attempt {
    /// The lock was free, and is the caller's.
    Acquired,
    /// The lock is held, and its unlock will wake a sleeper.
    Announced,
}

/// How a task's attempt ends that is ready to stand in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Registration {
    /// The lock was free, and is the caller's.
    Acquired,
    /// The lock is held, its unlock will wake the first in line, and the caller begins the line.
    First,
    /// The lock is held, its unlock will wake the first in line, and others stand there already.
    Joined,
}

/// Whom an unlock has to wake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Wake {
    /// One sleeping thread.
    pub(crate) sleeper: bool,
    /// The first task in line.
    pub(crate) waiter: bool,
}

impl Snapshot {
    /// A free lock for which nobody waits.
    pub(crate) const FREE: Self = Self(0);
    /// A held lock for which nobody waits.
    pub(crate) const HELD: Self = Self(LOCKED);

    /// Whether a guard exists.
    pub(crate) fn is_locked(self) -> bool {
        self.0 & LOCKED != 0
    }

    /// Whether threads may be asleep.
    pub(crate) fn has_sleepers(self) -> bool {
        self.0 & SLEEPERS != 0
    }

    /// Somebody wants the lock now or never. `None`: it is held.
    pub(crate) fn try_acquire(self) -> Option<Self> {
        (!self.is_locked()).then_some(Self(self.0 | LOCKED))
    }

    /// A thread wants the lock, or else to sleep.
    ///
    /// An unlock wakes one sleeper and forgets about the others. So a thread that `has_slept` speaks for them:
    /// `SLEEPERS` is set afterwards, however the attempt ends.
    pub(crate) fn acquire_or_announce(self, has_slept: bool) -> (Self, Attempt) {
        match self.try_acquire() {
            Some(Self(held)) if has_slept => (Self(held | SLEEPERS), Attempt::Acquired),
            Some(held) => (held, Attempt::Acquired),
            None => (Self(self.0 | SLEEPERS), Attempt::Announced),
        }
    }

    /// A task wants the lock, or else to stand in line.
    pub(crate) fn acquire_or_register(self) -> (Self, Registration) {
        match self.try_acquire() {
            Some(held) => (held, Registration::Acquired),
            None if self.0 & ASYNC == 0 => (Self(self.0 | ASYNC), Registration::First),
            None => (self, Registration::Joined),
        }
    }

    /// The guard is gone.
    pub(crate) fn release(self) -> (Self, Wake) {
        let wake = Wake {
            sleeper: self.has_sleepers(),
            waiter: self.0 & ASYNC != 0,
        };
        (Self(self.0 & ASYNC), wake)
    }

    /// The line is empty.
    pub(crate) fn without_line(self) -> Self {
        Self(self.0 & !ASYNC)
    }
}
