//! The task as the runtime polls it.

use crate::blocked::Polling;
use crate::entry::Entry;
use crate::shared::Shared;
use crate::spawned::Spawned;
use pin_project_lite::pin_project;
use std::any::type_name;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use trine_future::{Failure, Outcome, OwnedPromise, Panic, Promise, TaskError, catch_panic};
use trine_platform::turn;

/// A future of more bytes is boxed: code that is not optimised copies it over the stack a dozen times.
const LARGE: usize = 16 * 1024;

/// Runs `future` as a task that was let in. `N` is what the program wrote, a function or a future, after which the task is called.
pub(crate) fn spawn<N, F, R>(shared: &Shared, entry: Entry, future: F) -> trine_future::Future<R>
where
    N: 'static,
    F: Future<Output = Result<R, TaskError>> + Send + 'static,
    R: Send + 'static,
{
    let future = Named {
        future,
        name: PhantomData::<fn() -> N>,
    };
    if size_of::<F>() > LARGE {
        // Of one type for all of them: else the compiler would make all that follows twice for each future.
        let boxed: Pin<Box<dyn Future<Output = Result<R, TaskError>> + Send>> = Box::pin(future);
        start(shared, entry, boxed)
    } else {
        start(shared, entry, future)
    }
}

fn start<F, R>(shared: &Shared, entry: Entry, future: F) -> trine_future::Future<R>
where
    F: Future<Output = Result<R, TaskError>> + Send + 'static,
    R: Send + 'static,
{
    let running = Running {
        future: Some(future),
        entry: Some(entry),
    };
    let (promise, result) = Promise::with_parts(Spawned::default(), running);
    let task = shared.runtime.spawn(Task {
        promise: Some(promise),
    });
    result.owner().is(task);
    result.into_future()
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
    /// A future that is called after `N` while it is polled.
    struct Named<N, F> {
        #[pin]
        future: F,
        name: PhantomData<fn() -> N>,
    }
}

impl<N, F: Future> Future for Named<N, F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _polling = Polling::begin(type_name::<N>());
        self.project().future.poll(context)
    }
}

/// A user's future that gives its value to a promise. It lies with that, so that tokio's part of the task is small, and as
/// large whatever the future is.
struct Task<F, R>
where
    F: Send + 'static,
    R: Send + 'static,
{
    /// Until the task has ended.
    promise: Option<OwnedPromise<R, Spawned, Running<F>>>,
}

pin_project! {
    /// What only the one who polls the task has to do with.
    struct Running<F> {
        // Gone as soon as the task has ended.
        #[pin]
        future: Option<F>,
        // Until the task has ended.
        entry: Option<Entry>,
    }
}

impl<F> Running<F> {
    /// The task starts, if it has not yet. False if it should not.
    fn start(self: Pin<&mut Self>) -> bool {
        self.project().entry.as_mut().is_some_and(Entry::start)
    }

    fn poll_future<T>(self: Pin<&mut Self>, context: &mut Context<'_>) -> Result<Poll<T>, Panic>
    where
        F: Future<Output = T>,
    {
        let mut this = self.project();
        let (Some(entry), Some(future)) = (this.entry, this.future.as_mut().as_pin_mut()) else {
            return Ok(Poll::Pending);
        };
        // PANIC: the future is the user's code.
        catch_panic(|| entry.inside(|| turn::limited(|| future.poll(context))))
    }
}

impl<F, R> Task<F, R>
where
    F: Send + 'static,
    R: Send + 'static,
{
    /// Drops the future, so that whoever gets the result finds that the task holds nothing any more. What is left is the
    /// promise, the entry, and the panic of a destructor. `None` if the task has ended.
    fn take(&mut self) -> Option<(Promise<R>, Entry, Result<(), Panic>)> {
        let mut promise = self.promise.take()?;
        let mut running = promise.kept().project();
        let entry = running.entry.take()?;
        // PANIC: the destructors are the user's code.
        let dropped = catch_panic(|| entry.inside(|| running.future.set(None)));
        Some((promise.into_promise(), entry, dropped))
    }
}

impl<F, R> Drop for Task<F, R>
where
    F: Send + 'static,
    R: Send + 'static,
{
    fn drop(&mut self) {
        if let Some((promise, entry, dropped)) = self.take() {
            let cancels = entry.pool().tasks.stops();
            end_without_value(&entry, promise, dropped, cancels);
        }
    }
}

/// The runtime has dropped a task that had not begun.
#[cold]
pub(crate) fn runtime_is_gone() -> TaskError {
    TaskError::refused("the runtime of the async pool is gone: keep it until its tasks have ended")
}

/// A task was dropped before it had ended: it was cancelled, or its runtime ends.
#[cold]
fn end_without_value<R: Send + 'static>(
    entry: &Entry,
    promise: Promise<R>,
    dropped: Result<(), Panic>,
    cancels: bool,
) {
    match dropped {
        Ok(()) if cancels => promise.cancel(),
        Ok(()) if !entry.has_started() => promise.fail(runtime_is_gone()),
        // Without a value it is abandoned.
        Ok(()) => drop(promise),
        Err(panic) if promise.is_cancelled() => {
            // PANIC: the hook is the user's code, and nobody is left to be told of it.
            let _ = catch_panic(|| (entry.pool().failure_hook)(&Failure::Panicked(panic)));
        }
        Err(panic) => promise.fail(entry.pool().panicked(panic)),
    }
}

impl<F, R> Future for Task<F, R>
where
    F: Future<Output = Result<R, TaskError>> + Send + 'static,
    R: Send + 'static,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(promise) = &mut self.promise else {
            return Poll::Ready(());
        };
        // A promise does not start if its task was cancelled since it was polled last.
        let starts = promise.kept().start() && promise.start();
        let polled = match starts.then(|| promise.kept().poll_future(context)) {
            None => None,
            Some(Ok(Poll::Pending)) => return Poll::Pending,
            Some(Ok(Poll::Ready(result))) => Some(Ok(result)),
            Some(Err(panic)) => Some(Err(panic)),
        };
        let Some((promise, mut entry, dropped)) = self.take() else {
            return Poll::Ready(());
        };
        let result = match polled {
            None => {
                entry.end(Outcome::Cancelled);
                end_without_value(&entry, promise, dropped, true);
                return Poll::Ready(());
            }
            Some(Ok(result)) => result,
            Some(Err(panic)) => Err(entry.pool().panicked(panic)),
        };
        let result = match dropped {
            Ok(()) => result,
            Err(panic) => result.and_then(|value| {
                entry.pool().drop_unwanted(value);
                Err(entry.pool().panicked(panic))
            }),
        };
        entry.end(match &result {
            _ if promise.is_cancelled() => Outcome::Cancelled,
            Ok(_) => Outcome::Done,
            Err(_) => Outcome::Failed,
        });
        match result {
            Ok(value) => {
                if let Err(cancelled) = promise.complete(value) {
                    entry.pool().drop_unwanted(cancelled);
                }
            }
            Err(error) => promise.fail(error),
        }
        Poll::Ready(())
    }
}

impl Shared {
    /// The error of a task that panicked. If nobody sees it, the pool's hook is told.
    fn panicked(&self, panic: Panic) -> TaskError {
        TaskError::panicked(panic.with_failure_hook(Arc::clone(&self.failure_hook)))
    }
}
