//! The future: what every pool gives for every task.

use crate::block::{BlockPointer, Side, Stored, allocate};
use crate::ending::Producer;
use crate::snapshot::{Phase, Snapshot};
use crate::state::State;
use crate::waiter::Waiter;
use crate::waiting::Patience;
use crate::work::{Convert, NoWork};
use crate::{CancelOnDrop, Outcome, Shared, TaskError};
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use trine_platform::{Deadline, turn};

/// The result of a task that may still run: on a thread, in a process, or on a runtime.
///
/// Take the result by [`result`](Self::result), which blocks, by [`result_timeout`](Self::result_timeout), or by
/// `.await` on any runtime. Every way gives `Result<T, TaskError>`: that a task panicked, was cancelled, or took its
/// process down is a value.
///
/// Dropping a future detaches it: the task still runs, and a failure goes to the
/// [failure hook](crate::set_failure_hook). To stop a task that has not started, [`cancel`](Self::cancel) it; to have
/// that done by the drop, use [`cancel_on_drop`](Self::cancel_on_drop).
///
/// The type shares its name with the trait [`std::future::Future`], which it implements: refer to it as
/// `trine::Future` and don't import it by a glob.
///
/// ```
/// use trine_future::Promise;
///
/// let (promise, future) = Promise::new();
/// std::thread::spawn(move || promise.complete(6 * 7));
/// assert_eq!(future.result()?, 42);
/// # Ok::<(), trine_future::TaskError>(())
/// ```
#[doc(alias("JoinHandle", "join", "get"))]
#[must_use = "a dropped future detaches: the task runs, and its result is lost"]
pub struct Future<T> {
    block: BlockPointer,
    result: PhantomData<T>,
}

// SAFETY: the future moves a `T` to the thread that it is on, and nothing else; the block is shared by its own rules.
unsafe impl<T: Send> Send for Future<T> {}
// SAFETY: `&Future` gives no access to the value; what else it gives (state, cancel) is atomic.
unsafe impl<T: Send> Sync for Future<T> {}

// As std's `Receiver`: the user's panics are caught before they get to the state, and `&Future` gives no access to the value.
impl<T> UnwindSafe for Future<T> {}
impl<T> RefUnwindSafe for Future<T> {}

impl<T> Unpin for Future<T> {}

