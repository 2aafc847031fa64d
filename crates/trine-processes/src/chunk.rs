//! Elements of a map that travel together: the task of a ticket that stands for several.

use crate::frame;
use crate::frames::Frames;
use crate::mailbox::{Mailbox, Outcomes};
use crate::message::Message;
use crate::task::Function;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use trine_future::{SpanContext, TaskError};

/// The encoded calls of some elements, which stand one after another in their map. The parts of a chunk that was divided share
/// them.
pub(crate) struct Calls {
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) function: Function,
    /// The number of the first element, as a task.
    pub(crate) number: u64,
    /// Its place in the map.
    pub(crate) place: u64,
    pub(crate) arguments: Arguments,
}

/// Encoded arguments.
pub(crate) enum Arguments {
    Together(Frames),
    /// One that is long, or has something beside it: the whole call.
    Alone(Message),
}

impl Calls {
    /// Delivers what has become of elements, of which the first has this index.
    pub(crate) fn deliver(&self, first: u32, outcomes: Outcomes) {
        self.mailbox.deliver(self.place + u64::from(first), outcomes);
    }

    /// The call of an element that travels by itself, with what is beside it.
    pub(crate) fn alone(&self) -> Option<&Message> {
        match &self.arguments {
            Arguments::Together(_) => None,
            Arguments::Alone(message) => Some(message),
        }
    }
}

impl Arguments {
    /// What they count against a limit.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Together(arguments) => arguments.weight(),
            Self::Alone(message) => message.weight(),
        }
    }

    /// How many elements they are for.
    pub(crate) fn count(&self) -> u32 {
        match self {
            // There are no more than go with one call.
            Self::Together(arguments) => arguments.len() as u32,
            Self::Alone(_) => 1,
        }
    }
}

/// Some of these calls, which have not ended. Dropped before they have, they fail.
pub(crate) struct Chunk {
    calls: Arc<Calls>,
    left: Range<u32>,
}

impl Chunk {
    pub(crate) fn new(calls: Calls) -> Self {
        let left = 0..calls.arguments.count();
        let calls = Arc::new(calls);
        Self { calls, left }
    }

    pub(crate) fn calls(&self) -> &Arc<Calls> {
        &self.calls
    }

    /// The first of them has ended. Returns its index.
    pub(crate) fn advance(&mut self) -> u32 {
        let index = self.left.start;
        self.left.start += 1;
        index
    }

    /// Keeps so many elements, and returns the others.
    pub(crate) fn divide(&mut self, kept: u32) -> Self {
        let middle = self.left.start + kept;
        let left = middle..self.left.end;
        self.left.end = middle;
        Self {
            calls: Arc::clone(&self.calls),
            left,
        }
    }

    /// What is sent to a worker. An element by itself has a span.
    pub(crate) fn request(&self, span: SpanContext) -> Cow<'_, Message> {
        let Calls {
            function,
            number,
            arguments,
            ..
        } = &*self.calls;
        let arguments = match arguments {
            Arguments::Alone(message) => return Cow::Borrowed(message),
            Arguments::Together(arguments) => arguments,
        };
        let number = number + u64::from(self.left.start);
        let argument = |index: u32| arguments.get(index as usize);
        let frame = if self.left.len() == 1 {
            let mut frame = function.call(number, span);
            frame.extend(argument(self.left.start));
            frame
        } else {
            let mut frame = frame::calls(number, function.entry, function.fingerprint);
            for index in self.left.clone() {
                frame::put_argument(&mut frame, argument(index));
            }
            frame
        };
        Cow::Owned(Message::plain(frame))
    }

    /// Ends all elements that are left, each with an error of its own.
    pub(crate) fn fail(mut self, error: impl Fn() -> TaskError) {
        self.fail_all(error);
    }

    fn fail_all(&mut self, error: impl Fn() -> TaskError) {
        let first = self.left.start;
        let errors: Vec<_> = self.left.by_ref().map(|_| Err(error())).collect();
        if !errors.is_empty() {
            self.calls.deliver(first, Outcomes::Others(errors));
        }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.fail_all(TaskError::abandoned);
    }
}
