//! What a block's work can be.

use crate::block::{BlockPointer, TaskResult};
use crate::{Future, TaskError, TaskSpan, catch_panic, failure};
use std::any::type_name;
use std::marker::PhantomData;

/// What makes a task's result.
pub(crate) trait Work<T>: Send {
    /// Whether this is the work of a task, which a thread that waits for it may run.
    const IS_RUN: bool = false;

    /// Whether this is the work of a mapped future, which follows another one.
    const FOLLOWS: bool = false;

    /// Whether this is the work of a turn of a shared future.
    const IS_TURN: bool = false;

    /// What the task is called in errors.
    fn name() -> &'static str {
        type_name::<Self>()
    }

    /// Makes the result. The user's panics are caught in it.
    fn perform(self) -> TaskResult<T>;

    /// Takes what the result is to be made from, if it is made of what is given later.
    ///
    /// # Safety
    ///
    /// The pointer is to such a value, which is not used after this.
    unsafe fn give(&mut self, _: *mut ()) {
        unreachable!("only a lazy promise gives something to its work")
    }

    /// The block that this one follows.
    fn follows(&self) -> Option<BlockPointer> {
        None
    }

    /// The task that a turn of a shared future is for, if it has not ended.
    fn turn_of(&self) -> Option<BlockPointer> {
        None
    }
}

/// The work of a promise: none, the result comes from outside.
pub(crate) struct NoWork;

impl<T> Work<T> for NoWork {
    fn perform(self) -> TaskResult<T> {
        unreachable!("a promise is never run")
    }
}

/// The work of a task: a closure. The task is called by the type `N`.
pub(crate) struct Call<N, F> {
    pub(crate) closure: F,
    pub(crate) span: TaskSpan,
    name: PhantomData<fn() -> N>,
}

impl<N, F> Call<N, F> {
    pub(crate) fn new(closure: F, span: TaskSpan) -> Self {
        let name = PhantomData;
        Self { closure, span, name }
    }
}

impl<T, N, F: FnOnce() -> T + Send> Work<T> for Call<N, F> {
    const IS_RUN: bool = true;

    fn name() -> &'static str {
        type_name::<N>()
    }

    fn perform(self) -> TaskResult<T> {
        // PANIC: the closure is the user's code. Its captures are dropped before this returns, also then.
        catch_panic(|| self.span.run(self.closure)).map_err(TaskError::panicked)
    }
}

/// The work of a mapped future: takes another one's result and converts it.
pub(crate) struct Convert<T, F> {
    pub(crate) future: Future<T>,
    pub(crate) function: F,
}

impl<T: Send, U, F: FnOnce(T) -> TaskResult<U> + Send> Work<U> for Convert<T, F> {
    const FOLLOWS: bool = true;

    fn perform(self) -> TaskResult<U> {
        let Self { future, function } = self;
        match future.take_ended() {
            // PANIC: the function is the user's code.
            Ok(value) => catch_panic(|| function(value)).map_err(TaskError::panicked)?,
            Err(error) => {
                // PANIC: so is the destructor of what it captured. The error is what the caller came for.
                failure::contain(|| drop(function));
                Err(error)
            }
        }
    }

    fn follows(&self) -> Option<BlockPointer> {
        Some(self.future.block())
    }
}

/// The work of a lazy promise: makes the result of what that gives.
pub(crate) struct Make<T, U> {
    pub(crate) given: Option<T>,
    pub(crate) function: fn(T) -> TaskResult<U>,
}

impl<T: Send, U> Work<U> for Make<T, U> {
    fn perform(self) -> TaskResult<U> {
        let Some(given) = self.given else {
            unreachable!("a lazy promise ends with a value, or with an error that is stored");
        };
        // PANIC: the function is the user's code.
        catch_panic(|| (self.function)(given)).map_err(TaskError::panicked)?
    }

    unsafe fn give(&mut self, given: *mut ()) {
        // SAFETY: passed on to the caller.
        self.given = Some(unsafe { given.cast::<T>().read() });
    }
}
