//! The errors of tasks, as executors make them.

use super::{Kind, TaskError};
use crate::{Panic, WorkerDeath};
use std::error::Error;
use std::time::Duration;

/// For executors: the errors that only they can know of.
impl TaskError {
    /// The task panicked.
    ///
    /// ```
    /// use trine_future::{TaskError, catch_panic};
    ///
    /// let panic = catch_panic(|| panic!("no such page")).unwrap_err();
    /// assert!(TaskError::panicked(panic).is_panic());
    /// ```
    pub fn panicked(panic: Panic) -> Self {
        Self::new(Kind::Panicked(panic))
    }

    /// The task panicked in another process, which has sent the words of the panic and its backtrace.
    ///
    /// ```
    /// use trine_future::{Panic, TaskError};
    ///
    /// let panic = Panic::remote("no such page".to_owned(), Some("render.rs:7:5".to_owned()));
    /// assert!(TaskError::panicked_elsewhere(panic, "").is_panic());
    /// ```
    pub fn panicked_elsewhere(panic: Panic, backtrace: impl Into<String>) -> Self {
        Self::new(Kind::PanickedElsewhere(panic, backtrace.into()))
    }

    /// The executor did not take the task, for `reason`.
    ///
    /// ```
    /// assert!(trine_future::TaskError::refused("the pool was shut down").is_refused());
    /// ```
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::new(Kind::Refused {
            reason: reason.into(),
        })
    }

    /// The task was cancelled.
    ///
    /// ```
    /// assert!(trine_future::TaskError::cancelled().is_cancelled());
    /// ```
    pub fn cancelled() -> Self {
        Self::new(Kind::Cancelled)
    }

    /// The worker process died while it ran `task`.
    ///
    /// ```
    /// use trine_future::{TaskError, WorkerDeath};
    ///
    /// let death = WorkerDeath { pid: 4711, status: None, out_of_memory: false, stderr: String::new() };
    /// assert!(TaskError::worker_died("render", death).to_string().contains("`render`"));
    /// ```
    pub fn worker_died(task: impl Into<String>, death: WorkerDeath) -> Self {
        Self::new(Kind::WorkerDied {
            task: task.into(),
            death,
        })
    }

    /// `task` was stopped, because it ran longer than `timeout`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use trine_future::TaskError;
    ///
    /// assert!(TaskError::timed_out("render", Duration::from_secs(3)).to_string().contains("3s"));
    /// ```
    pub fn timed_out(task: impl Into<String>, timeout: Duration) -> Self {
        Self::new(Kind::TimedOut {
            task: task.into(),
            timeout,
        })
    }

    /// `task` was stopped, because its pool was killed.
    ///
    /// ```
    /// assert!(trine_future::TaskError::killed("render").to_string().contains("`render`"));
    /// ```
    pub fn killed(task: impl Into<String>) -> Self {
        Self::new(Kind::Killed { task: task.into() })
    }

    /// A value could not cross between processes. `what` says which, with its type: "the argument of type `Page`
    /// could not be serialised".
    ///
    /// ```
    /// use std::error::Error;
    /// use trine_future::TaskError;
    ///
    /// let error = TaskError::serialization("the argument of type `Page` can't be serialised", "no such format");
    /// assert_eq!(error.source().unwrap().to_string(), "no such format");
    /// ```
    pub fn serialization(what: impl Into<String>, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Kind::Serialization {
            what: what.into(),
            cause: cause.into(),
        })
    }

    /// For executors: whoever had the task is gone without having ended it. A [`Promise`](crate::Promise) that is dropped says
    /// so by itself.
    ///
    /// ```
    /// assert!(trine_future::TaskError::abandoned().is_abandoned());
    /// ```
    pub fn abandoned() -> Self {
        Self::new(Kind::Abandoned)
    }

    pub(crate) fn taken() -> Self {
        Self::new(Kind::Taken)
    }

    /// Each of these tasks would wait for the next, and the last for the first.
    pub(crate) fn deadlock(circle: Vec<&'static str>) -> Self {
        Self::new(Kind::Deadlock { circle })
    }
}
