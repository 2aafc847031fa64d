//! The table of transitions, against a struct of plain fields.

use crate::snapshot::{Part, Phase, Snapshot};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Event {
    Claim,
    PutBack,
    Complete {
        fails: bool,
        lazy: bool,
        releases_producer: bool,
    },
    CompleteUnobserved {
        fails: bool,
    },
    CompleteWatched {
        fails: bool,
        lazy: bool,
    },
    Cancel {
        stops_running: bool,
    },
    RequestCancel,
    Give(Part),
    TakeBack(Part),
    Detach,
    Take,
    ReleaseFuture,
    ReleaseProducer,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Claim),
        Just(Event::PutBack),
        any::<(bool, bool, bool)>().prop_map(|(fails, lazy, releases_producer)| Event::Complete {
            fails,
            lazy,
            releases_producer,
        }),
        any::<bool>().prop_map(|stops_running| Event::Cancel { stops_running }),
        any::<bool>().prop_map(|fails| Event::CompleteUnobserved { fails }),
        any::<(bool, bool)>().prop_map(|(fails, lazy)| Event::CompleteWatched { fails, lazy }),
        Just(Event::RequestCancel),
        part().prop_map(Event::Give),
        part().prop_map(Event::TakeBack),
        Just(Event::Detach),
        Just(Event::Take),
        Just(Event::ReleaseFuture),
        Just(Event::ReleaseProducer),
    ]
}

fn part() -> impl Strategy<Value = Part> {
    prop::sample::select(vec![Part::Waiter, Part::Callbacks])
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Reference {
    phase: Phase,
    waiter: bool,
    callbacks: bool,
    taken_back: bool,
    lazy: bool,
    taken: bool,
    future: bool,
    producer: bool,
    cancel_requested: bool,
}

impl Reference {
    /// The state after `event`, or nothing if it is refused.
    fn after(self, event: Event) -> Option<Self> {
        let ended = match self.phase {
            Phase::Pending | Phase::Running => false,
            Phase::Done | Phase::Failed | Phase::Cancelled => true,
        };
        let watched = self.waiter || self.callbacks;
        let mut next = self;
        match (event, self.phase) {
            (Event::Claim, Phase::Pending) => next.phase = Phase::Running,
            (Event::PutBack, Phase::Running) => next.phase = Phase::Pending,
            (
                Event::Complete {
                    fails,
                    lazy,
                    releases_producer,
                },
                Phase::Pending | Phase::Running,
            ) => {
                next.phase = if fails { Phase::Failed } else { Phase::Done };
                next.lazy |= lazy;
                // Whoever completes a watched task comes back for the slot.
                next.producer &= !releases_producer || watched;
            }
            (Event::CompleteUnobserved { fails }, _) if !ended && self.future && !watched => {
                next.phase = if fails { Phase::Failed } else { Phase::Done };
                next.producer = false;
            }
            (Event::CompleteWatched { fails, lazy }, _)
                if !ended && self.future && watched && !self.taken_back =>
            {
                next.phase = if fails { Phase::Failed } else { Phase::Done };
                next.lazy |= lazy;
                next.producer = false;
            }
            (Event::Cancel { .. }, Phase::Pending)
            | (Event::Cancel { stops_running: true }, Phase::Running) => {
                next.phase = Phase::Cancelled;
                next.cancel_requested = true;
            }
            (Event::RequestCancel, _) if !ended => next.cancel_requested = true,
            (Event::Give(part), _) if !ended => *next.given(part) = true,
            (Event::TakeBack(part), _) if !ended => {
                *next.given(part) = false;
                next.taken_back = true;
            }
            (Event::Detach, _) if !ended => next.future = false,
            (Event::Take, _) => next.taken = true,
            (Event::ReleaseFuture, _) if self.future => next.future = false,
            (Event::ReleaseProducer, _) if self.producer => next.producer = false,
            _ => return None,
        }
        Some(next)
    }

    fn given(&mut self, part: Part) -> &mut bool {
        match part {
            Part::Waiter => &mut self.waiter,
            Part::Callbacks => &mut self.callbacks,
        }
    }
}

fn apply(snapshot: Snapshot, event: Event) -> Option<Snapshot> {
    match event {
        Event::Claim => snapshot.claim(),
        Event::PutBack => snapshot.put_back(),
        Event::Complete {
            fails,
            lazy,
            releases_producer,
        } => {
            let phase = if fails { Phase::Failed } else { Phase::Done };
            snapshot.complete(phase, lazy, releases_producer)
        }
        Event::CompleteUnobserved { fails } => {
            let phase = if fails { Phase::Failed } else { Phase::Done };
            snapshot.complete_unobserved(phase)
        }
        Event::CompleteWatched { fails, lazy } => {
            let phase = if fails { Phase::Failed } else { Phase::Done };
            snapshot.complete_watched(phase, lazy)
        }
        Event::Cancel { stops_running } => snapshot.cancel(stops_running),
        Event::RequestCancel => snapshot.request_cancel(),
        Event::Give(part) => snapshot.give(part),
        Event::TakeBack(part) => snapshot.take_back(part),
        Event::Detach => snapshot.detach(),
        Event::Take => Some(snapshot.take()),
        Event::ReleaseFuture => snapshot
            .has_future()
            .then(|| without(snapshot, Snapshot::FUTURE_SIDE)),
        Event::ReleaseProducer => snapshot
            .has_producer()
            .then(|| without(snapshot, Snapshot::PRODUCER_SIDE)),
    }
}

/// What `State::release` does.
fn without(snapshot: Snapshot, side: Snapshot) -> Snapshot {
    Snapshot::from_bits(snapshot.bits() - side.bits())
}

fn seen(snapshot: Snapshot) -> Reference {
    Reference {
        phase: snapshot.phase(),
        waiter: snapshot.is_given(Part::Waiter),
        callbacks: snapshot.is_given(Part::Callbacks),
        taken_back: snapshot.was_taken_back(),
        lazy: snapshot.is_lazy(),
        taken: snapshot.is_taken(),
        future: snapshot.has_future(),
        producer: snapshot.has_producer(),
        cancel_requested: snapshot.is_cancel_requested(),
    }
}

/// A task that nobody has started, or one that was done from the start.
fn start(ready: Option<Phase>) -> (Snapshot, Reference) {
    let reference = Reference {
        phase: ready.unwrap_or(Phase::Pending),
        waiter: false,
        callbacks: false,
        taken_back: false,
        lazy: false,
        taken: false,
        future: true,
        producer: ready.is_none(),
        cancel_requested: false,
    };
    (ready.map_or(Snapshot::PENDING, Snapshot::ready), reference)
}

proptest! {
    #[test]
    fn a_snapshot_changes_as_the_reference_does(
        ready in prop::sample::select(vec![None, None, Some(Phase::Done), Some(Phase::Failed)]),
        events in prop::collection::vec(event(), 0..16),
    ) {
        let (mut snapshot, mut reference) = start(ready);
        prop_assert_eq!(seen(snapshot), reference);
        for event in events {
            let (next, expected) = (apply(snapshot, event), reference.after(event));
            prop_assert_eq!(next.map(seen), expected, "{:?} in {:?}", event, reference);
            if let (Some(next), Some(expected)) = (next, expected) {
                prop_assert_eq!(Snapshot::from_bits(next.bits()).bits(), next.bits());
                prop_assert_eq!(next.is_watched(), expected.waiter || expected.callbacks);
                prop_assert_eq!(next.is_terminal(), expected.phase as u32 >= Phase::Done as u32);
                (snapshot, reference) = (next, expected);
            }
        }
    }
}