impl<T> Future<T> {
    pub(crate) fn new(block: BlockPointer) -> Self {
        Self {
            block,
            result: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn block(&self) -> BlockPointer {
        self.block
    }

    /// Waits for the task to end and returns its result.
    ///
    /// Blocks the calling thread; in async code use `.await`. A worker of a
    /// [thread pool](crate#waiting-inside-a-worker) that waits for a task of its own pool which nobody has started runs
    /// that task itself.
    ///
    /// # Errors
    ///
    /// A [`TaskError`] if the task did not return: it panicked, was cancelled, or lost its worker. And if the wait would
    /// never end, because that task waits for the one that calls this: [`TaskError::is_deadlock`].
    ///
    /// ```
    /// assert_eq!(trine_future::Future::ready(5).result()?, 5);
    /// # Ok::<(), trine_future::TaskError>(())
    /// ```
    pub fn result(self) -> Result<T, TaskError> {
        if self.is_done() {
            self.take_ended()
        } else {
            self.wait_and_take()
        }
    }

    /// For executors whose task uses memory of the one who waits: as [`result`](Self::result), but returns only once the
    /// future is done. In a deadlock it is another wait that gives up.
    ///
    /// Then the task has ended, or will not begin, unless its executor [stops](crate::Owner::STOPS_RUNNING) tasks that run: a
    /// future that was cancelled is done at once, and such a task may still run.
    ///
    /// # Errors
    ///
    /// A [`TaskError`] if the task did not return.
    ///
    /// ```
    /// assert_eq!(trine_future::Future::ready(5).result_at_end()?, 5);
    /// # Ok::<(), trine_future::TaskError>(())
    /// ```
    pub fn result_at_end(mut self) -> Result<T, TaskError> {
        self.wait(Patience::Unconditional)?;
        self.take_ended()
    }

    /// Waits at most `timeout` for the task to end. `None` means "not yet": the future can be waited for again.
    ///
    /// Blocks the calling thread, and never runs a task on it. `Duration::ZERO` looks without blocking;
    /// `Duration::MAX` waits for ever.
    ///
    /// # Errors
    ///
    /// A [`TaskError`] if the task did not return; [`TaskError::is_taken`] if the result was taken by an earlier call. A
    /// timed wait looks for no deadlock.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let (promise, mut future) = trine_future::Promise::new();
    /// assert!(future.result_timeout(Duration::from_millis(1)).is_none());
    /// promise.complete("done").unwrap();
    /// assert_eq!(future.result_timeout(Duration::from_millis(1)).unwrap()?, "done");
    /// # Ok::<(), trine_future::TaskError>(())
    /// ```
    pub fn result_timeout(&mut self, timeout: Duration) -> Option<Result<T, TaskError>> {
        match self.wait(Patience::Until(&Deadline::after(timeout))) {
            Ok(true) => self.take(Some),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Whether the task has ended: with a value, a failure, or cancelled.
    ///
    /// ```
    /// assert!(trine_future::Future::ready(()).is_done());
    /// ```
    #[doc(alias = "is_finished")]
    #[inline]
    pub fn is_done(&self) -> bool {
        self.state().load().is_terminal()
    }

    /// Whether somebody runs the task now.
    ///
    /// ```
    /// let (mut promise, future) = trine_future::Promise::<()>::new();
    /// assert!(!future.is_running());
    /// promise.start();
    /// assert!(future.is_running());
    /// ```
    pub fn is_running(&self) -> bool {
        // SAFETY: this is the future.
        unsafe { self.block.phase() == Phase::Running }
    }

    /// Whether the task was cancelled.
    ///
    /// ```
    /// let (_promise, future) = trine_future::Promise::<()>::new();
    /// assert!(!future.is_cancelled());
    /// future.cancel();
    /// assert!(future.is_cancelled());
    /// ```
    pub fn is_cancelled(&self) -> bool {
        // SAFETY: this is the future.
        unsafe { self.block.phase() == Phase::Cancelled }
    }

    /// Cancels the task, if that is still possible. True means that it is cancelled: it never runs, or, on a pool
    /// that can stop what runs, its result is dropped.
    ///
    /// A cancelled future is done at once, for everybody who waits for it. What a thread task captured is dropped,
    /// and the callbacks run, before this returns. False means that the task runs or has ended: nothing changes.
    /// Cancelling twice is true twice. (While another call cancels the task, this one is true at once: that one drops and calls what is
    /// left, and a [mapped](Self::map) future is done when it has dropped the captures.)
    ///
    /// ```
    /// let (promise, future) = trine_future::Promise::new();
    /// assert!(future.cancel());
    /// assert_eq!(promise.complete(1), Err(1));
    /// assert!(future.result().unwrap_err().is_cancelled());
    /// ```
    #[doc(alias = "abort")]
    pub fn cancel(&self) -> bool {
        // SAFETY: the future's side of the block is alive.
        unsafe { self.block.cancel(Side::Future) }
    }

    /// Cancels the task, or, if it runs and can't be stopped, asks it to stop. False if it has ended.
    ///
    /// A task on a thread can't be stopped from outside: it reads the request by [`cancelled`](crate::cancelled) when
    /// it likes, or never, and ends with what it returns. So this future waits for that, and a task that was asked can
    /// still succeed. Asking twice is the same as asking once.
    ///
    /// ```
    /// let (mut promise, future) = trine_future::Promise::new();
    /// assert!(promise.start());
    /// assert!(future.request_cancel());
    /// assert!(promise.is_cancel_requested());
    /// promise.complete("as far as I got").unwrap();
    /// assert!(!future.request_cancel());
    /// assert_eq!(future.result()?, "as far as I got");
    /// # Ok::<(), trine_future::TaskError>(())
    /// ```
    pub fn request_cancel(&self) -> bool {
        // SAFETY: the future's side of the block is alive.
        self.cancel() || unsafe { self.block.request_cancel() }
    }

    /// Has the task cancelled when the future is dropped. See [`CancelOnDrop`].
    ///
    /// ```
    /// use trine_future::Promise;
    ///
    /// let (promise, future) = Promise::new();
    /// let future = future.cancel_on_drop();
    /// promise.complete(7).unwrap();
    /// assert_eq!(future.result()?, 7);
    /// # Ok::<(), trine_future::TaskError>(())
    /// ```
    pub fn cancel_on_drop(self) -> CancelOnDrop<T> {
        CancelOnDrop::new(self)
    }

    /// Calls `callback` when the task ends, with how it ended.
    ///
    /// It runs on the thread that ends the task (the worker, or the caller of [`cancel`](Self::cancel)), or on one that
    /// the pool keeps for callbacks, as process pools do. It runs after those who wait have been woken; at once, and here,
    /// if the task has ended, also where it ends in this moment: then with those that were added before. Callbacks that were
    /// added before the end run in their order, also if the future is dropped meanwhile. A panic in one goes to the [failure hook](crate::set_failure_hook). One that blocks holds up the thread
    /// that it runs on, and so what else that has to do: other tasks of a worker, other callbacks.
    ///
    /// It gets no value, because whoever waits may have taken that by now; a [shared](Self::shared) future lends it. A
    /// callback can't be taken back: have it look at something that you can change.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use trine_future::{Outcome, Promise};
    ///
    /// let (sender, receiver) = mpsc::channel();
    /// let (promise, mut future) = Promise::new();
    /// future.on_done(move |outcome| sender.send(outcome).unwrap());
    /// promise.complete(7).unwrap();
    /// assert_eq!(receiver.recv(), Ok(Outcome::Done));
    /// ```
    #[doc(alias("add_done_callback", "then"))]
    pub fn on_done(&mut self, callback: impl FnOnce(Outcome) + Send + 'static) {
        self.add_callback(callback);
    }

    /// A future whose result is this one's, converted by `function` when it is taken.
    ///
    /// The conversion is no task of its own: it runs on the thread that takes the result. So futures of different
    /// kinds become one kind, and fit into one [`as_completed`](crate::as_completed) loop. Everything else
    /// (cancel, state, waiting) goes through to this future. Callbacks that are added to what this returns are called before those that
    /// were added to this future. A panic of the function is a [`TaskError`] like one of the task. Each `map` takes a little stack where the task ends and where the result is taken: chain hundreds of
    /// them, not millions.
    ///
    /// ```
    /// let (promise, future) = trine_future::Promise::new();
    /// let length = future.map(|page: String| page.len());
    /// promise.complete("trine".to_owned()).unwrap();
    /// assert_eq!(length.result()?, 5);
    /// # Ok::<(), trine_future::TaskError>(())
    /// ```
    pub fn map<U>(self, function: impl FnOnce(T) -> U + Send + 'static) -> Future<U>
    where
        T: Send + 'static,
        U: Send + 'static,
    {
        self.try_map(|value| Ok(function(value)))
    }

    /// [`map`](Self::map) with a function that can fail.
    ///
    /// It fails when the result is taken. Before that the state, the callbacks and [`wait`](crate::wait) know only how
    /// this future ended.
    ///
    /// ```
    /// use trine_future::{Future, TaskError};
    ///
    /// let future = Future::ready("7").try_map(|text| {
    ///     text.parse::<u32>().map_err(|cause| TaskError::serialization("a number", cause))
    /// });
    /// assert_eq!(future.result()?, 7);
    /// # Ok::<(), trine_future::TaskError>(())
    /// ```
    pub fn try_map<U>(self, function: impl FnOnce(T) -> Result<U, TaskError> + Send + 'static) -> Future<U>
    where
        T: Send + 'static,
        U: Send + 'static,
    {
        let inner = self.block;
        let work = Convert {
            future: self,
            function,
        };
        let outer = allocate::<U, _, _>(Snapshot::PENDING, Stored { nothing: () }, work, ());
        // The work owns the inner future now. This stands in for its holder, which nobody else is before `outer` has
        // been returned.
        let mut holder = ManuallyDrop::new(Self::new(inner));
        if !holder.watch_by(|| Waiter::Mapped(Producer(outer))) {
            Producer(outer).finish_mapped(holder.outcome());
        }
        Future::new(outer)
    }

    /// Lets many wait for the task and look at its one result. See [`Shared`].
    ///
    /// ```
    /// let (promise, future) = trine_future::Promise::new();
    /// let shared = future.shared();
    /// let other = shared.clone();
    /// let reader = std::thread::spawn(move || other.result().map(|page: &String| page.len()).ok());
    /// promise.complete("trine".to_owned()).unwrap();
    /// assert_eq!(shared.result().unwrap(), "trine");
    /// assert_eq!(reader.join().unwrap(), Some(5));
    /// ```
    pub fn shared(self) -> Shared<T>
    where
        T: Send + Sync + 'static,
    {
        Shared::new(self)
    }

    /// The state now.
    #[inline]
    pub(crate) fn state(&self) -> &State {
        // SAFETY: the future's side of the block is alive.
        &unsafe { self.block.header() }.state
    }
}

impl<T: Send + 'static> Future<T> {
    /// A future that is done, with `value`.
    ///
    /// ```
    /// assert_eq!(trine_future::Future::ready(1).result()?, 1);
    /// # Ok::<(), trine_future::TaskError>(())
    /// ```
    pub fn ready(value: T) -> Self {
        let value = ManuallyDrop::new(value);
        Self::ended(Stored { value }, Phase::Done)
    }

    /// A future that is done, with an error.
    ///
    /// ```
    /// use trine_future::{Future, TaskError};
    ///
    /// let future = Future::<u32>::failed(TaskError::refused("the pool is closed"));
    /// assert!(future.result().unwrap_err().is_refused());
    /// ```
    pub fn failed(error: TaskError) -> Self {
        let error = ManuallyDrop::new(error);
        Self::ended(Stored { error }, Phase::Failed)
    }

    fn ended(result: Stored<T>, phase: Phase) -> Self {
        Self::new(allocate(Snapshot::ready(phase), result, NoWork, ()))
    }
}

impl<T> std::future::Future for Future<T> {
    type Output = Result<T, TaskError>;

    /// Ready once the task has ended. Polled again after that, it gives [`TaskError::is_taken`].
    ///
    /// The waker of the latest poll is woken, by the thread that ends the task, which one that blocks would hold up. A
    /// blocking wait in between takes its place: poll again after one.
    ///
    /// Where a thread runs the task, the first poll looks for its end for a microsecond or two, as long as that was worth it of late on this
    /// thread: tiny tasks, awaited one at a time, are done by then.
    ///
    /// In a task of an `AsyncPool` one of many polls in a row that would be ready gives others a turn first: it is pending, and polled
    /// again at once. Who has no next poll takes what is [done](Self::is_done) by [`result`](Self::result).
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if turn::is_over(context) {
            return Poll::Pending;
        }
        if !self.ends_soon() && self.watch_by(|| Waiter::Task(context.waker().clone())) {
            return Poll::Pending;
        }
        turn::was_ready();
        self.take(Poll::Ready)
    }
}

impl<T> fmt::Debug for Future<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: this is the future.
        let phase = unsafe { self.block.phase() };
        write!(formatter, "Future<{}>({phase:?})", std::any::type_name::<T>())
    }
}
