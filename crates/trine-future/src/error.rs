//! Why a task has no value.

mod for_executors;

use crate::{Panic, WorkerDeath};
use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Why a task has no value.
///
/// A task that returns `Result<T, E>` has a value even if that is an `Err`: a `TaskError` says that the task did not
/// get as far as returning.
///
/// It is one pointer wide, so that results stay small, and turns into `anyhow::Error` or
/// `Box<dyn Error + Send + Sync>` by `?`. A clone is the same error, not another one: that is what everybody gets who
/// takes the result of a [`Shared`](crate::Shared).
///
/// ```
/// use trine_future::{Future, Promise, Task, TaskError};
///
/// fn describe(error: &TaskError) -> String {
///     if error.is_cancelled() {
///         "nobody wanted it".to_owned()
///     } else if let Some(panic) = error.panic() {
///         format!("a bug: {}", panic.message())
///     } else if let Some(death) = error.worker_death() {
///         format!("process {} crashed", death.pid)
///     } else if error.is_timed_out() || error.is_killed() {
///         "it was stopped".to_owned()
///     } else {
///         error.to_string() // says what failed, and what to do
///     }
/// }
///
/// let (task, future) = Task::new(|| panic!("no such page"), ());
/// task.run();
/// assert_eq!(describe(&future.result().unwrap_err()), "a bug: no such page");
///
/// let (promise, future) = Promise::<u32>::new();
/// drop(promise);
/// assert!(future.result().unwrap_err().is_abandoned());
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[doc(alias = "JoinError")]
#[derive(Clone)]
pub struct TaskError(Arc<Kind>);

enum Kind {
    Cancelled,
    Panicked(Panic),
    /// With the backtrace, if there is one.
    PanickedElsewhere(Panic, String),
    Abandoned,
    Refused {
        reason: String,
    },
    WorkerDied {
        task: String,
        death: WorkerDeath,
    },
    TimedOut {
        task: String,
        timeout: Duration,
    },
    Killed {
        task: String,
    },
    Serialization {
        what: String,
        cause: Box<dyn Error + Send + Sync>,
    },
    Taken,
    Deadlock {
        circle: Vec<&'static str>,
    },
}

impl TaskError {
    fn new(kind: Kind) -> Self {
        Self(Arc::new(kind))
    }

    /// The task was cancelled before it ran, or while it could be stopped.
    ///
    /// ```
    /// let (_promise, future) = trine_future::Promise::<u32>::new();
    /// future.cancel();
    /// assert!(future.result().unwrap_err().is_cancelled());
    /// ```
    #[doc(alias = "CancelledError")]
    pub fn is_cancelled(&self) -> bool {
        matches!(*self.0, Kind::Cancelled)
    }

    /// The task panicked. See [`panic`](Self::panic).
    ///
    /// ```
    /// let (task, future) = trine_future::Task::new(|| panic!("no such page"), ());
    /// task.run();
    /// assert!(future.result().unwrap_err().is_panic());
    /// ```
    pub fn is_panic(&self) -> bool {
        self.panic().is_some()
    }

    /// The promise was dropped without a value.
    ///
    /// ```
    /// let (promise, future) = trine_future::Promise::<u32>::new();
    /// drop(promise);
    /// assert!(future.result().unwrap_err().is_abandoned());
    /// ```
    pub fn is_abandoned(&self) -> bool {
        matches!(*self.0, Kind::Abandoned)
    }

    /// The pool did not take the task: it was shut down, or it could not start a worker.
    ///
    /// ```
    /// use trine_future::{Future, TaskError};
    ///
    /// let future = Future::<u32>::failed(TaskError::refused("the pool was shut down"));
    /// assert!(future.result().unwrap_err().is_refused());
    /// ```
    pub fn is_refused(&self) -> bool {
        matches!(*self.0, Kind::Refused { .. })
    }

    /// The worker process died while it ran the task. See [`worker_death`](Self::worker_death).
    ///
    /// ```
    /// use trine_future::{TaskError, WorkerDeath};
    ///
    /// let death = WorkerDeath { pid: 4711, status: None, out_of_memory: false, stderr: String::new() };
    /// assert!(TaskError::worker_died("render", death).is_worker_death());
    /// ```
    #[doc(alias = "BrokenProcessPool")]
    pub fn is_worker_death(&self) -> bool {
        self.worker_death().is_some()
    }

