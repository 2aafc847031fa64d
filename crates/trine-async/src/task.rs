//! The task as the runtime polls it.

use crate::open_tasks::OpenTask;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use tokio::task::AbortHandle;
use trine_future::{Owner, Promise, TaskError, catch_panic};

pin_project! {
    /// A user's future that gives its value to a promise.
    ///
    /// The order of the fields is the order in which they are dropped, when the runtime drops a task that has not
    /// ended: what the task owned, then its promise, and only then the pool may be through with it.
    pub(crate) struct Task<F: Future> {
        // Gone as soon as the task has ended.
        #[pin]
        future: Option<F>,
        promise: Option<Promise<F::Output>>,
        has_started: bool,
        open: OpenTask,
    }
}

impl<F: Future> Task<F> {
    pub(crate) fn new(future: F, promise: Promise<F::Output>, open: OpenTask) -> Self {
        Self {
            future: Some(future),
            promise: Some(promise),
            has_started: false,
            open,
        }
    }
}

impl<F: Future<Output: Send + 'static>> Future for Task<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let (Some(mut promise), Some(future)) = (this.promise.take(), this.future.as_mut().as_pin_mut())
        else {
            return Poll::Ready(());
        };
        if !*this.has_started && this.open.is_cancelled_if_queued() {
            promise.cancel();
            return Poll::Ready(());
        }
        // False also when the task was cancelled since it was polled last.
        if !promise.start() {
            return Poll::Ready(());
        }
        *this.has_started = true;
        // PANIC: the future is the user's code.
        let result = match catch_panic(|| future.poll(context)) {
            Ok(Poll::Pending) => {
                *this.promise = Some(promise);
                return Poll::Pending;
            }
            Ok(Poll::Ready(value)) => Ok(value),
            Err(panic) => Err(panic),
        };
        // Whoever gets the result finds that the task holds nothing any more.
        // PANIC: the destructors are the user's code.
        let dropped = catch_panic(|| this.future.set(None));
        let result = result.and_then(|value| dropped.map(|()| value));
        promise.finish(result.map_err(TaskError::panicked));
        Poll::Ready(())
    }
}

/// Ends a running task at its next await point: the runtime drops its future.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<OnceLock<AbortHandle>>);

impl Stop {
    /// Says what to stop. To be called before the task's future is given away: until then nobody can cancel.
    pub(crate) fn set(&self, task: AbortHandle) {
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
