//! Tasks that end with the async block that has started them, and may borrow from around it.
//!
//! The children are polled inside of the scope's own future, by whoever polls that: side by side, not in parallel. This
//! is what makes borrowing safe. A child on another thread would have to be waited for before the frames are left that it
//! borrows from, and nothing can make sure of that in async code: a future can be dropped at any await point, or forgotten
//! by `mem::forget` without its destructor. A forgotten scope is never polled again, and its children with it.

mod child;

use crate::report_panic::report_panic;
use crate::stop::Stop;
use child::Child;
use futures_util::stream::{FuturesUnordered, StreamExt};
use pin_project_lite::pin_project;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use trine_future::{Promise, TaskError, catch_panic};
use trine_lock::Lock;
use trine_platform::turn;

/// Runs `body`, which can spawn tasks that borrow from around the scope, and ends when it and all of these have ended.
///
/// The first error ends all of it: an `Err` of the body or of a task, or a panic of a task, which becomes an error by
/// `From<TaskError>`. What has not ended is dropped then, the body too, at the point where it awaits. So nothing goes on
/// once the scope has ended. The same happens if the scope itself is dropped. A panic of the body goes on after that.
///
/// It needs no pool and no runtime: the tasks run where the scope is awaited, side by side, and not in parallel. What
/// computes belongs into a pool, whose futures can be awaited here.
///
/// # Errors
///
/// The first error. Those that follow it, in destructors, go to the [failure hook](trine_future::set_failure_hook).
///
/// ```
/// use trine_async::{AsyncPool, TaskError, scope};
///
/// let pool = AsyncPool::new(1)?;
/// let length = pool.spawn(async {
///     let pages = ["to be".to_owned(), "or not".to_owned()]; // not 'static
///     scope(async |scope| {
///         let lengths = pages.each_ref().map(|page| scope.spawn(async move { Ok(page.len()) }));
///         let mut sum = 0;
///         for length in lengths {
///             sum += length.await?;
///         }
///         Ok::<usize, TaskError>(sum)
///     })
///     .await
/// });
/// assert_eq!(length.result()??, 11);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[doc(alias("TaskGroup", "nursery", "gather", "moro"))]
pub fn scope<'env, R, E, B>(body: impl FnOnce(Scope<'env, E>) -> B) -> Scoped<'env, B, R, E>
where
    B: Future<Output = Result<R, E>>,
    E: From<TaskError> + Send + 'env,
{
    let scope = Scope {
        shared: Arc::new(Shared(Lock::new(State {
            is_closed: false,
            spawned: Vec::new(),
            error: None,
            waker: None,
        }))),
    };
    Scoped {
        body: Some(body(scope.clone())),
        children: FuturesUnordered::new(),
        value: None,
        scope: scope.shared,
    }
}

pin_project! {
    /// The future of a [`scope`].
    ///
    /// ```
    /// use trine_async::{AsyncPool, Scoped, TaskError, scope};
    ///
    /// let scoped: Scoped<'_, _, u32, TaskError> = scope(async |scope| scope.spawn(async { Ok(3) }).await);
    /// assert_eq!(AsyncPool::new(1)?.spawn(scoped).result()??, 3);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[must_use = "a scope does nothing until it is awaited"]
    pub struct Scoped<'env, B, R, E> {
        // Gone as soon as it has ended.
        #[pin]
        body: Option<B>,
        children: FuturesUnordered<BoxedChild<'env>>,
        // What the body has returned.
        value: Option<R>,
        scope: Arc<Shared<'env, E>>,
    }

    impl<'env, B, R, E> PinnedDrop for Scoped<'env, B, R, E> {
        fn drop(this: Pin<&mut Self>) {
            // Before the body and the tasks are dropped, so that their destructors find the scope closed.
            this.scope.close();
        }
    }
}

impl<'env, B, R, E> Future for Scoped<'env, B, R, E>
where
    B: Future<Output = Result<R, E>>,
{
    type Output = Result<R, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // PANIC: the body is the user's code. Its panic goes on when nothing else does any more.
        let polled = catch_panic(|| self.as_mut().poll_body(context));
        let mut result = polled.unwrap_or_else(|panic| {
            self.as_mut().fail();
            panic.resume()
        });
        let this = self.as_mut().project();
        if result.is_ok() {
            match this.scope.poll_children(this.children, context) {
                Poll::Ready(Ok(())) if this.body.is_some() || turn::is_over(context) => return Poll::Pending,
                Poll::Ready(ended) => result = ended,
                Poll::Pending => return Poll::Pending,
            }
        }
        // Whoever gets the result finds that nothing goes on any more.
        let result = match result {
            Ok(()) => Ok(self.end().expect("a scope that has ended is not polled again")),
            Err(error) => {
                self.fail();
                Err(error)
            }
        };
        turn::was_ready();
        Poll::Ready(result)
    }
}

impl<B, R, E> Scoped<'_, B, R, E>
where
    B: Future<Output = Result<R, E>>,
{
    /// Polls the body, unless it has ended. An error is that of the scope.
    fn poll_body(self: Pin<&mut Self>, context: &mut Context<'_>) -> Result<(), E> {
        let mut this = self.project();
        if let Some(body) = this.body.as_mut().as_pin_mut()
            && let Poll::Ready(result) = body.poll(context)
        {
            *this.value = Some(result?);
            this.body.set(None);
        }
        Ok(())
    }

    /// Drops what has not ended, and gives out what the body has returned.
    fn end(self: Pin<&mut Self>) -> Option<R> {
        let mut this = self.project();
        this.scope.close();
        // PANIC: the destructors of what it had are the user's code, and come after the first error.
        report_panic(catch_panic(|| this.body.set(None)));
        this.children.clear();
        this.value.take()
    }

    /// Drops all that it has: there is an error, or a panic that goes on.
    fn fail(self: Pin<&mut Self>) {
        let value = self.end();
        // PANIC: as in `end`.
        report_panic(catch_panic(|| drop(value)));
    }
}

