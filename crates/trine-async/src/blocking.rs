//! Calls that block, on threads that the runtime keeps for them.

use crate::entry::Entry;
use crate::handle::Handle;
use crate::limit::OwnPlace;
use crate::map::map;
use crate::shared::Shared;
use crate::task::runtime_is_gone;
use std::fmt;
use std::sync::Arc;
use trine_future::{
    Executor, FailureHook, Future, Outcome, Panic, Task, TaskError, TaskSpan, catch_panic,
    with_executor_failure_hook,
};
use trine_lock::Lock;

/// Runs `closure` on a thread for calls that block.
pub(crate) fn run_blocking<R: Send + 'static, F: FnOnce() -> R + Send + 'static>(
    shared: &Arc<Shared>,
    span: TaskSpan,
    closure: F,
) -> Future<R> {
    let place = shared.place_or_block();
    let entered = place.and_then(|place| Ok((place, Entry::new(shared, None, TaskSpan::none())?)));
    match entered {
        Ok((place, entry)) => {
            // The place goes with the call, so that it is free before the result is there, and is given up by a call that waits for
            // another one.
            let call = move || {
                let _own = OwnPlace::hold(place);
                closure()
            };
            let (task, future) = Task::in_span::<F, R>(span, call, ());
            let call = BlockingCall {
                task: Some(task),
                entry,
            };
            start(shared, Arc::new(Lock::new(Some(call))));
            future
        }
        Err(refusal) => shared.refuse(refusal, closure),
    }
}

/// Gives a call to the runtime. The runtime panics if it has no thread for such calls and the system refuses one, and keeps what it was
/// given all the same: so this takes the call back.
fn start(shared: &Shared, call: Arc<Lock<Option<BlockingCall>>>) {
    let given = Arc::clone(&call);
    let run = move || {
        let call = given.lock().take();
        call.into_iter().for_each(BlockingCall::run);
    };
    // PANIC: see above. To submit never panics.
    if let Err(panic) = catch_panic(|| drop(shared.runtime.spawn_blocking(run))) {
        let call = call.lock().take();
        call.into_iter().for_each(|call| call.refuse(&panic));
    }
}

/// A call in the queue of the runtime.
struct BlockingCall {
    /// Until it is run.
    task: Option<Task>,
    entry: Entry,
}

impl BlockingCall {
    fn run(mut self) {
        let Some(task) = self.task.take() else { return };
        let outcome = if self.entry.start() {
            with_executor_failure_hook(self.failure_hook(), || task.run())
        } else {
            task.cancel()
        };
        self.entry.end(outcome.unwrap_or(Outcome::Cancelled));
    }

    fn refuse(mut self, panic: &Panic) {
        let error = format!("there is no thread for a call that blocks: {}", panic.message());
        if let Some(task) = self.task.take() {
            with_executor_failure_hook(self.failure_hook(), || task.fail(TaskError::refused(error)));
        }
    }

    fn failure_hook(&self) -> FailureHook {
        Arc::clone(&self.entry.pool().failure_hook)
    }
}

impl Drop for BlockingCall {
    fn drop(&mut self) {
        let Some(task) = self.task.take() else { return };
        let stops = self.entry.pool().tasks.stops();
        with_executor_failure_hook(self.failure_hook(), || {
            if stops {
                task.cancel();
            } else {
                task.fail(runtime_is_gone());
            }
        });
    }
}

/// An [`AsyncPool`](crate::AsyncPool) as an [`Executor`] of plain functions, which may block:
/// [`AsyncPool::blocking`](crate::AsyncPool::blocking).
///
/// ```
/// use trine_async::{AsyncPool, Executor, TaskError};
///
/// fn total<E, F>(pool: &E, length: F) -> Result<usize, TaskError>
/// where
///     E: Executor<F, String, Output = usize>,
///     F: Clone,
/// {
///     pool.map(length, ["one".to_owned(), "three".to_owned()]).sum()
/// }
///
/// let pool = AsyncPool::new(1)?;
/// assert_eq!(total(&pool.blocking(), |word: String| word.len())?, 8);
/// assert_eq!(total(&pool, async |word: String| word.len())?, 8);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone)]
pub struct Blocking {
    pool: Handle,
}

impl Blocking {
    pub(crate) fn new(pool: Handle) -> Self {
        Self { pool }
    }
}

impl<F, A, R> Executor<F, A> for Blocking
where
    F: Fn(A) -> R + Send + 'static,
    A: Send + 'static,
    R: Send + 'static,
{
    type Output = R;

    fn submit(&self, function: F, argument: A) -> Future<R> {
        let shared = &self.pool.shared;
        run_blocking(shared, shared.span(&function), move || function(argument))
    }

    fn map<I>(&self, function: F, arguments: I) -> impl Iterator<Item = Result<R, TaskError>>
    where
        I: IntoIterator<Item = A>,
        F: Clone,
    {
        map(&self.pool.shared, arguments, move |argument| {
            self.submit(function.clone(), argument)
        })
    }
}

impl fmt::Debug for Blocking {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Blocking").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::BlockingCall;
    use crate::AsyncPool;
    use crate::entry::Entry;
    use tokio::runtime::Builder;
    use trine_future::{Task, TaskSpan};

    #[test]
    fn a_call_that_a_pool_that_stops_drops_is_cancelled() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let pool = runtime.block_on(async { AsyncPool::current().unwrap() });
        let call = || {
            let (task, future) = Task::in_span::<(), _>(TaskSpan::none(), || 1, ());
            let entry = Entry::new(pool.shared(), None, TaskSpan::none()).unwrap();
            let task = Some(task);
            drop(BlockingCall { task, entry });
            future.result().unwrap_err()
        };
        assert!(call().is_refused());
        pool.shared().tasks.stop();
        assert!(call().is_cancelled());
    }
}
