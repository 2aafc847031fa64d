//! The results of a map that have arrived and have not been yielded.

use crate::frames::Frames;
use crate::mailbox::{Arrival, Outcomes};
use crate::message::Received;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::vec;
use trine_future::TaskError;

/// What has arrived.
pub(super) struct Arrived {
    current: Current,
    later: Later,
}

/// Those that are being yielded.
enum Current {
    /// At these places.
    Replies(Arc<Frames>, Range<usize>),
    Others(vec::IntoIter<Result<Received, TaskError>>),
}

/// Those that are yielded later.
enum Later {
    /// By the place of the first element.
    InOrder(BTreeMap<u64, Outcomes>),
    AsCompleted(VecDeque<Outcomes>),
}

/// What has become of one element.
pub(super) enum Outcome<'a> {
    Reply(&'a [u8]),
    Other(Result<Received, TaskError>),
}

impl Arrived {
    /// To be yielded in the order of the arguments.
    pub(super) fn in_order() -> Self {
        Self {
            current: Current::from(Outcomes::Others(Vec::new())),
            later: Later::InOrder(BTreeMap::new()),
        }
    }

    /// From now on results are yielded in the order in which they arrive.
    pub(super) fn give_order_up(&mut self) {
        if let Later::InOrder(outcomes) = &mut self.later {
            let outcomes = std::mem::take(outcomes);
            self.later = Later::AsCompleted(outcomes.into_values().collect());
        }
    }

    pub(super) fn add(&mut self, arrival: Arrival) {
        match &mut self.later {
            Later::InOrder(later) => _ = later.insert(arrival.place, arrival.outcomes),
            Later::AsCompleted(later) => later.push_back(arrival.outcomes),
        }
    }

    /// The next one to be yielded, if it has arrived. So many have been yielded.
    pub(super) fn next(&mut self, yielded: u64) -> Option<Outcome<'_>> {
        while self.current.is_empty() {
            let outcomes = match &mut self.later {
                Later::InOrder(later) => later.remove(&yielded),
                Later::AsCompleted(later) => later.pop_front(),
            };
            self.current = Current::from(outcomes?);
        }
        self.current.next()
    }
}

impl From<Outcomes> for Current {
    fn from(outcomes: Outcomes) -> Self {
        match outcomes {
            Outcomes::Replies(replies, places) => Self::Replies(replies, places),
            Outcomes::Others(others) => Self::Others(others.into_iter()),
        }
    }
}

impl Current {
    fn is_empty(&self) -> bool {
        match self {
            Self::Replies(_, places) => places.is_empty(),
            Self::Others(others) => others.len() == 0,
        }
    }

    fn next(&mut self) -> Option<Outcome<'_>> {
        match self {
            Self::Replies(replies, places) => places.next().map(|place| Outcome::Reply(replies.get(place))),
            Self::Others(others) => others.next().map(Outcome::Other),
        }
    }
}