impl<B, R, E> fmt::Debug for Scoped<'_, B, R, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Scoped")
            .field("tasks", &self.children.len())
            .finish_non_exhaustive()
    }
}

/// What the body of a [`scope`] spawns tasks by. A clone is the same scope, for tasks that spawn tasks.
///
/// ```
/// use trine_async::{AsyncPool, Scope, TaskError, scope};
///
/// async fn both(scope: Scope<'_, TaskError>) -> Result<u32, TaskError> {
///     let three = scope.spawn(async { Ok(3) });
///     let four = scope.spawn(async { Ok(4) });
///     Ok(three.await? + four.await?)
/// }
///
/// assert_eq!(AsyncPool::new(1)?.spawn(scope(both)).result()??, 7);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub struct Scope<'env, E> {
    shared: Arc<Shared<'env, E>>,
}

type BoxedChild<'env> = Pin<Box<dyn Future<Output = ()> + Send + 'env>>;

struct Shared<'env, E>(Lock<State<'env, E>>);

struct State<'env, E> {
    /// The scope takes no more tasks.
    is_closed: bool,
    /// Tasks that the scope has not seen yet.
    spawned: Vec<BoxedChild<'env>>,
    /// Of the task that has just failed.
    error: Option<E>,
    /// Of the one who polls the scope, to be woken when a task is spawned elsewhere.
    waker: Option<Waker>,
}

impl<'env, E: From<TaskError> + Send + 'env> Scope<'env, E> {
    /// Runs `future` as a task of the scope. It may borrow from around the scope.
    ///
    /// If it returns `Ok`, that is the result of the future that this gives back, which need not be kept. An `Err` ends the
    /// scope, as a panic does. [`cancel`](trine_future::Future::cancel) ends the task alone. After the end of the scope the
    /// task is refused, and dropped.
    ///
    /// ```
    /// use trine_async::{AsyncPool, TaskError, scope};
    ///
    /// let pool = AsyncPool::new(1)?;
    /// let error = pool.spawn(scope(async |scope| {
    ///     let page = scope.spawn(async { Err::<u32, _>(TaskError::refused("no such page")) });
    ///     let _other = scope.spawn(std::future::pending::<Result<(), TaskError>>()); // is dropped
    ///     page.await?; // as this is, which does not get to see the error
    ///     Ok(())
    /// }));
    /// assert!(error.result()?.unwrap_err().to_string().contains("no such page"));
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias("create_task", "start_soon"))]
    #[allow(
        clippy::must_use_candidate,
        reason = "the task runs also if its future is dropped"
    )]
    pub fn spawn<F, T>(&self, future: F) -> trine_future::Future<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'env,
        T: Send + 'static,
    {
        let (promise, result) = Promise::with_parts(Stop::default(), ());
        let result = result.into_future();
        let child = Box::pin(Child::new(future, promise, &self.shared));
        let waker = {
            let mut state = self.shared.0.lock();
            if state.is_closed {
                drop(state);
                return trine_future::Future::failed(TaskError::refused("the scope has ended"));
            }
            state.spawned.push(child);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }

    /// [`spawn`](Self::spawn) for a task whose result nobody wants, but for an error.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use trine_async::{AsyncPool, TaskError, scope};
    ///
    /// let pool = AsyncPool::new(1)?;
    /// let sum = pool.spawn(async {
    ///     let sum = AtomicU32::new(0);
    ///     let added = scope(async |scope| {
    ///         for number in 1..=3 {
    ///             let sum = &sum;
    ///             scope.spawn_detached(async move {
    ///                 sum.fetch_add(number, Ordering::Relaxed);
    ///                 Ok(())
    ///             });
    ///         }
    ///         Ok::<(), TaskError>(())
    ///     });
    ///     added.await.map(|()| sum.into_inner())
    /// });
    /// assert_eq!(sum.result()??, 6);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn spawn_detached<F>(&self, future: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'env,
    {
        drop(self.spawn(future));
    }
}

impl<'env, E> Shared<'env, E> {
    /// Polls those that have been woken. Ready when there are none left, or with the first error.
    fn poll_children(
        &self,
        children: &mut FuturesUnordered<BoxedChild<'env>>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), E>> {
        loop {
            children.extend(mem::take(&mut self.0.lock().spawned));
            let polled = children.poll_next_unpin(context);
            let has_ended = matches!(polled, Poll::Ready(Some(())));
            // Not under the lock: a waker is the user's code, which may reach this scope.
            let waker = (!has_ended).then(|| context.waker().clone());
            let mut state = self.0.lock();
            if let Some(error) = state.error.take() {
                return Poll::Ready(Err(error));
            }
            if !has_ended && state.spawned.is_empty() {
                let before = mem::replace(&mut state.waker, waker);
                drop(state);
                drop(before);
                return polled.map(|_| Ok(()));
            }
        }
    }

    /// The scope takes no more tasks, and lets go of those that it has not seen.
    fn close(&self) {
        let not_seen = {
            let mut state = self.0.lock();
            state.is_closed = true;
            (mem::take(&mut state.spawned), state.waker.take())
        };
        drop(not_seen);
    }

    /// A task has failed. Whoever polls the tasks takes its error before the next one is polled, so there is none yet.
    fn fail(&self, error: E) {
        self.0.lock().error = Some(error);
    }
}

impl<E> Clone for Scope<'_, E> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<E> fmt::Debug for Scope<'_, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Scope").finish_non_exhaustive()
    }
}
