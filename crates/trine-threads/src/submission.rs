//! How a task comes into the pool, with its options.

use crate::limit::{Limit, Place, WhenFull};
use crate::priority::Priority;
use crate::queued::Queued;
use crate::queues::Queues;
use crate::refusal::Refusal;
use crate::worker::{self, PoolOfTask};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use trine_future::{Detached, Future, Rejected, Task, TaskSpan, with_executor_failure_hook};
use trine_platform::turn;

/// A function and its argument that are about to be submitted, with the options of this task:
/// [`ThreadPool::task`](crate::ThreadPool::task).
///
/// ```
/// use trine_threads::{Priority, ThreadPool};
///
/// let pool = ThreadPool::new(1)?;
/// let length = pool.task(str::len, "trine").priority(Priority::High).submit();
/// assert_eq!(length.result()?, 5);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[must_use = "a task is submitted by `submit`, `try_submit` or `submit_async`"]
pub struct Submission<'pool, F, A> {
    queues: &'pool Arc<Queues>,
    function: F,
    argument: A,
    priority: Priority,
}

impl<'pool, F, A> Submission<'pool, F, A> {
    pub(crate) fn new(queues: &'pool Arc<Queues>, function: F, argument: A) -> Self {
        Self {
            queues,
            function,
            argument,
            priority: Priority::Normal,
        }
    }

    /// How soon the task starts, as against others. [`Priority::Normal`] by default.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Submits the task. Never fails: a task that is refused is a future that is already done, with
    /// [`TaskError::is_refused`](trine_future::TaskError::is_refused). It blocks, or runs the task on this thread, only if
    /// the queue has a limit, is full, and the pool was made so: see [`WhenFull`].
    pub fn submit<R>(self) -> Future<R>
    where
        F: FnOnce(A) -> R + Send + 'static,
        A: Send + 'static,
        R: Send + 'static,
    {
        let Self {
            queues,
            function,
            argument,
            priority,
        } = self;
        let named = Named::new(queues, &function);
        submit(queues, named, move || function(argument), priority)
    }

    /// Submits the task if there is room. Never blocks, and never runs the task on this thread.
    ///
    /// ```
    /// use trine_threads::{ThreadPool, WhenFull};
    ///
    /// let pool = ThreadPool::builder().workers(1).queue_limit(1, WhenFull::Block).build()?;
    /// let mut pages = vec!["one", "two", "three"];
    /// while let Some(page) = pages.pop() {
    ///     if let Err(rejected) = pool.task(str::len, page).try_submit() {
    ///         pages.push(rejected.argument); // and does something else meanwhile
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Function and argument, if the queue is full or the pool was shut down. (A shutdown at the same moment may come
    /// after that was looked at: the future is done with an error then, as of [`submit`](Self::submit).)
    pub fn try_submit<R>(self) -> Result<Future<R>, Rejected<F, A>>
    where
        F: FnOnce(A) -> R + Send + 'static,
        A: Send + 'static,
        R: Send + 'static,
    {
        match self.queues.try_enter() {
            Ok(place) => {
                let Self {
                    queues,
                    function,
                    argument,
                    priority,
                } = self;
                let named = Named::new(queues, &function);
                Ok(enter(queues, named, move || function(argument), priority, place))
            }
            Err(refusal) => {
                let is_full = matches!(refusal, Refusal::Full(_));
                Err(Rejected::new(
                    self.function,
                    self.argument,
                    is_full,
                    refusal.into(),
                ))
            }
        }
    }

    /// Submits the task once there is room, for which async code awaits. The output is the task's future, so there are two
    /// things to await: room, and the result.
    ///
    /// It waits for room whatever the pool does in [`submit`](Self::submit) when it is full, and it gives up its place in
    /// the line when it is dropped. Without a limit there is always room.
    ///
    /// ```
    /// # fn block_on<F: Future>(future: F) -> F::Output {
    /// #     let mut future = std::pin::pin!(future);
    /// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     loop {
    /// #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
    /// #             return output;
    /// #         }
    /// #     }
    /// # }
    /// use trine_threads::{ThreadPool, WhenFull};
    ///
    /// let pool = ThreadPool::builder().workers(1).queue_limit(1, WhenFull::Block).build()?;
    /// let length = block_on(async {
    ///     let future = pool.task(str::len, "trine").submit_async().await;
    ///     future.await
    /// });
    /// assert_eq!(length?, 5);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[allow(clippy::async_yields_async, reason = "room and result are awaited apart")]
    pub fn submit_async<R>(self) -> impl std::future::Future<Output = Future<R>> + Send + use<F, A, R>
    where
        F: FnOnce(A) -> R + Send + 'static,
        A: Send + 'static,
        R: Send + 'static,
    {
        let Self {
            queues,
            function,
            argument,
            priority,
        } = self;
        let queues = Arc::clone(queues);
        let named = Named::new(&queues, &function);
        async move {
            turn::give().await;
            let closure = move || function(argument);
            let entered = match (queues.try_enter(), &queues.limit) {
                (Err(Refusal::Full(_)), Some((limit, _))) => match limit.take() {
                    Ok(place) => Ok(Some(place)),
                    Err(waiting) => waiting.await.map(Some).map_err(|_closed| Refusal::ShutDown),
                },
                (entered, _) => entered,
            };
            match entered {
                Ok(place) => enter(&queues, named, closure, priority, place),
                Err(refusal) => refuse(&queues, closure, refusal),
            }
        }
    }
}

impl<F, A> fmt::Debug for Submission<'_, F, A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Submission")
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}

