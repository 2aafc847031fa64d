//! The table of `state.rs` against a second one, written without bits.

use crate::state::{Attempt, LOCKED, MAX_OVERTAKES, Place, Snapshot};
use proptest::collection::vec;
use proptest::prelude::*;

/// The states of a lock.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Free,
    Held,
    /// The first in line sleeps, and was passed over so often.
    HeldFirstSleeps(u32),
    /// The first in line was woken, and passed over so often.
    HeldFirstWoken(u32),
    FreeFirstSleeps(u32),
    FreeFirstWoken(u32),
}

#[derive(Clone, Copy, Debug)]
enum Event {
    TryAcquire,
    AcquireOrWait(Place),
    Release,
    WakeFirst,
    /// The next one came after a part of the overtakes: so many hundredths.
    FirstHasLeft {
        percent: u32,
    },
    LineIsEmpty,
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Nothing,
    Tried { acquired: bool },
    Attempted(Attempt),
    LookedForTheFirst { wakes: bool },
    Left { wakes: bool },
}

use Event::*;
use State::*;

impl State {
    /// The word that stands for it.
    fn word(self) -> u32 {
        match self {
            Free => 0,
            Held => 1,
            HeldFirstSleeps(overtakes) => 3 + 8 * overtakes,
            HeldFirstWoken(overtakes) => 7 + 8 * overtakes,
            FreeFirstSleeps(overtakes) => 2 + 8 * overtakes,
            FreeFirstWoken(overtakes) => 6 + 8 * overtakes,
        }
    }

    fn overtakes(self) -> u32 {
        match self {
            Free | Held => 0,
            HeldFirstSleeps(overtakes)
            | HeldFirstWoken(overtakes)
            | FreeFirstSleeps(overtakes)
            | FreeFirstWoken(overtakes) => overtakes,
        }
    }

    fn has_line(self) -> bool {
        !matches!(self, Free | Held)
    }

    fn is_free(self) -> bool {
        matches!(self, Free | FreeFirstSleeps(_) | FreeFirstWoken(_))
    }
}

/// The overtakes that the next in line did not see.
fn missed(state: State, percent: u32) -> u32 {
    state.overtakes() * percent / 100
}

fn can_happen(event: Event, state: State) -> bool {
    match event {
        TryAcquire | WakeFirst => true,
        // Before there is a line, nobody stands behind the first.
        AcquireOrWait(place) => place == Place::First || state.has_line(),
        Release => !state.is_free(),
        FirstHasLeft { .. } | LineIsEmpty => state.has_line(),
    }
}

fn reference(state: State, event: Event) -> (State, Outcome) {
    let tried = |acquired| Outcome::Tried { acquired };
    let acquired = Outcome::Attempted(Attempt::Acquired);
    let waits = Outcome::Attempted(Attempt::Waits {
        overtakes: state.overtakes(),
    });
    match (event, state) {
        (TryAcquire, Free) => (Held, tried(true)),
        (TryAcquire, FreeFirstSleeps(n)) if n < MAX_OVERTAKES => (HeldFirstSleeps(n + 1), tried(true)),
        (TryAcquire, FreeFirstWoken(n)) if n < MAX_OVERTAKES => (HeldFirstWoken(n + 1), tried(true)),
        (TryAcquire, out_of_reach) => (out_of_reach, tried(false)),

        (AcquireOrWait(_), Free) => (Held, acquired),
        (AcquireOrWait(Place::First), FreeFirstSleeps(n)) => (HeldFirstSleeps(n), acquired),
        (AcquireOrWait(Place::First), FreeFirstWoken(n)) => (HeldFirstWoken(n), acquired),
        (AcquireOrWait(Place::First), Held) => (HeldFirstSleeps(0), waits),
        (AcquireOrWait(Place::First), HeldFirstSleeps(n) | HeldFirstWoken(n)) => (HeldFirstSleeps(n), waits),
        (AcquireOrWait(Place::Behind), state) => match reference(state, TryAcquire) {
            (held, Outcome::Tried { acquired: true }) => (held, acquired),
            _ => (state, waits),
        },

        (Release, Held) => (Free, Outcome::Nothing),
        (Release, HeldFirstSleeps(n)) => (FreeFirstSleeps(n), Outcome::Nothing),
        (Release, HeldFirstWoken(n)) => (FreeFirstWoken(n), Outcome::Nothing),
        (Release, _) => unreachable!("only a guard releases"),

        (WakeFirst, FreeFirstSleeps(n)) => (FreeFirstWoken(n), Outcome::LookedForTheFirst { wakes: true }),
        (WakeFirst, state) => (state, Outcome::LookedForTheFirst { wakes: false }),

        (FirstHasLeft { percent }, FreeFirstSleeps(n) | FreeFirstWoken(n)) => (
            FreeFirstWoken(n - missed(state, percent)),
            Outcome::Left { wakes: true },
        ),
        (FirstHasLeft { percent }, held) => {
            let overtakes = held.overtakes() - missed(state, percent);
            (HeldFirstSleeps(overtakes), Outcome::Left { wakes: false })
        }

        (LineIsEmpty, state) if state.is_free() => (Free, Outcome::Nothing),
        (LineIsEmpty, _) => (Held, Outcome::Nothing),
    }
}

fn shipped(word: Snapshot, event: Event, state: State) -> (Snapshot, Outcome) {
    match event {
        TryAcquire => {
            let next = word.try_acquire();
            let acquired = next.is_some();
            (next.unwrap_or(word), Outcome::Tried { acquired })
        }
        AcquireOrWait(place) => {
            let (next, attempt) = word.acquire_or_wait(place);
            (next, Outcome::Attempted(attempt))
        }
        Release => (Snapshot(word.0 - LOCKED), Outcome::Nothing),
        WakeFirst => {
            let next = word.wake_first();
            let wakes = next.is_some();
            (next.unwrap_or(word), Outcome::LookedForTheFirst { wakes })
        }
        FirstHasLeft { percent } => {
            let (next, wakes) = word.first_has_left(missed(state, percent));
            (next, Outcome::Left { wakes })
        }
        LineIsEmpty => (word.without_line(), Outcome::Nothing),
    }
}

fn event() -> impl Strategy<Value = Event> {
    // Mostly those that pass over the first in line, so that the lock is reserved for it now and then.
    prop_oneof![
        20 => Just(TryAcquire),
        20 => Just(Release),
        10 => Just(WakeFirst),
        2 => Just(AcquireOrWait(Place::First)),
        2 => Just(AcquireOrWait(Place::Behind)),
        1 => (0..=100u32).prop_map(|percent| FirstHasLeft { percent }),
        1 => Just(LineIsEmpty),
    ]
}

proptest! {
    #[test]
    fn the_table_agrees_with_the_reference(events in vec(event(), 1..1_000)) {
        let mut word = Snapshot::FREE;
        let mut state = Free;
        for event in events {
            if !can_happen(event, state) {
                continue;
            }
            let (next_word, outcome) = shipped(word, event, state);
            let (next_state, expected) = reference(state, event);
            prop_assert_eq!(next_word, Snapshot(next_state.word()), "{:?} in {:?}", event, state);
            prop_assert_eq!(outcome, expected, "{:?} in {:?}", event, state);
            prop_assert_eq!(next_word.is_locked(), !next_state.is_free());
            prop_assert_eq!(next_word.has_line(), next_state.has_line());
            prop_assert_eq!(next_word.overtakes(), next_state.overtakes());
            prop_assert!(next_state.overtakes() <= MAX_OVERTAKES);
            (word, state) = (next_word, next_state);
        }
    }
}
