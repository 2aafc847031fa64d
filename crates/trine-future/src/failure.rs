//! Failures that nobody saw.

use crate::{Panic, TaskError, catch_panic};
use std::fmt;
use std::sync::OnceLock;

/// A failure that no caller learns of in any other way.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// A task failed, and its future was dropped without its result being taken.
    Unseen(TaskError),
    /// A callback, a waker, or the destructor of a task's value or captures panicked.
    Panicked(Panic),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unseen(error) => write!(formatter, "a task failed and nobody took its result: {error}"),
            Self::Panicked(panic) => write!(formatter, "a callback or a destructor panicked: {panic}"),
        }
    }
}

type Hook = Box<dyn Fn(&Failure) + Send + Sync>;

static HOOK: OnceLock<Hook> = OnceLock::new();

/// Sets the function that is told of failures that nobody saw; by default a line on stderr says so.
///
/// It is set once for the whole program, before tasks run: returns false, and changes nothing, if it was set
/// before. The hook runs on the thread that met the failure.
///
/// ```
/// trine_future::set_failure_hook(|failure| eprintln!("lost: {failure}"));
/// ```
pub fn set_failure_hook(hook: impl Fn(&Failure) + Send + Sync + 'static) -> bool {
    HOOK.set(Box::new(hook)).is_ok()
}

/// Tells the hook. A hook that panics is ignored: there is nobody left to tell.
pub(crate) fn report(failure: &Failure) {
    // PANIC: the hook is the user's code, and `eprintln!` panics if stderr is gone.
    let _ = catch_panic(|| match HOOK.get() {
        Some(hook) => hook(failure),
        None => eprintln!("trine: {failure}"),
    });
}

/// Runs the user's code where nobody can be given its panic: that goes to the hook.
#[inline]
pub(crate) fn contain(function: impl FnOnce()) {
    if let Err(panic) = catch_panic(function) {
        report_panic(panic);
    }
}

#[cold]
fn report_panic(panic: Panic) {
    report(&Failure::Panicked(panic));
}
