//! The state of a task as a value, and what may become of it.
//!
//! Every change of a task's state is a pure function here, from one snapshot to the next; `state.rs` applies them
//! with one atomic read-modify-write. So the rules can be tested without threads, and the threads without rules.
//!
//! | from \ event | claim | put back | complete | cancel | request a cancel | give, take back | detach |
//! |---|---|---|---|---|---|---|---|
//! | Pending | Running | no | Done or Failed | Cancelled | yes | yes | yes |
//! | Running | no | Pending | Done or Failed | Cancelled, if its owner can stop it | yes | yes | yes |
//! | Done, Failed, Cancelled | no | no | no | no | no | no | no: the future drops the value first |

/// Where a task is on its way. The last three are terminal: exactly one of them is reached, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Pending = 0,
    Running = 1,
    Done = 2,
    Failed = 3,
    Cancelled = 4,
}

/// One value of the state word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Snapshot(u32);

/// A part of the slot. Under its bit it belongs to whoever completes; without, to the future's holder.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(crate) enum Part {
    Waiter = 1 << 3,
    Callbacks = 1 << 10,
}

const PHASE: u32 = 0b111;
/// Either part of the slot.
const WATCHED: u32 = Part::Waiter as u32 | Part::Callbacks as u32;
/// The result is not stored: the holder of the future makes it out of the work when it takes it.
const LAZY: u32 = 1 << 4;
/// The result has been taken.
const TAKEN: u32 = 1 << 5;
/// The future is alive.
const FUTURE: u32 = 1 << 6;
/// The producer's side (a promise, or the queue's pointer) is alive.
const PRODUCER: u32 = 1 << 7;
/// The task has been asked to stop.
const CANCEL_REQUESTED: u32 = 1 << 8;
/// A part of the slot was given once, and taken back.
const TAKEN_BACK: u32 = 1 << 9;

impl Snapshot {
    /// A task that nobody has started, with both sides alive.
    pub(crate) const PENDING: Self = Self(Phase::Pending as u32 | FUTURE | PRODUCER);
    /// The future, as what a state has less once it has gone.
    pub(crate) const FUTURE_SIDE: Self = Self(FUTURE);
    /// The producer's side, as what a state has less once it has gone.
    pub(crate) const PRODUCER_SIDE: Self = Self(PRODUCER);

    /// A stored result that never had a producer.
    pub(crate) const fn ready(phase: Phase) -> Self {
        Self(phase as u32 | FUTURE)
    }

    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    pub(crate) fn phase(self) -> Phase {
        match self.0 & PHASE {
            0 => Phase::Pending,
            1 => Phase::Running,
            2 => Phase::Done,
            3 => Phase::Failed,
            _ => Phase::Cancelled,
        }
    }

    pub(crate) fn is_terminal(self) -> bool {
        self.0 & PHASE >= Phase::Done as u32
    }

    /// Somebody is to be told of the end.
    pub(crate) fn is_watched(self) -> bool {
        self.0 & WATCHED != 0
    }

    pub(crate) fn is_given(self, part: Part) -> bool {
        self.0 & part as u32 != 0
    }

    pub(crate) fn was_taken_back(self) -> bool {
        self.0 & TAKEN_BACK != 0
    }

    pub(crate) fn is_lazy(self) -> bool {
        self.0 & LAZY != 0
    }

    pub(crate) fn is_taken(self) -> bool {
        self.0 & TAKEN != 0
    }

    /// It has ended, with a result that is in the block.
    pub(crate) fn has_stored_result(self) -> bool {
        matches!(self.phase(), Phase::Done | Phase::Failed) && !self.is_lazy() && !self.is_taken()
    }

    pub(crate) fn has_future(self) -> bool {
        self.0 & FUTURE != 0
    }

    pub(crate) fn has_producer(self) -> bool {
        self.0 & PRODUCER != 0
    }

    /// Nobody has started the task, and nobody but its producer will ever look at it again: a future that has gone does
    /// not come back.
    pub(crate) fn is_producers_alone(self) -> bool {
        self.phase() == Phase::Pending && !self.has_future() && !self.is_watched()
    }

    /// The task should stop: it has been asked to, or it has been cancelled while it ran.
    pub(crate) fn is_cancel_requested(self) -> bool {
        self.0 & CANCEL_REQUESTED != 0 || self.phase() == Phase::Cancelled
    }

    /// Somebody takes the right to run the task.
    pub(crate) fn claim(self) -> Option<Self> {
        (self.phase() == Phase::Pending).then(|| self.with_phase(Phase::Running))
    }

    /// The task ends. The producer's side ends with it unless somebody watches: then the completer still needs the
    /// block, to take the slot out of it.
    pub(crate) fn complete(self, phase: Phase, lazy: bool, releases_producer: bool) -> Option<Self> {
        if self.is_terminal() {
            return None;
        }
        let mut next = self.with_phase(phase);
        if lazy {
            next.0 |= LAZY;
        }
        if releases_producer && !self.is_watched() {
            next.0 &= !PRODUCER;
        }
        Some(next)
    }

    /// [`complete`](Self::complete) for the producer, if the future is there and nobody watches.
    pub(crate) fn complete_unobserved(self, phase: Phase) -> Option<Self> {
        (self.has_future() && !self.is_watched())
            .then(|| self.complete(phase, false, true))
            .flatten()
    }

    /// The task ends, and with it the producer's side, though somebody watches: the completer has copied the slot before. So the
    /// future has to be there, to free the block, and no part of the slot may have been taken back. Until then what is given
    /// stays as it is; given once more, it is another one in a state that looks the same.
    pub(crate) fn complete_watched(self, phase: Phase, lazy: bool) -> Option<Self> {
        let is_copy_good = self.has_future() && self.is_watched() && !self.was_taken_back();
        let next = is_copy_good.then(|| self.complete(phase, lazy, false))??;
        Some(Self(next.0 & !PRODUCER))
    }

    /// A claim is taken back: the task has not begun.
    pub(crate) fn put_back(self) -> Option<Self> {
        (self.phase() == Phase::Running).then(|| self.with_phase(Phase::Pending))
    }

    /// The task is cancelled.
    pub(crate) fn cancel(self, stops_running: bool) -> Option<Self> {
        match self.phase() {
            Phase::Pending => Some(self.with_phase(Phase::Cancelled)),
            Phase::Running if stops_running => Some(self.with_phase(Phase::Cancelled)),
            _ => None,
        }
    }

    /// The task is asked to stop.
    pub(crate) fn request_cancel(self) -> Option<Self> {
        (!self.is_terminal()).then_some(Self(self.0 | CANCEL_REQUESTED))
    }

    /// The future's holder gives a part of the slot to the completer.
    pub(crate) fn give(self, part: Part) -> Option<Self> {
        (!self.is_terminal()).then_some(Self(self.0 | part as u32))
    }

    /// The future's holder takes a part of the slot back.
    pub(crate) fn take_back(self, part: Part) -> Option<Self> {
        (!self.is_terminal()).then_some(Self(self.0 & !(part as u32) | TAKEN_BACK))
    }

    /// The future goes while the task has not ended: its result will be nobody's.
    pub(crate) fn detach(self) -> Option<Self> {
        (!self.is_terminal()).then_some(Self(self.0 & !FUTURE))
    }

    /// The result leaves the block.
    pub(crate) fn take(self) -> Self {
        Self(self.0 | TAKEN)
    }

    fn with_phase(self, phase: Phase) -> Self {
        Self(self.0 & !PHASE | phase as u32)
    }
}