    /// The task ran longer than it was allowed to, and was stopped.
    ///
    /// A wait that ends before the task does, as in [`Future::result_timeout`](crate::Future::result_timeout), is no
    /// error: the task goes on.
    ///
    /// ```
    /// use std::time::Duration;
    /// use trine_future::TaskError;
    ///
    /// assert!(TaskError::timed_out("render", Duration::from_secs(3)).is_timed_out());
    /// ```
    pub fn is_timed_out(&self) -> bool {
        matches!(*self.0, Kind::TimedOut { .. })
    }

    /// The task was running when its pool was killed.
    ///
    /// ```
    /// assert!(trine_future::TaskError::killed("render").is_killed());
    /// ```
    pub fn is_killed(&self) -> bool {
        matches!(*self.0, Kind::Killed { .. })
    }

    /// The argument or the result could not be written or read.
    ///
    /// ```
    /// let error = trine_future::TaskError::serialization("the argument of type `Page` can't be serialised", "no such format");
    /// assert!(error.is_serialization());
    /// ```
    pub fn is_serialization(&self) -> bool {
        matches!(*self.0, Kind::Serialization { .. })
    }

    /// The result had been taken before, by `result_timeout` or by `.await`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use trine_future::Future;
    ///
    /// let mut future = Future::ready(1);
    /// assert_eq!(future.result_timeout(Duration::ZERO).unwrap().unwrap(), 1);
    /// assert!(future.result().unwrap_err().is_taken());
    /// ```
    pub fn is_taken(&self) -> bool {
        matches!(*self.0, Kind::Taken)
    }

    /// The wait for the task would never have ended: it waits, perhaps through others, for the task that wanted to wait for
    /// it. The text names them all. The task itself goes on.
    ///
    /// ```
    /// use trine_future::{Future, TaskError};
    ///
    /// /// Somebody's mistake: two tasks wait for each other.
    /// fn report(result: Result<u32, TaskError>) -> Option<u32> {
    ///     match result {
    ///         Err(error) if error.is_deadlock() => {
    ///             eprintln!("{error}"); // "a deadlock: `first` waits for `second` waits for `first`. Return …"
    ///             None
    ///         }
    ///         result => result.ok(),
    ///     }
    /// }
    ///
    /// assert_eq!(report(Future::ready(1).result()), Some(1));
    /// ```
    pub fn is_deadlock(&self) -> bool {
        matches!(*self.0, Kind::Deadlock { .. })
    }

    /// The panic that ended the task, if one did.
    ///
    /// ```
    /// let (task, future) = trine_future::Task::new(|| panic!("no such page"), ());
    /// task.run();
    /// let error = future.result().unwrap_err();
    /// assert_eq!(error.panic().unwrap().message(), "no such page");
    /// ```
    pub fn panic(&self) -> Option<&Panic> {
        match &*self.0 {
            Kind::Panicked(panic) | Kind::PanickedElsewhere(panic, _) => Some(panic),
            _ => None,
        }
    }

    /// The backtrace of the panic that ended the task, if that was in another process.
    ///
    /// ```
    /// use trine_future::{Panic, TaskError};
    ///
    /// let panic = Panic::remote("no such page".to_owned(), None);
    /// let error = TaskError::panicked_elsewhere(panic, "0: render");
    /// assert_eq!(error.backtrace(), Some("0: render"));
    /// ```
    pub fn backtrace(&self) -> Option<&str> {
        match &*self.0 {
            Kind::PanickedElsewhere(_, backtrace) => Some(backtrace),
            _ => None,
        }
    }

    /// How the task's worker process died, if it did.
    ///
    /// ```
    /// use trine_future::{TaskError, WorkerDeath};
    ///
    /// let death = WorkerDeath { pid: 4711, status: None, out_of_memory: false, stderr: String::new() };
    /// let error = TaskError::worker_died("render", death.clone());
    /// assert_eq!(error.worker_death(), Some(&death));
    /// ```
    pub fn worker_death(&self) -> Option<&WorkerDeath> {
        match &*self.0 {
            Kind::WorkerDied { death, .. } => Some(death),
            _ => None,
        }
    }

