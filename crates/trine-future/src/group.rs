//! Tasks that belong together.

mod error;
mod stream;

pub use error::{GroupError, GroupFailure};
pub use stream::GroupStream;

use crate::crowd::Crowd;
use crate::failure::{self, Failure};
use crate::many::Needs;
use crate::{Executor, Future, TaskError};
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use trine_platform::Deadline;

/// A task's place in the order of submission, from 0, and its result.
type Ended<T, E> = (usize, Result<T, GroupFailure<E>>);

/// Tasks that belong together: they are waited for together, and the first failure cancels the rest.
///
/// A group takes tasks of any executors, mixed, and at most as many at a time as its [`limit`](Self::limit) says, if it
/// has one. It ends by [`join`](Self::join), which gives the values in the order of submission, or by iterating over it, which gives each as
/// it ends, and which the group then keeps nothing of. Dropping a group cancels
/// what has not started. The [`TaskError`]s that it has met and not given out go to the
/// [failure hook](crate::set_failure_hook) then; an `Err` that a task has returned is dropped like a value.
///
/// A task fails if it does not return (a [`TaskError`]). In a group made by [`fallible`](Self::fallible) a task that
/// returns an `Err` fails, too. A task that somebody else has cancelled, such as a pool that gives up its queue, has no
/// value either: the rest is cancelled, and the group has no values.
///
/// A group is for one thread: it notices that a task has ended when `join`, `next`, or a `submit` at the limit looks.
///
/// ```
/// use trine_future::{Future, TaskGroup};
///
/// let mut group = TaskGroup::new().limit(2);
/// for number in 1..=3 {
///     group.start(|| Future::ready(number * number));
/// }
/// assert_eq!(group.join()?, [1, 4, 9]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias("errgroup", "JoinSet", "gather", "nursery"))]
#[must_use = "a dropped group cancels its tasks"]
pub struct TaskGroup<T, E = Infallible> {
    limit: usize,
    /// Each with its place in the order of submission.
    under_way: Crowd<(usize, Future<Result<T, E>>)>,
    /// How many there have been.
    total: usize,
    /// Those that have ended and have not been given out, by their place in the order of submission.
    ended: BTreeMap<usize, Result<T, GroupFailure<E>>>,
    /// The places of those in `ended`, in the order in which they ended.
    order: VecDeque<usize>,
    has_failed: bool,
}

// As its futures: `&TaskGroup` gives no access to a value.
impl<T, E> UnwindSafe for TaskGroup<T, E> {}
impl<T, E> RefUnwindSafe for TaskGroup<T, E> {}

impl<T: Send + 'static> TaskGroup<T> {
    /// A group of tasks that fail only by not returning.
    #[allow(clippy::new_without_default, reason = "`fallible` is as good a default")]
    pub fn new() -> Self {
        Self::fallible()
    }
}

impl<T: Send + 'static, E: Send + 'static> TaskGroup<T, E> {
    /// A group in which a task can also fail by returning `Err`: see [`start_fallible`](Self::start_fallible).
    ///
    /// ```
    /// use trine_future::{Future, TaskGroup};
    ///
    /// let mut group = TaskGroup::fallible();
    /// group.start_fallible(|| Future::ready("12".parse::<u32>()));
    /// group.start_fallible(|| Future::ready("many".parse::<u32>()));
    /// let error = group.join().unwrap_err();
    /// assert_eq!(error.to_string(), "1 of 2 tasks failed, 0 were cancelled; first, task 1: invalid digit found in string");
    /// ```
    pub fn fallible() -> Self {
        Self {
            limit: usize::MAX,
            under_way: Crowd::new([]),
            total: 0,
            ended: BTreeMap::new(),
            order: VecDeque::new(),
            has_failed: false,
        }
    }

