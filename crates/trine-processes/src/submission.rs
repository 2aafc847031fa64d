//! How a task comes into the pool, with its options.

use crate::codec;
use crate::member::Member;
use crate::queue::Ticket;
use crate::refusal::Refusal;
use crate::shared::{Offered, Shared};
use crate::task::{Function, Name, Names, Task, Work, decode_value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::type_name;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use trine_future::{Future, LazyPromise, Rejected, TaskError, TaskSpan};
use trine_platform::turn;

/// A function and its argument that are about to be submitted, with the options of this task:
/// [`ProcessPool::task`](crate::ProcessPool::task).
///
/// ```
/// use std::time::Duration;
/// use trine_processes::ProcessPool;
///
/// let pool = ProcessPool::new(1)?;
/// let length = pool.task(|word: String| word.len(), "trine".to_owned()).timeout(Duration::from_secs(60)).submit();
/// assert_eq!(length.result()?, 5);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[must_use = "a task is submitted by `submit`, `try_submit` or `submit_async`"]
pub struct Submission<'pool, F, A> {
    shared: &'pool Arc<Shared>,
    function: F,
    /// What the function is called in errors.
    name: Name,
    argument: A,
    timeout: Option<Duration>,
    kill_on_cancel: bool,
}

impl<'pool, F, A> Submission<'pool, F, A> {
    pub(crate) fn new(shared: &'pool Arc<Shared>, function: F, argument: A) -> Self {
        Self {
            shared,
            function,
            name: type_name::<F>,
            argument,
            timeout: None,
            kill_on_cancel: false,
        }
    }

    /// Calls the task by the name of the function that it is about.
    pub(crate) fn named<G>(mut self) -> Self {
        self.name = type_name::<G>;
        self
    }

    /// How long the task may run, from when its worker was given it, with all of its argument; the time in the queue does not
    /// count. By default for ever.
    ///
    /// If it runs longer, its worker is killed and replaced, with all that the worker has started and left in its process
    /// group. The future fails with [`TaskError::is_timed_out`]. Other tasks don't notice.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Lets [`Future::cancel`] also end the task while it runs: its worker is killed and replaced, with all that the
    /// worker has started and left in its process group. Other tasks don't notice.
    ///
    /// So everything kills that cancels: [`Future::cancel_on_drop`], or a group whose other tasks failed. Without this,
    /// a task that runs can't be cancelled, because it may be in the middle of something that has to be finished.
    ///
    /// ```
    /// # let pool = trine_processes::ProcessPool::new(1).unwrap();
    /// let forever = |_: ()| -> u32 { loop { std::thread::park() } };
    /// let future = pool.task(forever, ()).kill_on_cancel().submit();
    /// while !future.is_running() {
    ///     std::thread::yield_now();
    /// }
    /// assert!(future.cancel());
    /// assert!(future.result().unwrap_err().is_cancelled());
    /// ```
    #[doc(alias("kill", "terminate"))]
    pub fn kill_on_cancel(mut self) -> Self {
        self.kill_on_cancel = true;
        self
    }

    /// Submits the task. See [`ProcessPool::submit`](crate::ProcessPool::submit).
    pub fn submit<R>(self) -> Future<R>
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'static,
        A: Serialize + DeserializeOwned + Send + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
    {
        let shared = self.shared;
        match self.into_prepared() {
            Ok((ticket, future)) => {
                shared.submit(ticket);
                future
            }
            Err(error) => Future::failed(error),
        }
    }

    /// Submits the task once there is room, for which async code awaits. The output is the task's future, so there are two
    /// things to await: room, and the result.
    ///
    /// It waits for room whatever the pool does in [`submit`](Self::submit) when it is full. Dropped before there is room, it
    /// gives the task up. Without a limit there is always room.
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
    /// use trine_processes::{ProcessPool, WhenFull};
    ///
    /// let pool = ProcessPool::builder().workers(1).queue_limit(1, WhenFull::Block).build()?;
    /// let length = block_on(async {
    ///     let future = pool.task(|page: String| page.len(), "trine".to_owned()).submit_async().await;
    ///     future.await
    /// });
    /// assert_eq!(length?, 5);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[allow(clippy::async_yields_async, reason = "room and result are awaited apart")]
    pub fn submit_async<R>(self) -> impl std::future::Future<Output = Future<R>> + Send + use<F, A, R>
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'static,
        A: Serialize + DeserializeOwned + Send + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
    {
        let shared = Arc::clone(self.shared);
        let prepared = self.into_prepared();
        async move {
            turn::give().await;
            let (ticket, future) = match prepared {
                Ok(prepared) => prepared,
                Err(error) => return Future::failed(error),
            };
            shared.submit_async(ticket).await;
            future
        }
    }