    /// The payload of the panic that ended the task, to go on with it by [`std::panic::resume_unwind`].
    ///
    /// # Errors
    ///
    /// The error itself, if it is not a panic, if the panic was in another process, or while somebody has a clone.
    ///
    /// ```
    /// let (task, future) = trine_future::Task::new(|| std::panic::panic_any(7), ());
    /// task.run();
    /// let payload = future.result().unwrap_err().into_panic_payload().unwrap();
    /// assert_eq!(payload.downcast_ref(), Some(&7));
    /// ```
    #[doc(alias = "into_panic")]
    pub fn into_panic_payload(self) -> Result<Box<dyn Any + Send>, Self> {
        match Arc::try_unwrap(self.0).map_err(Self)? {
            Kind::Panicked(panic) => panic
                .into_payload()
                .map_err(|panic| Self::new(Kind::Panicked(panic))),
            kind => Err(Self::new(kind)),
        }
    }

    /// Whether it is news to somebody if nobody takes it.
    pub(crate) fn is_worth_reporting(&self) -> bool {
        !matches!(*self.0, Kind::Cancelled | Kind::Abandoned | Kind::Taken)
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Cancelled => formatter.write_str(
                "the task was cancelled, by its future, its group or map, or the end of its pool: submit it again if it \
                 is still wanted",
            ),
            Kind::Panicked(panic) | Kind::PanickedElsewhere(panic, _) => {
                write!(
                    formatter,
                    "the task panicked: {panic}. What is expected to fail is better returned as an `Err`"
                )
            }
            Kind::Abandoned => formatter.write_str(
                "whoever was to give the value went away: a promise was dropped without a result, or a runtime before \
                 its task had ended. Keep it until then",
            ),
            Kind::Refused { reason } => write!(formatter, "the task was not accepted: {reason}"),
            Kind::WorkerDied { task, death } => {
                write!(
                    formatter,
                    "worker process {} died while it ran `{task}`, which is not tried again (submit it again if it may run \
                     twice): {death}",
                    death.pid
                )
            }
            Kind::TimedOut { task, timeout } => {
                write!(
                    formatter,
                    "`{task}` was stopped: it ran longer than {timeout:?}. Give it more time, or less work"
                )
            }
            Kind::Killed { task } => write!(
                formatter,
                "`{task}` was stopped: its pool was killed. Submit it to another one if it is still wanted"
            ),
            // The cause follows as the source.
            Kind::Serialization { what, .. } => formatter.write_str(what),
            Kind::Taken => formatter.write_str(
                "the result of this future was taken before: keep it, or let many look at it by `shared`",
            ),
            Kind::Deadlock { circle } => {
                formatter.write_str("a deadlock: ")?;
                for task in circle {
                    write!(formatter, "`{task}` waits for ")?;
                }
                match circle.as_slice() {
                    [_] => formatter.write_str("itself"),
                    [first, ..] => write!(formatter, "`{first}`"),
                    [] => Ok(()),
                }?;
                formatter.write_str(". Return the future instead of waiting for it")
            }
        }
    }
}

impl fmt::Debug for TaskError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Cancelled => formatter.write_str("Cancelled"),
            Kind::Panicked(panic) | Kind::PanickedElsewhere(panic, _) => panic.fmt(formatter),
            Kind::Abandoned => formatter.write_str("Abandoned"),
            Kind::Refused { reason } => formatter.debug_struct("Refused").field("reason", reason).finish(),
            Kind::WorkerDied { task, death } => formatter
                .debug_struct("WorkerDied")
                .field("task", task)
                .field("death", death)
                .finish(),
            Kind::TimedOut { task, timeout } => formatter
                .debug_struct("TimedOut")
                .field("task", task)
                .field("timeout", timeout)
                .finish(),
            Kind::Killed { task } => formatter.debug_struct("Killed").field("task", task).finish(),
            Kind::Serialization { what, cause } => formatter
                .debug_struct("Serialization")
                .field("what", what)
                .field("cause", cause)
                .finish(),
            Kind::Taken => formatter.write_str("Taken"),
            Kind::Deadlock { circle } => formatter.debug_tuple("Deadlock").field(circle).finish(),
        }
    }
}

impl Error for TaskError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &*self.0 {
            Kind::Serialization { cause, .. } => Some(&**cause),
            _ => None,
        }
    }
}
