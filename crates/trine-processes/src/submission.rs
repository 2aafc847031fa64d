//! How a task comes into the pool, with its options.

use crate::member::Member;
use crate::queue::Ticket;
use crate::rejected::{Refusal, Rejected};
use crate::shared::Shared;
use crate::task::{Names, Task, decode_value, fingerprint, left_out};
use crate::{codec, frame, system};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::type_name;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use trine_future::{Future, Promise, TaskError};

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
#[must_use = "a task is submitted by `submit` or `try_submit`"]
pub struct Submission<'pool, F, A> {
    shared: &'pool Arc<Shared>,
    function: F,
    /// What the function is called in errors.
    name: &'static str,
    argument: A,
    timeout: Option<Duration>,
    kill_on_cancel: bool,
}

impl<'pool, F, A> Submission<'pool, F, A> {
    pub(crate) fn new(shared: &'pool Arc<Shared>, function: F, argument: A) -> Self {
        Self {
            shared,
            function,
            name: type_name::<F>(),
            argument,
            timeout: None,
            kill_on_cancel: false,
        }
    }

    /// Calls the task by the name of the function that it is about.
    pub(crate) fn named<G>(mut self) -> Self {
        self.name = type_name::<G>();
        self
    }

    /// How long the task may run, from when its worker was given it; the time in the queue does not count. By default for
    /// ever.
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
        let (ticket, future) = match self.prepare() {
            Ok(prepared) => prepared,
            Err(error) => return Future::failed(error),
        };
        // The argument is in the request now, and must not outlive the task. Its destructor is the user's code.
        if let Err(cause) = codec::discard(self.argument) {
            return Future::failed(ticket.task.names.argument_not_encoded(cause));
        }
        if let Err((ticket, refusal)) = self.shared.submit(ticket, true) {
            ticket.task.fail(refusal.into());
        }
        future
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
        let refusal = match self.prepare() {
            Ok((ticket, future)) => match self.shared.submit(ticket, false) {
                Ok(()) => {
                    // A panic of its destructor is nobody's: the task is on its way.
                    let _ = codec::discard(self.argument);
                    return Ok(future);
                }
                Err((ticket, refusal)) => {
                    // Nobody has the future any more.
                    ticket.task.promise.cancel();
                    refusal
                }
            },
            Err(error) => Refusal::Unsendable(error),
        };
        Err(Rejected {
            function: self.function,
            argument: self.argument,
            refusal,
        })
    }

    /// The task as it is queued, and its future.
    fn prepare<R>(&self) -> Result<(Ticket<Task>, Future<R>), TaskError>
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'static,
        A: Serialize + DeserializeOwned + Send + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
    {
        let names = Names::of::<A, R>(self.name);
        let entry = system::index_of::<F, A, R>().ok_or_else(left_out)?;
        let number = self.shared.next_number();
        // The worker has the function too: only its type is needed, which says which one it is.
        let header = frame::call(number, entry, fingerprint::<F, A, R>());
        let request =
            codec::encode(&self.argument, header).map_err(|cause| names.argument_not_encoded(cause))?;
        let (promise, future) = if self.kill_on_cancel {
            Promise::with_owner(Member::<true>::new(self.shared, number))
        } else {
            Promise::with_owner(Member::<false>::new(self.shared, number))
        };
        let task = Task {
            names,
            request: Arc::new(request),
            call: 0,
            promise,
        };
        let ticket = Ticket {
            number,
            bytes: task.request.weight(),
            timeout: self.timeout,
            task,
        };
        Ok((ticket, future.try_map(decode_value)))
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
