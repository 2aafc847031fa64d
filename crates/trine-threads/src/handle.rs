//! Submitting without owning the pool.

use crate::join::join;
use crate::limit::WhenFull;
use crate::map::{ThreadMap, map_slice};
use crate::priority::Priority;
use crate::queues::Queues;
use crate::scope::{Scope, scope};
use crate::statistics::Stats;
use crate::submission::{self, Named, Submission};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use trine_future::{Executor, Future, Map, TaskError, TaskSpan};

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

// The user's code runs while nothing is locked: its panics leave no change of the state half done.
impl UnwindSafe for Handle {}
impl RefUnwindSafe for Handle {}

impl Handle {
    /// Runs `function` with `argument` on a worker. See [`ThreadPool::submit`](crate::ThreadPool::submit).
    ///
    /// ```
    /// # let pool = trine_threads::ThreadPool::new(2)?;
    /// let handle = pool.handle();
    /// assert_eq!(handle.submit(str::len, "trine").result()?, 5);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn submit<F, A, R>(&self, function: F, argument: A) -> Future<R>
    where
        F: FnOnce(A) -> R + Send + 'static,
        A: Send + 'static,
        R: Send + 'static,
    {
        let named = Named::new(&self.queues, &function);
        submission::submit(&self.queues, named, move || function(argument), Priority::Normal)
    }

    /// Runs `closure` on a worker. See [`ThreadPool::spawn`](crate::ThreadPool::spawn).
    pub fn spawn<R: Send + 'static>(&self, closure: impl FnOnce() -> R + Send + 'static) -> Future<R> {
        let named = Named::new(&self.queues, &closure);
        submission::submit(&self.queues, named, closure, Priority::Normal)
    }

    /// A function and its argument, to be submitted with options. See [`ThreadPool::task`](crate::ThreadPool::task).
    ///
    /// ```
    /// use trine_threads::Priority;
    ///
    /// # let pool = trine_threads::ThreadPool::new(2)?;
    /// let handle = pool.handle();
    /// let length = handle.task(str::len, "trine").priority(Priority::High).submit();
    /// assert_eq!(length.result()?, 5);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn task<F, A>(&self, function: F, argument: A) -> Submission<'_, F, A> {
        Submission::new(&self.queues, function, argument)
    }

    /// What the pool is doing. See [`ThreadPool::stats`](crate::ThreadPool::stats).
    ///
    /// ```
    /// # let pool = trine_threads::ThreadPool::new(2)?;
    /// let handle = pool.handle();
    /// assert_eq!(handle.stats().workers, 2);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn stats(&self) -> Stats {
        if self.queues.home.is_here() {
            self.queues.stats()
        } else {
            // The pool is not in this process. A lock of it may be held here for ever.
            Stats::default()
        }
    }

    /// Runs `closure` on a worker, and wants no result. See
    /// [`ThreadPool::spawn_detached`](crate::ThreadPool::spawn_detached).
    ///
    /// ```
    /// # let pool = trine_threads::ThreadPool::new(2)?;
    /// let handle = pool.handle();
    /// handle.spawn_detached(|| println!("done"));
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn spawn_detached(&self, closure: impl FnOnce() + Send + 'static) {
        submission::submit_detached(&self.queues, closure);
    }

    /// Runs `function` with each of `arguments`. See [`ThreadPool::map`](crate::ThreadPool::map).
    ///
    /// ```
    /// # let pool = trine_threads::ThreadPool::new(2)?;
    /// let handle = pool.handle();
    /// let lengths: Result<Vec<usize>, _> = handle.map(str::len, ["a", "bc"]).collect();
    /// assert_eq!(lengths?, [1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn map<F, I, R>(&self, function: F, arguments: I) -> ThreadMap<I::IntoIter, F, R>
    where
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        I: IntoIterator,
        I::Item: Send + 'static,
        R: Send + 'static,
    {
        ThreadMap::new(&self.queues, function, arguments.into_iter())
    }

    /// Runs `function` with each of `items`. See [`ThreadPool::map_slice`](crate::ThreadPool::map_slice).
    ///
    /// ```
    /// # let pool = trine_threads::ThreadPool::new(2)?;
    /// let handle = pool.handle();
    /// assert_eq!(handle.map_slice(|number| number + 1, &[1, 2])?, [2, 3]);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn map_slice<'a, F, T, R>(&self, function: F, items: &'a [T]) -> Result<Vec<R>, TaskError>
    where
        F: Fn(&'a T) -> R + Sync,
        T: Sync,
        R: Send,
    {
        let submitter = TaskSpan::current();
        let call = |item| self.queues.span(&submitter, &function).run(|| function(item));
        map_slice(&self.queues, &call, items)
    }

    /// Runs both closures, side by side if a worker is free. See [`ThreadPool::join`](crate::ThreadPool::join).
    ///
    /// ```
    /// # let pool = trine_threads::ThreadPool::new(2)?;
    /// let handle = pool.handle();
    /// assert_eq!(handle.join(|| 1, || 2), (1, 2));
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
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
    ///
    /// ```
    /// # let pool = trine_threads::ThreadPool::new(2)?;
    /// let handle = pool.handle();
    /// let mut lengths = [0; 2];
    /// handle.scope(|scope| {
    ///     for (length, text) in lengths.iter_mut().zip(["a", "bc"]) {
    ///         scope.spawn(move |_| *length = text.len());
    ///     }
    /// });
    /// assert_eq!(lengths, [1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
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
        // As many as have room while all workers are at other tasks: it does not get its own ones refused.
        let limit = match &self.queues.limit {
            Some((limit, WhenFull::Refuse)) => limit.places() as usize,
            _ => usize::MAX,
        };
        Map::new(
            arguments.into_iter(),
            2 * self.queues.workers(),
            move |argument| self.submit(function.clone(), argument),
        )
        .at_most(limit)
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