/// What a task is called: the span that it has, and, in errors, the type of the function that the program gave.
pub(crate) struct Named<N> {
    span: TaskSpan,
    function: PhantomData<fn() -> N>,
}

impl<N> Named<N> {
    pub(crate) fn new(queues: &Queues, function: &N) -> Self {
        Self {
            span: queues.span(&TaskSpan::current(), function),
            function: PhantomData,
        }
    }
}

/// What every `submit` and `spawn` comes down to.
pub(crate) fn submit<N: 'static, R: Send + 'static>(
    queues: &Arc<Queues>,
    named: Named<N>,
    closure: impl FnOnce() -> R + Send + 'static,
    priority: Priority,
) -> Future<R> {
    let Some((limit, when_full)) = &queues.limit else {
        return enqueue(queues, named, closure, priority);
    };
    let entered = match (queues.try_enter(), when_full) {
        (Err(Refusal::Full(_)), WhenFull::Block) => wait_for_room(queues, limit),
        (Err(Refusal::Full(_)), WhenFull::RunInCaller) => return run_here(queues, named, closure),
        (entered, _) => entered,
    };
    match entered {
        Ok(place) => enter(queues, named, closure, priority, place),
        Err(refusal) => refuse(queues, closure, refusal),
    }
}

/// What `spawn_detached` comes down to.
pub(crate) fn submit_detached(queues: &Arc<Queues>, closure: impl FnOnce() + Send + 'static) {
    let named = Named::new(queues, &closure);
    if queues.limit.is_some() {
        drop(submit(queues, named, closure, Priority::Normal));
    } else {
        worker::push(queues, Queued::Detached(Detached::new(named.span, closure)));
    }
}

fn wait_for_room(queues: &Arc<Queues>, limit: &Arc<Limit>) -> Result<Option<Place>, Refusal> {
    if worker::is_current(queues) {
        return Ok(Some(limit.take_beyond()));
    }
    let place = limit.take().or_else(|waiting| waiting.result());
    place.map(Some).map_err(|_closed| Refusal::ShutDown)
}

/// Queues a task, with its place if the queue has a limit.
fn enter<N: 'static, R: Send + 'static>(
    queues: &Arc<Queues>,
    named: Named<N>,
    closure: impl FnOnce() -> R + Send + 'static,
    priority: Priority,
    place: Option<Place>,
) -> Future<R> {
    match place {
        None => enqueue(queues, named, closure, priority),
        Some(place) => {
            let closure = move || {
                drop(place);
                closure()
            };
            enqueue(queues, named, closure, priority)
        }
    }
}

fn enqueue<N: 'static, R: Send + 'static>(
    queues: &Arc<Queues>,
    named: Named<N>,
    closure: impl FnOnce() -> R + Send + 'static,
    priority: Priority,
) -> Future<R> {
    let (task, future) = Task::in_span::<N, R>(named.span, closure, PoolOfTask::new(queues));
    let task = Queued::Task(task);
    match priority {
        Priority::Normal => worker::push(queues, task),
        Priority::High | Priority::Background => queues.push_into_lane(task, priority),
    }
    future
}

fn refuse<R: Send + 'static>(
    queues: &Arc<Queues>,
    closure: impl FnOnce() -> R + Send + 'static,
    refusal: Refusal,
) -> Future<R> {
    let (task, future) = Task::new(closure, PoolOfTask::new(queues));
    task.fail(refusal.into());
    future
}

fn run_here<N: 'static, R: Send + 'static>(
    queues: &Arc<Queues>,
    named: Named<N>,
    closure: impl FnOnce() -> R + Send + 'static,
) -> Future<R> {
    let (task, future) = Task::in_span::<N, R>(named.span, closure, PoolOfTask::new(queues));
    let hook = Arc::clone(&queues.settings.failure_hook);
    with_executor_failure_hook(hook, || task.run());
    future
}
