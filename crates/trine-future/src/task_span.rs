//! The spans of tasks, with the feature `tracing`. Without it they are nothing, and cost nothing.

use std::fmt::Display;

#[cfg(feature = "tracing")]
use crate::failure;
#[cfg(feature = "tracing")]
use std::mem;
#[cfg(feature = "tracing")]
use tracing::{Span, field};

/// The span of a task, or of what submits tasks: for executors. Without the feature `tracing` it has no size, and its
/// methods do nothing but call what they are given.
///
/// A task's span is called `task`, has the target `trine` and the level INFO, and is a child of the span in which it was
/// submitted. It begins there, is entered wherever the task runs, and is closed before the task's result is there; if the
/// task is cancelled, when its executor lets go of it. Its fields are `model`, `pool`, `task` (the function's name), and,
/// once it runs, `worker` (the thread's name; not of a task of an async scope, which the task around it polls).
///
/// If the subscriber panics when something is recorded, or when the span is closed, the failure hook is told. Its other panics go on.
///
/// ```
/// use trine_future::TaskSpan;
///
/// let span = TaskSpan::current().child("threads", "my-pool", "answer");
/// assert_eq!(span.run(|| 6 * 7), 42);
/// ```
#[derive(Debug)]
pub struct TaskSpan {
    #[cfg(feature = "tracing")]
    span: Span,
}

/// What a worker process is told of the span that its task has in the parent: the span's number, or 0. Without the feature
/// `tracing` it has no bytes.
///
/// ```
/// use trine_future::{SpanContext, TaskSpan};
///
/// let context = TaskSpan::none().context();
/// let bytes: [u8; SpanContext::BYTES] = context.to_bytes();
/// assert_eq!(SpanContext::from_bytes(bytes), context);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanContext([u8; SpanContext::BYTES]);

impl SpanContext {
    /// How many bytes it has.
    pub const BYTES: usize = if cfg!(feature = "tracing") {
        size_of::<u64>()
    } else {
        0
    };

    /// As it was.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// As it travels.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        self.0
    }
}

#[cfg(feature = "tracing")]
impl TaskSpan {
    /// The span of a task that has ended, or has none.
    pub fn none() -> Self {
        Self { span: Span::none() }
    }

    /// The span that the calling thread is in.
    pub fn current() -> Self {
        Self {
            span: Span::current(),
        }
    }

    /// The span of a task that was submitted in this one.
    pub fn child(&self, model: &'static str, pool: impl Display, task: &'static str) -> Self {
        let span = tracing::info_span!(
            target: "trine",
            parent: &self.span,
            "task",
            model,
            pool = %pool,
            task,
            worker = field::Empty,
        );
        Self { span }
    }

    /// In a worker process: the span of a task whose span in the parent is told by `context`, as the field `parent_span`. It
    /// has no parent in this process.
    ///
    /// ```
    /// use trine_future::TaskSpan;
    ///
    /// let context = TaskSpan::current().context(); // in the parent
    /// let span = TaskSpan::in_worker(context, "trine-1", "trine-1.0", "answer");
    /// assert_eq!(span.inside(|| 6 * 7), 42);
    /// ```
    pub fn in_worker(
        context: SpanContext,
        pool: impl Display,
        worker: impl Display,
        task: &'static str,
    ) -> Self {
        let span = tracing::info_span!(
            target: "trine",
            parent: None,
            "task",
            model = "processes",
            pool = %pool,
            task,
            worker = %worker,
            parent_span = u64::from_le_bytes(context.0),
        );
        Self { span }
    }

    /// What a worker process is told of this span.
    pub fn context(&self) -> SpanContext {
        let number = self.span.id().map_or(0, |id| id.into_u64());
        SpanContext(number.to_le_bytes())
    }

    /// The task has come to `worker`.
    ///
    /// ```
    /// # let span = trine_future::TaskSpan::none();
    /// span.comes_to("trine-1.0");
    /// ```
    pub fn comes_to(&self, worker: impl Display) {
        // PANIC: the subscriber is the user's code.
        failure::contain(|| {
            self.span.record("worker", field::display(worker));
        });
    }

    /// The task has come to the calling thread.
    ///
    /// ```
    /// # let span = trine_future::TaskSpan::none();
    /// span.comes_here();
    /// ```
    pub fn comes_here(&self) {
        if !self.span.is_disabled() {
            self.comes_to(std::thread::current().name().unwrap_or("a thread without a name"));
        }
    }

    /// Calls `work`, which is the task or a part of it, in the span.
    pub fn inside<R>(&self, work: impl FnOnce() -> R) -> R {
        self.span.in_scope(work)
    }

    /// Calls `work`, which is the whole task, in the span, and ends the span.
    pub fn run<R>(self, work: impl FnOnce() -> R) -> R {
        self.comes_here();
        self.inside(work)
    }
}

#[cfg(feature = "tracing")]
impl Drop for TaskSpan {
    fn drop(&mut self) {
        let span = mem::replace(&mut self.span, Span::none());
        // PANIC: the subscriber is the user's code. Who ends a task has still to tell those who wait for it.
        failure::contain(|| drop(span));
    }
}

#[cfg(not(feature = "tracing"))]
const _: () = assert!(size_of::<TaskSpan>() + size_of::<SpanContext>() == 0);

/// The same, and nothing.
#[cfg(not(feature = "tracing"))]
#[allow(missing_docs, reason = "as above")]
impl TaskSpan {
    #[inline(always)]
    pub fn none() -> Self {
        Self {}
    }

    #[inline(always)]
    pub fn current() -> Self {
        Self {}
    }

    #[inline(always)]
    pub fn child(&self, _model: &'static str, _pool: impl Display, _task: &'static str) -> Self {
        Self {}
    }

    #[inline(always)]
    pub fn in_worker(
        _: SpanContext,
        _pool: impl Display,
        _worker: impl Display,
        _task: &'static str,
    ) -> Self {
        Self {}
    }

    #[inline(always)]
    pub fn context(&self) -> SpanContext {
        SpanContext([])
    }

    #[inline(always)]
    pub fn comes_to(&self, _worker: impl Display) {}

    #[inline(always)]
    pub fn comes_here(&self) {}

    #[inline(always)]
    pub fn inside<R>(&self, work: impl FnOnce() -> R) -> R {
        work()
    }

    #[inline(always)]
    pub fn run<R>(self, work: impl FnOnce() -> R) -> R {
        work()
    }
}
