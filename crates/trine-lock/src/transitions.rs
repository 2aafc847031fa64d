//! The table of `state.rs` against a second one, written without bits.

use crate::state::{Attempt, Registration, Snapshot, Wake};
use proptest::collection::vec;
use proptest::prelude::*;

/// The states of a lock. The numbers are the words that stand for them.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Free = 0,
    Held = 1,
    HeldThreadsWait = 3,
    FreeTasksWait = 4,
    HeldTasksWait = 5,
    HeldBothWait = 7,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    TryAcquire,
    AcquireOrAnnounce { has_slept: bool },
    AcquireOrRegister,
    Release,
    LineIsEmpty,
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Nothing,
    Tried { acquired: bool },
    Attempted(Attempt),
    Registered(Registration),
    Released(Wake),
}

use Event::*;
use State::*;

fn reference(state: State, event: Event) -> (State, Outcome) {
    let tried = |acquired| Outcome::Tried { acquired };
    let wake = |sleeper, waiter| Outcome::Released(Wake { sleeper, waiter });
    let acquired = Outcome::Attempted(Attempt::Acquired);
    let announced = Outcome::Attempted(Attempt::Announced);
    match (event, state) {
        (TryAcquire, Free) => (Held, tried(true)),
        (TryAcquire, FreeTasksWait) => (HeldTasksWait, tried(true)),
        (TryAcquire, held) => (held, tried(false)),

        (AcquireOrAnnounce { has_slept: false }, Free) => (Held, acquired),
        (AcquireOrAnnounce { has_slept: false }, FreeTasksWait) => (HeldTasksWait, acquired),
        (AcquireOrAnnounce { has_slept: true }, Free) => (HeldThreadsWait, acquired),
        (AcquireOrAnnounce { has_slept: true }, FreeTasksWait) => (HeldBothWait, acquired),
        (AcquireOrAnnounce { .. }, Held | HeldThreadsWait) => (HeldThreadsWait, announced),
        (AcquireOrAnnounce { .. }, HeldTasksWait | HeldBothWait) => (HeldBothWait, announced),

        (AcquireOrRegister, Free) => (Held, Outcome::Registered(Registration::Acquired)),
        (AcquireOrRegister, FreeTasksWait) => (HeldTasksWait, Outcome::Registered(Registration::Acquired)),
        (AcquireOrRegister, Held) => (HeldTasksWait, Outcome::Registered(Registration::First)),
        (AcquireOrRegister, HeldThreadsWait) => (HeldBothWait, Outcome::Registered(Registration::First)),
        (AcquireOrRegister, joined) => (joined, Outcome::Registered(Registration::Joined)),

        (Release, Held) => (Free, wake(false, false)),
        (Release, HeldThreadsWait) => (Free, wake(true, false)),
        (Release, HeldTasksWait) => (FreeTasksWait, wake(false, true)),
        (Release, HeldBothWait) => (FreeTasksWait, wake(true, true)),
        (Release, Free | FreeTasksWait) => unreachable!("only a guard releases"),

        (LineIsEmpty, Free | FreeTasksWait) => (Free, Outcome::Nothing),
        (LineIsEmpty, Held | HeldTasksWait) => (Held, Outcome::Nothing),
        (LineIsEmpty, HeldThreadsWait | HeldBothWait) => (HeldThreadsWait, Outcome::Nothing),
    }
}

fn shipped(state: Snapshot, event: Event) -> (Snapshot, Outcome) {
    match event {
        TryAcquire => {
            let next = state.try_acquire();
            let acquired = next.is_some();
            (next.unwrap_or(state), Outcome::Tried { acquired })
        }
        AcquireOrAnnounce { has_slept } => {
            let (next, attempt) = state.acquire_or_announce(has_slept);
            (next, Outcome::Attempted(attempt))
        }
        AcquireOrRegister => {
            let (next, registration) = state.acquire_or_register();
            (next, Outcome::Registered(registration))
        }
        Release => {
            let (next, wake) = state.release();
            (next, Outcome::Released(wake))
        }
        LineIsEmpty => (state.without_line(), Outcome::Nothing),
    }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(TryAcquire),
        any::<bool>().prop_map(|has_slept| AcquireOrAnnounce { has_slept }),
        Just(AcquireOrRegister),
        Just(Release),
        Just(LineIsEmpty),
    ]
}

proptest! {
    #[test]
    fn the_table_agrees_with_the_reference(events in vec(event(), 1..100)) {
        let mut word = Snapshot::FREE;
        let mut state = Free;
        for event in events {
            if matches!((event, state), (Release, Free | FreeTasksWait)) {
                continue;
            }
            let (next_word, outcome) = shipped(word, event);
            let (next_state, expected) = reference(state, event);
            prop_assert_eq!(next_word, Snapshot(next_state as u32), "{:?} in {:?}", event, state);
            prop_assert_eq!(outcome, expected, "{:?} in {:?}", event, state);
            prop_assert_eq!(next_word.is_locked(), !matches!(next_state, Free | FreeTasksWait));
            prop_assert_eq!(next_word.has_sleepers(), matches!(next_state, HeldThreadsWait | HeldBothWait));
            (word, state) = (next_word, next_state);
        }
    }
}
