//! The state of a lock: what its word says, and what each event makes of it.
//!
//! Everything here is pure. `word.rs` applies these functions to the shared word, each in one read-modify-write, so
//! that a test of this table (`transitions.rs`) and the models (`models.rs`) check the same thing.
//!
//! | word                        | meaning                                                       |
//! |-----------------------------|---------------------------------------------------------------|
//! | `0`                         | free, nobody waits                                            |
//! | `LOCKED`                    | held, nobody waits                                            |
//! | `LOCKED` + `LINE`           | held, the unlock wakes the first in line                      |
//! | `LOCKED` + `LINE` + `WOKEN` | held, the first in line was woken and has not come yet        |
//! | `LINE`                      | free, whoever has freed it is about to wake the first in line |
//! | `LINE` + `WOKEN`            | free, the first in line was woken, others may come before it  |
//!
//! The upper bits count how often the first in line was passed over. At [`MAX_OVERTAKES`] the lock is *reserved*: when
//! it is free, only the first in line can take it. For everybody else it is as if it were held.

/// How often a waiter is passed over at most: how many of those who came after it hold the lock before it does.
///
/// In a model it is small enough to be reached, and large enough for an overtaken waiter to need another wake.
pub(crate) const MAX_OVERTAKES: u32 = if cfg!(trine_loom) { 2 } else { 100 };

/// The lock is held.
pub(crate) const LOCKED: u32 = 1;
/// Threads or tasks stand in this lock's line (`waiters.rs`).
const LINE: u32 = 1 << 1;
/// The first in line was woken, or somebody is on the way to wake it: no other wake is needed.
const WOKEN: u32 = 1 << 2;
/// The first in line was passed over once.
const OVERTAKE: u32 = 1 << 3;

/// What the word of a lock says at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot(pub(crate) u32);

/// Where somebody stands who waits for the lock, or will if it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At the head of the line.
    First,
    /// Behind somebody else.
    Behind,
}

/// How the attempt of a waiter ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Attempt {
    /// The lock was free, and is the caller's.
    Acquired,
    /// The lock is held, or reserved for another one. By now the first in line was passed over so often.
    Waits { overtakes: u32 },
}

impl Snapshot {
    /// A free lock for which nobody waits.
    pub(crate) const FREE: Self = Self(0);
    /// A held lock for which nobody waits.
    pub(crate) const HELD: Self = Self(LOCKED);

    /// Whether it is held.
    pub(crate) fn is_locked(self) -> bool {
        self.0 & LOCKED != 0
    }

    /// Whether somebody stands in line.
    pub(crate) fn has_line(self) -> bool {
        self.0 & LINE != 0
    }

    /// How often the first in line was passed over.
    pub(crate) fn overtakes(self) -> u32 {
        self.0 / OVERTAKE
    }

    /// Whether nobody but the first in line can take it.
    fn is_reserved(self) -> bool {
        self.overtakes() >= MAX_OVERTAKES
    }

    /// Somebody wants the lock now or never, and passes over those who stand in line. `None`: it is held, or reserved.
    pub(crate) fn try_acquire(self) -> Option<Self> {
        let overtake = if self.has_line() { OVERTAKE } else { 0 };
        let is_open = !self.is_locked() && !self.is_reserved();
        is_open.then_some(Self((self.0 | LOCKED) + overtake))
    }

    /// Somebody wants the lock, or else to wait at this place in line.
    pub(crate) fn acquire_or_wait(self, place: Place) -> (Self, Attempt) {
        let waits = Attempt::Waits {
            overtakes: self.overtakes(),
        };
        match place {
            Place::First if !self.is_locked() => (Self(self.0 | LOCKED), Attempt::Acquired),
            // It sleeps from now on, so it has to be woken again.
            Place::First => (Self((self.0 | LINE) & !WOKEN), waits),
            Place::Behind => self
                .try_acquire()
                .map_or((self, waits), |held| (held, Attempt::Acquired)),
        }
    }

    /// Somebody has freed the lock, and wakes the first in line if this is not `None`.
    pub(crate) fn wake_first(self) -> Option<Self> {
        let sleeps_beside_a_free_lock = self.0 & (LOCKED | LINE | WOKEN) == LINE;
        sleeps_beside_a_free_lock.then_some(Self(self.0 | WOKEN))
    }

    /// Who was first in line has left it, with or without the lock. When the next one in line came, the first had been
    /// passed over `missed` times, which do not count for the next.
    ///
    /// True if the lock is free: the next has to be woken by the caller.
    pub(crate) fn first_has_left(self, missed: u32) -> (Self, bool) {
        let overtakes = self.overtakes().saturating_sub(missed);
        let flags = self.0 & (OVERTAKE - 1) & !WOKEN;
        let woken = if self.is_locked() { 0 } else { WOKEN };
        (Self((overtakes * OVERTAKE) | flags | woken), !self.is_locked())
    }

    /// The line is empty.
    pub(crate) fn without_line(self) -> Self {
        Self(self.0 & LOCKED)
    }
}
