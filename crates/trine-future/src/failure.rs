//! Failures that nobody saw.

use crate::{Panic, TaskError, catch_panic};
use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A failure that no caller learns of in any other way.
///
/// ```
/// use trine_future::{Failure, set_failure_hook};
///
/// set_failure_hook(|failure| match failure {
///     Failure::Unseen(error) if error.is_panic() => eprintln!("a bug: {error}"),
///     failure => eprintln!("{failure}"),
/// });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// A task failed, and its future was dropped without its result being taken.
    Unseen(TaskError),
    /// A callback, a waker, or the destructor of a task's value or captures panicked.
    Panicked(Panic),
    /// A thread of a pool could not be initialised. It takes no tasks; others do.
    Initializer(Box<dyn Error + Send + Sync>),
    /// A wait blocks a thread that must not be blocked. The text says which, and what to do. In debug builds only.
    Blocked(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unseen(error) => write!(formatter, "a task failed and nobody took its result: {error}"),
            Self::Panicked(panic) => write!(formatter, "a callback or a destructor panicked: {panic}"),
            Self::Initializer(error) => write!(formatter, "a thread takes no tasks: {error}"),
            Self::Blocked(text) => formatter.write_str(text),
        }
    }
}

/// A function that is told of failures that nobody saw.
///
/// ```
/// use std::sync::Arc;
/// use trine_future::{Failure, FailureHook};
///
/// let hook: FailureHook = Arc::new(|failure: &Failure| eprintln!("{failure}"));
/// # drop(hook);
/// ```
pub type FailureHook = Arc<dyn Fn(&Failure) + Send + Sync>;

static HOOK: OnceLock<FailureHook> = OnceLock::new();

thread_local! {
    /// The hook of the executor that the calling thread works for.
    static EXECUTOR: RefCell<Option<FailureHook>> = const { RefCell::new(None) };
}

/// Sets the function that is told of failures that nobody saw; by default a line on stderr says so.
///
/// It is set once for the whole program, before tasks run: returns false, and changes nothing, if it was set
/// before.
///
/// The hook runs on the thread that met the failure. That is the one that dropped the future of a task that had failed, the
/// one that runs callbacks, or the one that ends the task: a worker, or in a process pool the thread that reads a worker's
/// replies. So it should not block, because that thread ends no other task meanwhile. A hook that waits for a task of the
/// pool whose thread calls it may wait for ever.
///
/// ```
/// trine_future::set_failure_hook(|failure| eprintln!("lost: {failure}"));
/// ```
pub fn set_failure_hook(hook: impl Fn(&Failure) + Send + Sync + 'static) -> bool {
    HOOK.set(Arc::new(hook)).is_ok()
}

/// For executors: sets the function that is told, instead of the program's hook, of what panics on the calling thread
/// and is seen by nobody, wherever it is that nobody sees it. Returns the one that was set before.
///
/// ```
/// use std::sync::Arc;
/// use trine_future::{report_failure, set_executor_failure_hook};
///
/// let before = set_executor_failure_hook(Some(Arc::new(|failure| report_failure(failure))));
/// set_executor_failure_hook(before);
/// ```
pub fn set_executor_failure_hook(hook: Option<FailureHook>) -> Option<FailureHook> {
    // A thread whose locals are gone has none.
    EXECUTOR
        .try_with(|executor| executor.replace(hook))
        .ok()
        .flatten()
}

/// For executors: calls `work` with [this hook](set_executor_failure_hook) on the calling thread, and sets the one from before again.
///
/// ```
/// use std::sync::Arc;
/// use trine_future::{report_failure, with_executor_failure_hook};
///
/// assert_eq!(with_executor_failure_hook(Arc::new(|failure| report_failure(failure)), || 7), 7);
/// ```
pub fn with_executor_failure_hook<R>(hook: FailureHook, work: impl FnOnce() -> R) -> R {
    struct Before(Option<FailureHook>);
    impl Drop for Before {
        fn drop(&mut self) {
            let left = set_executor_failure_hook(self.0.take());
            // PANIC: `work` may have left another one, whose destructor is the user's code.
            contain(|| drop(left));
        }
    }
    let _before = Before(set_executor_failure_hook(Some(hook)));
    work()
}

/// For executors: tells the program's hook of a failure, or prints a line if there is none.
pub fn report_failure(failure: &Failure) {
    match HOOK.get() {
        Some(hook) => hook(failure),
        None => eprintln!("trine: {failure}"),
    }
}

/// The hook that a panic which is caught on this thread takes along.
pub(crate) fn executor_hook() -> Option<FailureHook> {
    EXECUTOR.try_with(|hook| hook.borrow().clone()).ok().flatten()
}

/// Tells the hook of the thread that panicked, or the program's. A hook that panics is ignored: there is nobody left
/// to tell.
pub(crate) fn report(failure: &Failure) {
    let panic = match failure {
        Failure::Unseen(error) => error.panic(),
        Failure::Panicked(panic) => Some(panic),
        Failure::Initializer(_) | Failure::Blocked(_) => None,
    };
    // PANIC: the hook is the user's code, and `eprintln!` panics if stderr is gone.
    let _ = catch_panic(|| match panic.and_then(Panic::failure_hook) {
        Some(hook) => hook(failure),
        None => report_failure(failure),
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