    /// Has at most `limit` tasks under way at a time; 0 counts as 1. Those that are under way already stay.
    #[doc(alias = "SetLimit")]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.max(1);
        self
    }

    /// Runs `function` with `argument` on `executor`, as a task of the group.
    ///
    /// At the limit this blocks until a task of the group has ended. After a failure nothing is submitted any more.
    ///
    /// ```
    /// use trine_future::TaskGroup;
    /// # use trine_future::{Executor, Future, Map, TaskError};
    ///
    /// # /// Runs a task where it is submitted.
    /// # struct Here;
    /// #
    /// # impl<F: Fn(A) -> R, A, R: Send + 'static> Executor<F, A> for Here {
    /// #     type Output = R;
    /// #
    /// #     fn submit(&self, function: F, argument: A) -> Future<R> {
    /// #         Future::ready(function(argument))
    /// #     }
    /// #
    /// #     fn map<I>(&self, function: F, arguments: I) -> impl Iterator<Item = Result<R, TaskError>>
    /// #     where
    /// #         I: IntoIterator<Item = A>,
    /// #         F: Clone,
    /// #     {
    /// #         Map::new(arguments.into_iter(), 1, move |argument| Future::ready(function(argument)))
    /// #     }
    /// # }
    /// #
    /// # let pool = Here;
    /// let mut group = TaskGroup::new().limit(2);
    /// for number in 1..=3 {
    ///     group.submit(&pool, |number| 2 * number, number);
    /// }
    /// assert_eq!(group.join()?, [2, 4, 6]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn submit<P, F, A>(&mut self, executor: &P, function: F, argument: A)
    where
        P: Executor<F, A, Output = T> + ?Sized,
    {
        self.start(|| executor.submit(function, argument));
    }

    /// Adds the task that `start` starts: for closures, async blocks, options of a task, or a future that is there already. Blocks as
    /// [`submit`](Self::submit); `start` is not called after a failure.
    pub fn start(&mut self, start: impl FnOnce() -> Future<T>) {
        self.start_fallible(|| start().map(Ok));
    }

    /// [`start`](Self::start) that waits for room without blocking, for async code.
    pub async fn start_async(&mut self, start: impl FnOnce() -> Future<T>) {
        self.start_fallible_async(|| start().map(Ok)).await;
    }

    /// [`start`](Self::start) for a task whose `Err` counts as a failure.
    pub fn start_fallible(&mut self, start: impl FnOnce() -> Future<Result<T, E>>) {
        while self.under_way.len() >= self.limit {
            self.collect_one(Needs::One);
        }
        self.add(start);
    }

    /// [`start_fallible`](Self::start_fallible) that waits for room without blocking, for async code.
    ///
    /// ```
    /// # fn block_on<F: std::future::Future>(future: F) -> F::Output {
    /// #     let mut future = std::pin::pin!(future);
    /// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     loop {
    /// #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
    /// #             return output;
    /// #         }
    /// #     }
    /// # }
    /// use trine_future::{Future, TaskGroup};
    ///
    /// let values = block_on(async {
    ///     let mut group = TaskGroup::fallible().limit(1);
    ///     for text in ["1", "2"] {
    ///         group.start_fallible_async(|| Future::ready(text.parse::<u32>())).await;
    ///     }
    ///     group.join_async().await
    /// });
    /// assert_eq!(values.unwrap(), [1, 2]);
    /// ```
    pub async fn start_fallible_async(&mut self, start: impl FnOnce() -> Future<Result<T, E>>) {
        while self.under_way.len() >= self.limit {
            self.collect_one_async().await;
        }
        self.add(start);
    }

    fn add(&mut self, start: impl FnOnce() -> Future<Result<T, E>>) {
        let index = self.total;
        self.total += 1;
        if self.has_failed {
            self.note(index, Err(GroupFailure::Task(TaskError::cancelled())));
            return;
        }
        self.under_way.push((index, start()));
    }

    /// The iterator's `next` for async code. It can be dropped before it is done: nothing is lost then.
    ///
    /// ```
    /// # fn block_on<F: std::future::Future>(future: F) -> F::Output {
    /// #     let mut future = std::pin::pin!(future);
    /// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     loop {
    /// #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
    /// #             return output;
    /// #         }
    /// #     }
    /// # }
    /// use trine_future::{Future, TaskGroup};
    ///
    /// let mut group = TaskGroup::new();
    /// group.start(|| Future::ready("page"));
    /// let (index, result) = block_on(group.next_async()).unwrap();
    /// assert_eq!((index, result.unwrap()), (0, "page"));
    /// ```
    pub async fn next_async(&mut self) -> Option<(usize, Result<T, GroupFailure<E>>)> {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &Context<'_>) -> Poll<Option<Ended<T, E>>> {
        if self.order.is_empty() {
            let ended = ready!(self.under_way.poll_next(context));
            self.collect(ended);
        }
        Poll::Ready(self.give_out())
    }

    /// A task that has ended, if one is noted.
    fn give_out(&mut self) -> Option<Ended<T, E>> {
        let index = self.order.pop_front()?;
        self.ended.remove(&index).map(|result| (index, result))
    }

    /// The same as a stream, for async code.
    ///
    /// ```
    /// # fn block_on<F: std::future::Future>(future: F) -> F::Output {
    /// #     let mut future = std::pin::pin!(future);
    /// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     loop {
    /// #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
    /// #             return output;
    /// #         }
    /// #     }
    /// # }
    /// use trine_future::{Future, TaskGroup};
    ///
    /// let mut group = TaskGroup::new();
    /// group.start(|| Future::ready("page"));
    /// let mut pages = group.into_stream();
    /// let (index, page) = block_on(pages.next()).unwrap();
    /// assert_eq!((index, page.unwrap()), (0, "page"));
    /// ```
    pub fn into_stream(self) -> GroupStream<T, E> {
        GroupStream::new(self)
    }

    /// Blocks until all tasks have ended, but no longer than `timeout`. False if some have not: they go on, until the group is
    /// dropped. In async code, wrap [`join_async`](Self::join_async) in a time-out of the runtime.
    ///
    /// ```
    /// use std::time::Duration;
    /// use trine_future::{Promise, TaskGroup};
    ///
    /// let (promise, future) = Promise::new();
    /// let mut group = TaskGroup::new();
    /// group.start(|| future);
    /// assert!(!group.wait_timeout(Duration::from_millis(1)));
    /// promise.complete(7).unwrap();
    /// assert!(group.wait_timeout(Duration::from_secs(60)));
    /// assert_eq!(group.join()?, [7]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_timeout(&mut self, timeout: Duration) -> bool {
        let deadline = Deadline::after(timeout);
        while self.under_way.len() > 0 {
            let ended = self.under_way.next(Needs::All, Some(&deadline));
            if ended.is_none() {
                return false;
            }
            self.collect(ended);
        }
        true
    }

    /// Waits for all tasks, and gives their values in the order of submission, but for those that the
    /// iterator has given out. Blocks.
    ///
    /// # Errors
    ///
    /// If a task has failed: with all failures, but for those that the iterator has given out. Those that had not started were
    /// cancelled.
    pub fn join(mut self) -> Result<Vec<T>, GroupError<E>> {
        while self.under_way.len() > 0 {
            self.collect_one(Needs::All);
        }
        self.into_values()
    }

    /// [`join`](Self::join) for async code. Dropped before it is done, it drops the group.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    ///
    /// ```
    /// # fn block_on<F: std::future::Future>(future: F) -> F::Output {
    /// #     let mut future = std::pin::pin!(future);
    /// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     loop {
    /// #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
    /// #             return output;
    /// #         }
    /// #     }
    /// # }
    /// use trine_future::{Future, TaskGroup};
    ///
    /// let values = block_on(async {
    ///     let mut group = TaskGroup::new().limit(2);
    ///     for number in 1..=3 {
    ///         group.start_async(|| Future::ready(number * number)).await;
    ///     }
    ///     group.join_async().await
    /// });
    /// assert_eq!(values?, [1, 4, 9]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "join_all")]
    pub async fn join_async(mut self) -> Result<Vec<T>, GroupError<E>> {
        while self.under_way.len() > 0 {
            self.collect_one_async().await;
        }
        self.into_values()
    }

    fn into_values(mut self) -> Result<Vec<T>, GroupError<E>> {
        let mut values = Vec::with_capacity(self.ended.len());
        let mut error = GroupError {
            failures: Vec::new(),
            cancelled: 0,
            total: self.total,
        };
        for (index, result) in std::mem::take(&mut self.ended) {
            match result {
                Ok(value) => values.push(value),
                Err(GroupFailure::Task(cause)) if cause.is_cancelled() => error.cancelled += 1,
                Err(failure) => error.failures.push((index, failure)),
            }
        }
        if error.failures.is_empty() && error.cancelled == 0 {
            return Ok(values);
        }
        // PANIC: the destructors are the user's code. There is an error already, and two panics at once would end the program.
        for value in values {
            failure::contain(|| drop(value));
        }
        Err(error)
    }

    /// Waits for the next task to end, if one is under way, and notes how.
    fn collect_one(&mut self, needs: Needs) {
        let ended = self.under_way.next(needs, None);
        self.collect(ended);
    }

    async fn collect_one_async(&mut self) {
        let ended = poll_fn(|context| self.under_way.poll_next(context)).await;
        self.collect(ended);
    }

    fn collect(&mut self, ended: Option<(usize, Future<Result<T, E>>)>) {
        let Some((index, future)) = ended else { return };
        self.note(
            index,
            match future.result() {
                Ok(Ok(value)) => Ok(value),
                Ok(Err(error)) => Err(GroupFailure::Returned(error)),
                Err(error) => Err(GroupFailure::Task(error)),
            },
        );
    }

    fn note(&mut self, index: usize, result: Result<T, GroupFailure<E>>) {
        if result.is_err() && !self.has_failed {
            self.has_failed = true;
            self.cancel();
        }
        self.ended.insert(index, result);
        self.order.push_back(index);
    }
}

