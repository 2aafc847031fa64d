//! Panics of the user's code that nobody else is told of.

use trine_future::{Failure, Panic, catch_panic, report_failure};

/// Tells the failure hook of a panic in what has no result: a destructor, a waker.
pub(crate) fn report_panic(caught: Result<(), Panic>) {
    if let Err(panic) = caught {
        // PANIC: the hook is the user's code, and nobody is left to be told of it.
        let _ = catch_panic(|| report_failure(&Failure::Panicked(panic)));
    }
}
