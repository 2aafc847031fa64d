//! Who is to be told when a task ends.

use crate::Outcome;
use crate::completions::Completions;
use crate::ending::Producer;
use crate::{deferred, failure};
use std::sync::Arc;
use std::task::Waker;
use trine_platform::Parker;

/// The one who waits for a future. There is at most one at a time, because waiting needs `&mut Future`.
#[derive(Default)]
pub(crate) enum Waiter {
    #[default]
    Nobody,
    /// A thread that sleeps.
    Thread(Parker),
    /// An async task.
    Task(Waker),
    /// A wait for many futures, in which this one has a number.
    Many(Arc<Completions>, u32),
    /// A future that converts this one's value.
    Mapped(Producer),
    /// A shared future. Those who wait for it are told by this, so it is not put off as callbacks are.
    Shared(Box<Callback>),
}

impl Waiter {
    /// Drops it, untold.
    pub(crate) fn dismiss(self) {
        if let Self::Task(waker) = self {
            // PANIC: a waker is the user's code. Those who dismiss it have more to do.
            failure::contain(|| drop(waker));
        }
    }
}

/// A function that runs when the task ends.
pub(crate) type Callback = Box<dyn FnOnce(Outcome) + Send>;

/// The functions that run when the task ends, in the order in which they were added.
#[derive(Default)]
pub(crate) struct Callbacks(pub(crate) Vec<Callback>);

impl Callbacks {
    pub(crate) fn call(self, outcome: Outcome) {
        for callback in self.0 {
            // PANIC: a callback is the user's code. The others run all the same.
            failure::contain(|| callback(outcome));
        }
    }
}

/// The waiter and the callbacks of a future.
///
/// Each belongs to the future's holder until `State::give`, and to whoever ends the task from then on, until
/// `State::take_back`. Each by itself, so that whoever begins to wait, or gives up, has nothing to do with the callbacks: if the task
/// ends meanwhile they run where it ends.
#[derive(Default)]
pub(crate) struct Slot {
    pub(crate) waiter: Waiter,
    /// Most tasks have none, so an empty list is a null pointer.
    pub(crate) callbacks: Option<Box<Callbacks>>,
}

impl Slot {
    /// Tells the waiter, then runs the callbacks in the order in which they were added, or puts them off.
    #[inline]
    pub(crate) fn notify(self, outcome: Outcome) {
        match self.waiter {
            Waiter::Nobody => {}
            Waiter::Thread(parker) => parker.unpark(),
            // PANIC: a waker is the user's code. The callbacks run all the same.
            Waiter::Task(waker) => failure::contain(|| waker.wake()),
            Waiter::Many(completions, number) => completions.push(number),
            Waiter::Mapped(producer) => producer.finish_mapped(outcome),
            Waiter::Shared(end) => end(outcome),
        }
        if let Some(callbacks) = self.callbacks {
            deferred::call(*callbacks, outcome);
        }
    }
}