/// The tasks as they end, each with its place in the order of submission. `next` blocks until there is one, and is `None` when all
/// have been given out; more may be added then. After the first failure the tasks that have not started come as cancelled.
///
/// ```
/// use trine_future::{Promise, TaskGroup};
///
/// let (slow, first) = Promise::new();
/// let (fast, second) = Promise::new();
/// let mut group = TaskGroup::new();
/// group.start(|| first);
/// group.start(|| second);
/// fast.complete("fast").unwrap();
/// assert_eq!(group.next().unwrap().1.unwrap(), "fast");
/// slow.complete("slow").unwrap();
/// for (index, result) in group {
///     assert_eq!((index, result.unwrap()), (0, "slow"));
/// }
/// ```
impl<T: Send + 'static, E: Send + 'static> Iterator for TaskGroup<T, E> {
    type Item = (usize, Result<T, GroupFailure<E>>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.order.is_empty() {
            self.collect_one(Needs::One);
        }
        self.give_out()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let tasks = self.under_way.len() + self.order.len();
        (tasks, Some(tasks))
    }
}

impl<T, E> TaskGroup<T, E> {
    fn cancel(&self) {
        for (_, future) in self.under_way.iter() {
            future.cancel();
        }
    }
}

impl<T, E> Drop for TaskGroup<T, E> {
    fn drop(&mut self) {
        self.cancel();
        for result in std::mem::take(&mut self.ended).into_values() {
            match result {
                Err(GroupFailure::Task(error)) if error.is_worth_reporting() => {
                    failure::report(&Failure::Unseen(error));
                }
                // PANIC: the destructor of the value is the user's code, and must not keep the rest from going.
                result => failure::contain(|| drop(result)),
            }
        }
    }
}

impl<T, E> fmt::Debug for TaskGroup<T, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TaskGroup")
            .field("tasks", &self.total)
            .field("under_way", &self.under_way.len())
            .field("has_failed", &self.has_failed)
            .finish_non_exhaustive()
    }
}
