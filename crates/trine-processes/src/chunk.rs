//! Elements of a map that travel together: the task of a ticket that stands for several.

use crate::frame;
use crate::frames::Frames;
use crate::mailbox::{Arrival, Mailbox, Outcomes};
use crate::message::Message;
use crate::task::Function;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use trine_future::{SpanContext, TaskError, TaskSpan};

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
    /// Each as [`frame::put_argument`] writes it.
    Together(Frames),
    /// One that is long, or has something beside it: the whole call.
    Alone(Message),
}

impl Calls {
    /// Delivers what has become of elements, of which the first has this index; each took so long, if that is known. What is beside the call of one that travels by
    /// itself is let go of before: so who has the result finds shared slices to be its own again.
    pub(crate) fn deliver(self: Arc<Self>, first: u32, outcomes: Outcomes, each: Option<Duration>) {
        let place = self.place + u64::from(first);
        let mailbox = Arc::clone(&self.mailbox);
        drop(self);
        mailbox.deliver(Arrival {
            place,
            outcomes,
            each,
        });
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

    /// So many of the first of them have ended. Returns the index of the first.
    pub(crate) fn advance(&mut self, ended: u32) -> u32 {
        let index = self.left.start;
        self.left.start += ended;
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
        let (first, end) = (self.left.start as usize, self.left.end as usize);
        let (mut frame, arguments) = if end - first == 1 {
            let argument = frame::argument(arguments.get(first));
            (function.call(number, span), argument)
        } else {
            let several = frame::calls(number, function.entry, function.fingerprint);
            (several, arguments.range(first..end))
        };
        frame.extend_from_slice(arguments);
        Cow::Owned(Message::plain(frame))
    }

    /// Ends all elements that are left, each with an error of its own, and before that their span.
    pub(crate) fn fail(mut self, error: impl Fn() -> TaskError, span: TaskSpan) {
        if let Some((calls, first, errors)) = self.end(error) {
            drop((self, span));
            calls.deliver(first, errors, None);
        }
    }

    /// What is to be delivered to whom, if elements are left. Then none are.
    fn end(&mut self, error: impl Fn() -> TaskError) -> Option<(Arc<Calls>, u32, Outcomes)> {
        let first = self.left.start;
        let errors: Vec<_> = self.left.by_ref().map(|_| Err(error())).collect();
        (!errors.is_empty()).then(|| (Arc::clone(&self.calls), first, Outcomes::Others(errors)))
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if let Some((calls, first, errors)) = self.end(TaskError::abandoned) {
            calls.deliver(first, errors, None);
        }
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{Arguments, Calls, Chunk};
    use crate::frame::Frame;
    use crate::mailbox::{Mailbox, Outcomes};
    use crate::message::Message;
    use crate::task::{Function, Names};
    use std::any::type_name;
    use std::sync::atomic::AtomicBool;
    use std::sync::atomic::Ordering::Relaxed;
    use std::sync::{Arc, Weak};
    use trine_future::{Promise, TaskError, TaskSpan};

    /// An element that travels by itself.
    fn alone(mailbox: &Arc<Mailbox>) -> Calls {
        let function = Function {
            names: Names::of::<(), ()>(type_name::<()>),
            entry: 0,
            fingerprint: 0,
        };
        Calls {
            mailbox: Arc::clone(mailbox),
            function,
            number: 0,
            place: 0,
            arguments: Arguments::Alone(Message::plain(Frame::new())),
        }
    }

    /// Whether the calls are gone when `end` tells who listens.
    fn is_let_go_of_by(end: impl FnOnce(Chunk)) -> bool {
        let mailbox = Arc::<Mailbox>::default();
        let chunk = Chunk::new(alone(&mailbox));
        let calls: Weak<Calls> = Arc::downgrade(chunk.calls());
        let is_gone = Arc::new(AtomicBool::new(false));
        let result = Arc::clone(&is_gone);
        let (promise, mut future) = Promise::new();
        future.on_done(move |_| result.store(calls.upgrade().is_none(), Relaxed));
        assert!(mailbox.listen(|| (promise, future)).is_some());
        end(chunk);
        is_gone.load(Relaxed)
    }

    #[test]
    fn what_is_beside_an_argument_is_let_go_of_before_the_result_is_there() {
        assert!(is_let_go_of_by(|chunk| {
            let calls = Arc::clone(chunk.calls());
            let mut ended = chunk;
            ended.advance(1);
            drop(ended);
            calls.deliver(0, Outcomes::Others(vec![Err(TaskError::cancelled())]), None);
        }));
        assert!(is_let_go_of_by(
            |chunk| chunk.fail(TaskError::cancelled, TaskSpan::none())
        ));
    }

    #[test]
    fn elements_whose_chunk_is_dropped_have_ended() {
        let mailbox = Arc::<Mailbox>::default();
        drop(Chunk::new(alone(&mailbox)));
        assert_eq!(mailbox.take().len(), 1);
    }
}
