//! Where the results of a map come in: from whoever takes the replies of a worker, to the one who iterates.

use crate::frames::Frames;
use crate::message::Received;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use trine_future::{Future, Promise, TaskError};
use trine_lock::Lock;

/// What has become of elements.
pub(crate) enum Outcomes {
    /// Those replies among others, encoded, with nothing beside them.
    Replies(Arc<Frames>, Range<usize>),
    /// What a worker has replied otherwise, or that it has not.
    Others(Vec<Result<Received, TaskError>>),
}

impl Outcomes {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Replies(_, places) => places.len(),
            Self::Others(others) => others.len(),
        }
    }
}

/// What has become of some elements of a map, which stand one after another there.
pub(crate) struct Arrival {
    /// The place of the first of them.
    pub(crate) place: u64,
    pub(crate) outcomes: Outcomes,
    /// How long each of them took in its worker, if that is known.
    pub(crate) each: Option<Duration>,
}

/// The place where they arrive.
#[derive(Default)]
pub(crate) struct Mailbox {
    inside: Lock<Inside>,
    is_abandoned: AtomicBool,
}

#[derive(Default)]
struct Inside {
    arrived: Vec<Arrival>,
    /// Whoever waits for something to arrive.
    listener: Option<Promise<()>>,
}

impl Mailbox {
    /// Something has arrived.
    pub(crate) fn deliver(&self, arrival: Arrival) {
        let mut inside = self.inside.lock();
        inside.arrived.push(arrival);
        let listener = inside.listener.take();
        drop(inside);
        if let Some(listener) = listener {
            // One that has gone away is not told.
            let _ = listener.complete(());
        }
    }

    /// Takes what has arrived.
    pub(crate) fn take(&self) -> Vec<Arrival> {
        std::mem::take(&mut self.inside.lock().arrived)
    }

    /// A future, made by `make`, that is done when something arrives. `None` if something is there already.
    pub(crate) fn listen(&self, make: impl FnOnce() -> (Promise<()>, Future<()>)) -> Option<Future<()>> {
        let (promise, future) = make();
        let mut inside = self.inside.lock();
        if !inside.arrived.is_empty() {
            return None;
        }
        let before = inside.listener.replace(promise);
        drop(inside);
        drop(before);
        Some(future)
    }

    /// Nobody iterates any more: what has not begun is of no use.
    pub(crate) fn abandon(&self) {
        // ORDERING: Relaxed: nothing is read because of it. Who sees it late runs what nobody waits for.
        self.is_abandoned.store(true, Relaxed);
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Relaxed)
    }
}
