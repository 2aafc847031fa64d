//! The task as the runtime polls it.

use crate::blocked::Polling;
use crate::shared::{Entry, Shared};
use pin_project_lite::pin_project;
use std::any::type_name;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use tokio::task::JoinHandle;
use trine_future::{Failure, Outcome, Owner, Panic, Promise, TaskError, catch_panic};

/// Runs `future` as a task that was let in.
pub(crate) fn spawn<F, R>(shared: &Shared, entry: Entry, future: F) -> trine_future::Future<R>
where
    F: Future<Output = Result<R, TaskError>> + Send + 'static,
    R: Send + 'static,
{
    let (promise, result) = Promise::with_reachable_owner(Stop::default());
    let task = shared.runtime.spawn(Task {
        future: Some(future),
        promise: Some(promise),
        entry,
    });
    result.owner().set(task);
    result.into_future()
}

pin_project! {
    /// A user's future that gives its value to a promise.
    struct Task<F, R>
    where
        R: Send,
        R: 'static,
    {
        // Gone as soon as the task has ended.
        #[pin]
        future: Option<F>,
        promise: Option<Promise<R>>,
        entry: Entry,
    }

    impl<F, R> PinnedDrop for Task<F, R>
    where
        R: Send,
        R: 'static,
    {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(promise) = this.promise.take() {
                // PANIC: the destructors are the user's code.
                let dropped = catch_panic(|| { let mut future = this.future; future.set(None); });
                let cancels = this.entry.pool().tasks.stops();
                end_without_value(this.entry.pool(), promise, dropped, cancels);
            }
        }
    }
}

/// A task was dropped before it had ended: it was cancelled, or its runtime ends.
#[cold]
fn end_without_value<R: Send + 'static>(
    pool: &Shared,
    promise: Promise<R>,
    dropped: Result<(), Panic>,
    cancels: bool,
) {
    match dropped {
        Ok(()) if cancels => promise.cancel(),
        // Without a value it is abandoned.
        Ok(()) => drop(promise),
        Err(panic) if promise.is_cancelled() => {
            // PANIC: the hook is the user's code, and nobody is left to be told of it.
            let _ = catch_panic(|| (pool.failure_hook)(&Failure::Panicked(panic)));
        }
        Err(panic) => promise.fail(pool.panicked(panic)),
    }
}

impl<F: Future<Output = Result<R, TaskError>>, R: Send + 'static> Future for Task<F, R> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let (Some(mut promise), Some(future)) = (this.promise.take(), this.future.as_mut().as_pin_mut())
        else {
            return Poll::Ready(());
        };
        // A promise does not start if its task was cancelled since it was polled last.
        if !this.entry.start() || !promise.start() {
            // PANIC: the destructors are the user's code.
            let dropped = catch_panic(|| this.future.set(None));
            end_without_value(this.entry.pool(), promise, dropped, true);
            return Poll::Ready(());
        }
        // PANIC: the future is the user's code.
        let result = match catch_panic(|| {
            let _polling = Polling::begin(type_name::<F>());
            future.poll(context)
        }) {
            Ok(Poll::Pending) => {
                *this.promise = Some(promise);
                return Poll::Pending;
            }
            Ok(Poll::Ready(result)) => result,
            Err(panic) => Err(this.entry.pool().panicked(panic)),
        };
        // Whoever gets the result finds that the task holds nothing any more.
        // PANIC: the destructors are the user's code.
        let result = match catch_panic(|| this.future.set(None)) {
            Ok(()) => result,
            Err(panic) => result.and(Err(this.entry.pool().panicked(panic))),
        };
        this.entry.end(match &result {
            _ if promise.is_cancelled() => Outcome::Cancelled,
            Ok(_) => Outcome::Done,
            Err(_) => Outcome::Failed,
        });
        promise.finish(result);
        Poll::Ready(())
    }
}

impl Shared {
    /// The error of a task that panicked. If nobody sees it, the pool's hook is told.
    fn panicked(&self, panic: Panic) -> TaskError {
        TaskError::panicked(panic.with_failure_hook(Arc::clone(&self.failure_hook)))
    }
}

/// Ends a running task at its next await point: the runtime drops its future.
#[derive(Default)]
struct Stop(OnceLock<JoinHandle<()>>);

impl Stop {
    /// Says what to stop. To be called before the task's future is given away: until then nobody can cancel.
    fn set(&self, task: JoinHandle<()>) {
        let _ = self.0.set(task);
    }
}

impl Owner for Stop {
    const STOPS_RUNNING: bool = true;

    fn stop(&self) {
        if let Some(task) = self.0.get() {
            task.abort();
        }
    }
}
