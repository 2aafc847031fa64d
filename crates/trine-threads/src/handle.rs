//! Submitting without owning the pool.

use crate::join::join;
use crate::queues::Queues;
use crate::scope::{Scope, scope};
use crate::worker::{self, PoolOfTask};
use std::fmt;
use std::sync::Arc;
use trine_future::{Executor, Future, Map, Task, TaskError};

/// A cheap clone for submitting to a [`ThreadPool`](crate::ThreadPool), for example from inside its tasks.
///
/// It does not keep the pool open: when the pool is shut down or dropped, tasks are refused.
///
/// ```
/// use trine_threads::ThreadPool;
///
/// let pool = ThreadPool::new(1)?;
/// let handle = pool.handle();
/// let outer = pool.spawn(move || {
///     let inner = handle.spawn(|| 1);
///     inner.result().map(|one| one + 1)
/// });
/// assert_eq!(outer.result()??, 2);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone)]
pub struct Handle {
    pub(crate) queues: Arc<Queues>,
}

impl Handle {
    /// Runs `function` with `argument` on a worker. See [`ThreadPool::submit`](crate::ThreadPool::submit).
    pub fn submit<F, A, R>(&self, function: F, argument: A) -> Future<R>
    where
        F: FnOnce(A) -> R + Send + 'static,
        A: Send + 'static,
        R: Send + 'static,
    {
        self.spawn(move || function(argument))
    }

    /// Runs `closure` on a worker. See [`ThreadPool::spawn`](crate::ThreadPool::spawn).
    pub fn spawn<R: Send + 'static>(&self, closure: impl FnOnce() -> R + Send + 'static) -> Future<R> {
        let (task, future) = Task::new(closure, PoolOfTask::new(&self.queues));
        worker::push(&self.queues, task);
        future
    }

    /// Runs `function` with each of `arguments`. See [`ThreadPool::map`](crate::ThreadPool::map).
    pub fn map<F, I, R>(
        &self,
        function: F,
        arguments: I,
    ) -> Map<I::IntoIter, impl FnMut(I::Item) -> Future<R>, R>
    where
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        I: IntoIterator,
        I::Item: Send + 'static,
        R: Send + 'static,
    {
        let function = Arc::new(function);
        Map::new(
            arguments.into_iter(),
            2 * self.queues.workers(),
            move |argument| {
                let function = Arc::clone(&function);
                self.spawn(move || function(argument))
            },
        )
    }

    /// Runs both closures, side by side if a worker is free. See [`ThreadPool::join`](crate::ThreadPool::join).
    #[inline]
    pub fn join<A, B, RA, RB>(&self, first: A, second: B) -> (RA, RB)
    where
        A: FnOnce() -> RA + Send,
        B: FnOnce() -> RB + Send,
        RA: Send,
        RB: Send,
    {
        join(&self.queues, first, second)
    }

    /// Runs `body`, and waits for the tasks that it spawns. See [`ThreadPool::scope`](crate::ThreadPool::scope).
    pub fn scope<'scope, R: Send>(&self, body: impl FnOnce(&Scope<'scope>) -> R + Send) -> R {
        scope(&self.queues, body)
    }
}

impl<F, A, R> Executor<F, A> for Handle
where
    F: Fn(A) -> R + Send + 'static,
    A: Send + 'static,
    R: Send + 'static,
{
    type Output = R;

    fn submit(&self, function: F, argument: A) -> Future<R> {
        self.submit(function, argument)
    }

    fn map<I>(&self, function: F, arguments: I) -> impl Iterator<Item = Result<R, TaskError>>
    where
        I: IntoIterator<Item = A>,
        F: Clone,
    {
        Map::new(
            arguments.into_iter(),
            2 * self.queues.workers(),
            move |argument| self.submit(function.clone(), argument),
        )
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Handle")
            .field("workers", &self.queues.workers())
            .finish_non_exhaustive()
    }
}