    /// The task as it is queued, and its future. The argument is in there, as bytes.
    fn into_prepared<R>(self) -> Result<(Ticket<Task>, Future<R>), TaskError>
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'static,
        A: Serialize + DeserializeOwned + Send + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
    {
        let prepared = self.prepare();
        // It must not outlive the task. Its destructor is the user's code.
        match codec::discard(self.argument) {
            Err(cause) if prepared.is_ok() => Err(Names::of::<A, R>(self.name).argument_not_encoded(cause)),
            _ => prepared,
        }
    }

    /// Submits the task if there is room, and gives back function and argument if not. Never blocks.
    ///
    /// ```
    /// use trine_processes::{ProcessPool, WhenFull};
    ///
    /// let pool = ProcessPool::builder().workers(1).queue_limit(1, WhenFull::Block).build()?;
    /// let mut numbers = vec![1, 2, 3];
    /// while let Some(number) = numbers.pop() {
    ///     if let Err(rejected) = pool.task(|number: u32| number * 2, number).try_submit() {
    ///         numbers.push(rejected.argument); // and does something else meanwhile
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Function and argument, if the queue is full, the pool was shut down, or the argument can't be serialised.
    pub fn try_submit<R>(self) -> Result<Future<R>, Rejected<F, A>>
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'static,
        A: Serialize + DeserializeOwned + Send + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
    {
        let (ticket, refusal) = match self.prepare() {
            Ok((ticket, future)) => match self.shared.offer(ticket, false, |_| false) {
                Offered::Taken => {
                    // A panic of its destructor is nobody's: the task is on its way.
                    let _ = codec::discard(self.argument);
                    return Ok(future);
                }
                Offered::Full(ticket, _) => (ticket, Refusal::Full),
                Offered::Refused(ticket, refusal) => (ticket, refusal),
            },
            Err(error) => return Err(Rejected::new(self.function, self.argument, false, error)),
        };
        // Nobody has the future any more.
        ticket.task.cancel();
        let is_full = matches!(refusal, Refusal::Full);
        Err(Rejected::new(
            self.function,
            self.argument,
            is_full,
            refusal.into(),
        ))
    }

    /// The task as it is queued, and its future.
    fn prepare<R>(&self) -> Result<(Ticket<Task>, Future<R>), TaskError>
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'static,
        A: Serialize + DeserializeOwned + Send + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
    {
        let function = Function::of::<F, A, R>(self.name)?;
        let names = function.names;
        let number = self.shared.next_numbers(1);
        // The worker has the function too: only its type is needed, which says which one it is.
        let span = TaskSpan::current().child("processes", self.shared.settings.pool_name(), (self.name)());
        let header = function.call(number, span.context());
        let request =
            codec::encode(&self.argument, header).map_err(|cause| names.argument_not_encoded(cause))?;
        let (promise, future) = if self.kill_on_cancel {
            LazyPromise::with_owner(Member::<true>::new(self.shared, number), decode_value)
        } else {
            LazyPromise::with_owner(Member::<false>::new(self.shared, number), decode_value)
        };
        let bytes = request.weight();
        let work = Work::One {
            names,
            request,
            promise,
        };
        let ticket = Ticket {
            number,
            count: 1,
            bytes,
            timeout: self.timeout,
            task: Task::new(work, span),
        };
        Ok((ticket, future))
    }
}

impl<F, A> fmt::Debug for Submission<'_, F, A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Submission")
            .field("timeout", &self.timeout)
            .field("kill_on_cancel", &self.kill_on_cancel)
            .finish_non_exhaustive()
    }
}
