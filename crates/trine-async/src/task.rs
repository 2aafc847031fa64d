//! The task as the runtime polls it.

use crate::blocked::Polling;
use crate::shared::{Entry, Shared};
use crate::stop::Stop;
use pin_project_lite::pin_project;
use std::any::type_name;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use trine_future::{Failure, Outcome, OwnedPromise, Panic, Promise, TaskError, catch_panic};

/// Runs `future` as a task that was let in.
pub(crate) fn spawn<F, R>(shared: &Shared, entry: Entry, future: F) -> trine_future::Future<R>
where
    F: Future<Output = Result<R, TaskError>> + Send + 'static,
    R: Send + 'static,
{
    let (promise, result) = Promise::with_reachable_owner(Stop::default());
    drop(shared.runtime.spawn(Task {
        future: Some(future),
        promise: Some(promise),
        has_waited: false,
        entry,
    }));
    result
}

pin_project! {
    /// A user's future as one that can fail. It takes no more room than that, which an async block would.
    pub(crate) struct Infallible<F> {
        #[pin]
        future: F,
    }
}

impl<F> Infallible<F> {
    pub(crate) fn new(future: F) -> Self {
        Self { future }
    }
}

impl<F: Future> Future for Infallible<F> {
    type Output = Result<F::Output, TaskError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().future.poll(context).map(Ok)
    }
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
        promise: Option<OwnedPromise<R, Stop>>,
        has_waited: bool,
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
                let mut future = this.future;
                let dropped = catch_panic(|| this.entry.inside(|| future.set(None)));
                let cancels = this.entry.pool().tasks.stops();
                end_without_value(this.entry.pool(), promise.into_promise(), dropped, cancels);
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
        let starts = this.entry.start() && promise.start();
        // PANIC: the future is the user's code.
        let polled = starts.then(|| {
            catch_panic(|| {
                let _polling = Polling::begin(type_name::<F>());
                this.entry.inside(|| future.poll(context))
            })
        });
        if let Some(Ok(Poll::Pending)) = polled {
            *this.has_waited = true;
            promise.owner().watch(context.waker());
            if !promise.is_cancelled() {
                *this.promise = Some(promise);
                return Poll::Pending;
            }
        } else if *this.has_waited {
            promise.owner().forget();
        }
        let result = match polled {
            None | Some(Ok(Poll::Pending)) => {
                // PANIC: the destructors are the user's code.
                let dropped = catch_panic(|| this.entry.inside(|| this.future.set(None)));
                this.entry.end(Outcome::Cancelled);
                end_without_value(this.entry.pool(), promise.into_promise(), dropped, true);
                return Poll::Ready(());
            }
            Some(Ok(Poll::Ready(result))) => result,
            Some(Err(panic)) => Err(this.entry.pool().panicked(panic)),
        };
        // Whoever gets the result finds that the task holds nothing any more.
        // PANIC: the destructors are the user's code.
        let result = match catch_panic(|| this.entry.inside(|| this.future.set(None))) {
            Ok(()) => result,
            Err(panic) => result.and(Err(this.entry.pool().panicked(panic))),
        };
        this.entry.end(match &result {
            _ if promise.is_cancelled() => Outcome::Cancelled,
            Ok(_) => Outcome::Done,
            Err(_) => Outcome::Failed,
        });
        promise.into_promise().finish(result);
        Poll::Ready(())
    }
}

impl Shared {
    /// The error of a task that panicked. If nobody sees it, the pool's hook is told.
    fn panicked(&self, panic: Panic) -> TaskError {
        TaskError::panicked(panic.with_failure_hook(Arc::clone(&self.failure_hook)))
    }
}
