//! What a pool, its handles and its tasks share.

use crate::async_code::is_async_code;
use crate::entry::{Entry, is_part_of_task};
use crate::limit::{Limit, OwnPlace, Place, WhenFull};
use crate::open_tasks::OpenTasks;
use crate::refusal::Refusal;
use crate::stats::Stats;
use std::any::type_name;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use trine_future::{Failure, FailureHook, Promise, Shutdown, TaskSpan, catch_panic};
use trine_platform::{HomeProcess, turn};

/// What a pool, its handles and its tasks share.
pub(crate) struct Shared {
    /// What its threads are called, or the runtime that is another's.
    pub(crate) name: String,
    pub(crate) tasks: OpenTasks,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) limit: Option<Limit>,
    /// Counts, and tells the user's function or the program's.
    pub(crate) failure_hook: FailureHook,
    /// The failures of tasks that nobody saw. With the hook, because that may be called long after the pool is gone.
    pub(crate) failed_unseen: Arc<AtomicUsize>,
    pub(crate) home: HomeProcess,
}

impl Shared {
    /// The span of a task that is submitted now.
    #[inline]
    pub(crate) fn span<F>(&self, _function: &F) -> TaskSpan {
        TaskSpan::current().child("async", &self.name, type_name::<F>())
    }

    /// Lets a task in if there is room.
    pub(crate) fn try_enter(self: &Arc<Self>, span: TaskSpan) -> Result<Entry, Refusal> {
        let place = self.try_take_place()?;
        Entry::new(self, place, span)
    }

    /// Lets a task in as the pool was made to: it may block until there is room, but not in async code.
    pub(crate) fn enter_or_block(self: &Arc<Self>, span: TaskSpan) -> Result<Entry, Refusal> {
        let place = self.place_or_block()?;
        Entry::new(self, place, span)
    }

    /// A place for a task, if the pool has a limit, as the pool was made to. See `enter_or_block`.
    pub(crate) fn place_or_block(&self) -> Result<Option<Place>, Refusal> {
        match (self.try_take_place(), &self.limit) {
            (Err(Refusal::Full(_)), Some(limit)) if limit.when_full == WhenFull::Block => {
                if is_part_of_task(self) || is_async_code() {
                    Ok(None)
                } else {
                    OwnPlace::give_up();
                    self.wait_for_room(limit).map(Some)
                }
            }
            (taken, _) => taken,
        }
    }

    /// Lets a task in once there is room.
    pub(crate) async fn enter_async(self: Arc<Self>, span: TaskSpan) -> Result<Entry, Refusal> {
        turn::give().await;
        let place = match (self.try_take_place(), &self.limit) {
            (Err(Refusal::Full(_)), Some(limit)) => Some(limit.take().await?),
            (taken, _) => taken?,
        };
        Entry::new(&self, place, span)
    }

    /// A place for a task, if the pool has a limit.
    fn try_take_place(&self) -> Result<Option<Place>, Refusal> {
        if !self.home.is_here() {
            return Err(Refusal::Forked);
        }
        self.limit.as_ref().map(Limit::try_take).transpose()
    }

    /// The runtime waits in the place of this thread, so that this is a wait like all others of Trine's.
    fn wait_for_room(&self, limit: &Limit) -> Result<Place, Refusal> {
        let (promise, place) = Promise::new();
        let waiting = limit.take();
        self.runtime.spawn(async move {
            let _ = promise.complete(waiting.await);
        });
        // An error means that the runtime is gone.
        place.result().unwrap_or(Err(Refusal::ShutDown))
    }

    /// The future of a task that is refused.
    pub(crate) fn refuse<R: Send + 'static>(
        &self,
        refusal: Refusal,
        task: impl Sized,
    ) -> trine_future::Future<R> {
        self.drop_unwanted(task);
        trine_future::Future::failed(refusal.into())
    }

    /// Drops what nobody will have: a task that is refused, the value of one that is cancelled.
    pub(crate) fn drop_unwanted(&self, unwanted: impl Sized) {
        // PANIC: the destructors are the user's code. To submit never panics, and a task has more to do.
        if let Err(panic) = catch_panic(|| drop(unwanted)) {
            // PANIC: the hook is the user's code, and nobody is left to be told of it.
            let _ = catch_panic(|| (self.failure_hook)(&Failure::Panicked(panic)));
        }
    }

    /// Lets nobody in any more. The future is done when the last task has ended.
    pub(crate) fn close(&self, shutdown: Shutdown) -> trine_future::Future<()> {
        let last_has_ended = self.tasks.close(shutdown);
        if let Some(limit) = &self.limit {
            limit.close();
        }
        last_has_ended
    }

    pub(crate) fn stats(&self) -> Stats {
        if !self.home.is_here() {
            // The pool is not in this process.
            return Stats::default();
        }
        Stats {
            workers: self.runtime.metrics().num_workers(),
            // ORDERING: Relaxed. It is a number.
            failed_unseen: self.failed_unseen.load(Relaxed),
            ..self.tasks.stats()
        }
    }
}
