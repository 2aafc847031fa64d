//! A limit of how many tasks may be in flight.

use crate::refusal::Refusal;
use crate::report_panic::report_panic;
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use trine_future::catch_panic;

/// What [`submit`](crate::AsyncPool::submit) does when as many tasks are in flight as may be. See
/// [`AsyncPoolBuilder::in_flight_limit`](crate::AsyncPoolBuilder::in_flight_limit).
///
/// ```
/// use trine_async::{AsyncPool, WhenFull};
///
/// let pool = AsyncPool::builder().workers(1).in_flight_limit(1, WhenFull::Refuse).build()?;
/// let endless = pool.spawn(std::future::pending::<()>());
/// assert!(pool.spawn(async { 1 }).result().unwrap_err().is_refused());
/// endless.cancel();
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias("back-pressure"))]
pub enum WhenFull {
    /// It blocks until a task has ended. In async code of tokio, and in async tasks of the pool, where it must not block, the task is let in
    /// beyond the limit instead: [`Submission::submit_async`](crate::Submission::submit_async) waits there. (Other async code that runs
    /// without tokio's budget, by `tokio::task::unconstrained`, is not known as such, and blocks.) A closure of
    /// [`run_blocking`](crate::AsyncPool::run_blocking) that has to wait for a place, of whichever pool, gives its own up, and goes on beyond
    /// the limit: else pools that submit to each other could wait for ever.
    Block,
    /// The future is done at once, with [`TaskError::is_refused`](trine_future::TaskError::is_refused).
    Refuse,
}

/// The places of the tasks in flight.
pub(crate) struct Limit {
    pub(crate) places: usize,
    pub(crate) when_full: WhenFull,
    free: Arc<Semaphore>,
}

/// The right of one task to be in flight. It is given back when this is dropped.
pub(crate) struct Place(OwnedSemaphorePermit);

impl Place {
    /// It is given back by [`Limit::give_back`]: who remembers the limit anyway takes less room so.
    pub(crate) fn keep(self) {
        self.0.forget();
    }
}

thread_local! {
    /// That of the blocking call that runs on this thread.
    static OWN: Cell<Option<Place>> = const { Cell::new(None) };
}

/// The time of a blocking call, which has its place until it waits for another one: else all places might be those of calls that wait
/// for one.
pub(crate) struct OwnPlace(Option<Place>);

impl OwnPlace {
    pub(crate) fn hold(place: Option<Place>) -> Self {
        Self(OWN.replace(place))
    }

    /// The calling thread is about to wait for a place. What it runs goes on without its own.
    pub(crate) fn give_up() {
        drop(OWN.try_with(Cell::take));
    }
}

impl Drop for OwnPlace {
    fn drop(&mut self) {
        OWN.set(self.0.take());
    }
}

impl Limit {
    /// More places than tokio can count are as good as what it can.
    pub(crate) fn new(places: usize, when_full: WhenFull) -> Self {
        let places = places.min(Semaphore::MAX_PERMITS);
        Self {
            places,
            when_full,
            free: Arc::new(Semaphore::new(places)),
        }
    }

    pub(crate) fn try_take(&self) -> Result<Place, Refusal> {
        Arc::clone(&self.free)
            .try_acquire_owned()
            .map(Place)
            .map_err(|error| match error {
                TryAcquireError::Closed => Refusal::ShutDown,
                TryAcquireError::NoPermits => Refusal::Full(self.places),
            })
    }

    /// A place, once one is free. Those who ask are served in their order.
    pub(crate) fn take(&self) -> impl Future<Output = Result<Place, Refusal>> + Send + use<> {
        let free = Arc::clone(&self.free);
        async move {
            let mut permit = pin!(free.acquire_owned());
            let permit = poll_fn(|context| {
                let waker = Waiting::waker(context);
                permit.as_mut().poll(&mut Context::from_waker(&waker))
            });
            permit.await.map(Place).map_err(|_closed| Refusal::ShutDown)
        }
    }

    /// A place that was kept is free.
    pub(crate) fn give_back(&self) {
        self.free.add_permits(1);
    }

    /// From here on nobody gets a place; those who wait are told so.
    pub(crate) fn close(&self) {
        self.free.close();
    }
}

/// The waker of one who waits for a place, as the semaphore has it. A waker is the user's code: if it panicked, who gives a place
/// back would not end its task, and a pool that is closed would not tell the others.
struct Waiting(Option<Waker>);

impl Waiting {
    fn waker(context: &Context<'_>) -> Waker {
        Waker::from(Arc::new(Self(Some(context.waker().clone()))))
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        // PANIC: see above.
        report_panic(catch_panic(|| self.0.as_ref().map_or((), Waker::wake_by_ref)));
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // PANIC: see above.
        report_panic(catch_panic(|| drop(self.0.take())));
    }
}
