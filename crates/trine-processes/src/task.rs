//! One task, from both sides: what a worker runs, and what the parent sends and reads.

use crate::answers::Stop;
use crate::beside::Beside;
use crate::chunk::Chunk;
use crate::codec::{self, Cause};
use crate::frame::Frame;
use crate::frame::{self, Call, Reply};
use crate::message::{self, Message, Opened, Received};
use crate::queue::Ticket;
use crate::system::{self, Process};
use crate::{backtrace, mixer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::{TypeId, type_name};
use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::{self, Display};
use std::ptr::NonNull;
use std::time::Duration;
use trine_future::{LazyPromise, Panic, SpanContext, TaskError, TaskSpan, WorkerDeath, catch_panic};

/// What runs a task in a worker: an instance of [`run_task`] or [`run_initializer`]. It writes the message that is the reply,
/// in the place of what is there, and returns what is beside it.
pub(crate) type Entry = fn(&Call<'_>, Beside, &mut Frame) -> Beside;

/// Runs the function `F` in a worker.
pub(crate) fn run_task<F, A, R>(call: &Call<'_>, beside: Beside, reply: &mut Frame) -> Beside
where
    F: Fn(A) -> R + 'static,
    A: DeserializeOwned + 'static,
    R: Serialize + DeserializeOwned + 'static,
{
    let worker = fmt::from_fn(|formatter| formatter.write_str(&system::worker_name()));
    let pool = fmt::from_fn(|formatter| {
        let worker = system::worker_name();
        formatter.write_str(worker.split('.').next().unwrap_or_default())
    });
    let span = TaskSpan::in_worker(call.span, pool, worker, type_name::<F>());
    span.inside(|| run::<F, A, R, R>(call, beside, reply, |result| result))
}

/// Runs the initializer `F` in a worker. The reply's value is a `Result<(), String>`.
pub(crate) fn run_initializer<F, A, E>(call: &Call<'_>, beside: Beside, reply: &mut Frame) -> Beside
where
    F: Fn(A) -> Result<(), E> + 'static,
    A: DeserializeOwned + 'static,
    E: Display + 'static,
{
    run::<F, A, Result<(), E>, Result<(), String>>(call, beside, reply, |result| {
        result.map_err(|error| error.to_string())
    })
}

/// What a worker is at.
#[derive(Clone, Copy, PartialEq)]
enum Step {
    Argument,
    Function,
    Result,
}

/// Runs a call of the function `F`, and replies with what `convert` makes of its result.
fn run<F, A, R, C>(call: &Call<'_>, beside: Beside, reply: &mut Frame, convert: impl FnOnce(R) -> C) -> Beside
where
    F: Fn(A) -> R + 'static,
    A: DeserializeOwned + 'static,
    R: 'static,
    C: Serialize + DeserializeOwned + 'static,
{
    if call.fingerprint != fingerprint::<F, A, R>() {
        *reply = Reply::UnknownTask.encode(call.task);
        return Beside::NOTHING;
    }
    // SAFETY: whoever submits a task or sets an initializer is refused at compile time if `F` is not zero-sized, so a
    // dangling pointer, which is aligned, is valid for it. It has given an `F`, so the type has values. It is used by
    // reference only: no value is made, moved or dropped here.
    let function = unsafe { NonNull::<F>::dangling().as_ref() };
    *reply = frame::value(call.task);
    let step = Cell::new(Step::Argument);
    // One catch for all of it: each costs as much as a small argument.
    let caught = catch_panic(|| {
        let argument: A = codec::read(beside, call.argument)?;
        step.set(Step::Function);
        backtrace::forget();
        let result = convert(function(argument));
        step.set(Step::Result);
        let beside = codec::write(&result, reply)?;
        // Before the value that is returned, which nobody would drop if this unwinds.
        drop(result);
        Ok::<_, Cause>(beside)
    });
    let cause = match caught {
        Ok(Ok(beside)) => {
            message::seal(reply, &beside);
            return beside;
        }
        Ok(Err(cause)) => cause.to_string(),
        Err(panic) if step.get() == Step::Function => {
            let panicked = Reply::Panicked {
                message: panic.message(),
                location: panic.location(),
                backtrace: &backtrace::take(),
            };
            *reply = panicked.encode(call.task);
            return Beside::NOTHING;
        }
        Err(panic) => codec::panicked(&panic),
    };
    let failed = match step.get() {
        Step::Argument => Reply::ArgumentNotDecoded { cause: &cause },
        Step::Function | Step::Result => Reply::ResultNotEncoded { cause: &cause },
    };
    *reply = failed.encode(call.task);
    Beside::NOTHING
}

/// What cannot be: the section with the entries is kept by every linker that names its ends.
pub(crate) fn left_out() -> TaskError {
    TaskError::refused("the linker has left the tasks out of this program")
}

/// Tells tasks of different types apart. The same in all processes of one image, and in no other.
///
/// The types' ids, not their names: two closures of one function share their name.
pub(crate) fn fingerprint<F: 'static, A: 'static, R: 'static>() -> u64 {
    mixer::hash(TypeId::of::<(F, A, R)>())
}

/// A task on its way through the pool, or some that travel together. Dropped without an end, they fail.
pub(crate) struct Task {
    pub(crate) work: Work,
    /// What the worker that has it calls it, and the number of the first task that was handed to it by that.
    pub(crate) call: (u32, u64),
    /// In this process. That in the worker names it.
    pub(crate) span: TaskSpan,
}

/// What there is to do, and who is told of the result.
pub(crate) enum Work {
    /// A task with a future.
    One {
        names: Names,
        /// The encoded call.
        request: Message,
        /// Takes the encoded reply, if that carries a value.
        promise: LazyPromise<Received>,
    },
    /// Elements of a map.
    Chunk(Chunk),
}

/// The function of a task, as both sides know it.
#[derive(Clone, Copy)]
pub(crate) struct Function {
    pub(crate) names: Names,
    /// Where its entry stands in the table of entries.
    pub(crate) entry: u32,
    pub(crate) fingerprint: u64,
}

impl Function {
    /// `name` is what the function is called in errors.
    pub(crate) fn of<F, A, R>(name: Name) -> Result<Self, TaskError>
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'static,
        A: Serialize + DeserializeOwned + Send + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
    {
        Ok(Self {
            names: Names::of::<A, R>(name),
            entry: system::index_of::<F, A, R>().ok_or_else(left_out)?,
            fingerprint: fingerprint::<F, A, R>(),
        })
    }

    /// The beginning of a call.
    pub(crate) fn call(&self, number: u64, span: SpanContext) -> Frame {
        frame::call(number, self.entry, self.fingerprint, span)
    }
}

/// The names of a task's types, for errors.
#[derive(Clone, Copy)]
pub(crate) struct Names {
    pub(crate) function: Name,
    argument: Name,
    result: Name,
}

/// A name, as who is asked for it: few tasks are, and a function is half as large as a text.
pub(crate) type Name = fn() -> &'static str;

impl Names {
    pub(crate) fn of<A, R>(function: Name) -> Self {
        Self {
            function,
            argument: type_name::<A>,
            result: type_name::<R>,
        }
    }

    pub(crate) fn argument_not_encoded(self, cause: String) -> TaskError {
        TaskError::serialization(
            format!(
                "the argument of type `{}` can't be serialised. Send what it can be made from",
                (self.argument)()
            ),
            cause,
        )
    }
}

impl Task {
    pub(crate) fn new(work: Work, span: TaskSpan) -> Self {
        let call = (0, 0);
        Self { work, call, span }
    }

    /// Notes that a worker gets it. False if nobody wants it any more.
    pub(crate) fn start(&mut self) -> bool {
        match &mut self.work {
            Work::One { promise, .. } => promise.start(),
            Work::Chunk(chunk) => !chunk.calls().mailbox.is_abandoned(),
        }
    }

    /// Notes that no worker has it.
    pub(crate) fn put_back(&mut self) {
        match &mut self.work {
            Work::One { promise, .. } => promise.put_back(),
            Work::Chunk(_) => {}
        }
    }

    /// What is sent to a worker.
    pub(crate) fn request(&self) -> Cow<'_, Message> {
        match &self.work {
            Work::One { request, .. } => Cow::Borrowed(request),
            Work::Chunk(chunk) => chunk.request(self.span.context()),
        }
    }

    /// Keeps so many tasks, and returns the others.
    fn divide(&mut self, kept: u32) -> Self {
        let Work::Chunk(chunk) = &mut self.work else {
            unreachable!("a task with a future is by itself");
        };
        Self::new(Work::Chunk(chunk.divide(kept)), TaskSpan::none())
    }

    /// Ends what has not ended, each task with an error of its own.
    pub(crate) fn fail(self, error: impl Fn() -> TaskError) {
        // The span has ended when the result is there, and what was beside the request is let go of: so who has the result
        // finds shared slices to be its own again.
        let Self { work, span, .. } = self;
        match work {
            Work::One { request, promise, .. } => {
                drop((request, span));
                promise.fail(error());
            }
            Work::Chunk(chunk) => chunk.fail(error, span),
        }
    }

    /// Cancels what has not ended.
    pub(crate) fn cancel(self) {
        // As in `fail`.
        let Self { work, span, .. } = self;
        match work {
            Work::One { request, promise, .. } => {
                drop((request, span));
                promise.cancel();
            }
            Work::Chunk(chunk) => chunk.fail(TaskError::cancelled, span),
        }
    }

    /// Ends the tasks whose worker has replied something else. It is alive, and may still read what it was given.
    pub(crate) fn fail_unanswered(self) {
        self.request().set_held_in_the_worker();
        let cause = no_reply_to(self.name());
        self.fail(|| unreadable(cause.clone()));
    }

    /// Ends the tasks whose worker is gone: it died, or it was stopped.
    pub(crate) fn lose(self, stop: Option<Stop>, timeout: Option<Duration>, death: &WorkerDeath) {
        let name = self.name();
        self.fail(|| match (stop, timeout) {
            (Some(Stop::TimedOut), Some(timeout)) => TaskError::timed_out(name, timeout),
            (Some(Stop::Killed | Stop::TimedOut), _) => TaskError::killed(name),
            (Some(Stop::Distrusted) | None, _) => TaskError::worker_died(name, death.clone()),
        });
    }

    fn name(&self) -> &'static str {
        match &self.work {
            Work::One { names, .. } => (names.function)(),
            Work::Chunk(chunk) => (chunk.calls().function.names.function)(),
        }
    }

    /// Ends a task with the reply of its worker, `from`.
    pub(crate) fn answer(self, reply: Frame, from: Option<&Process>) {
        let Self { work, span, .. } = self;
        let Work::One {
            names,
            request,
            promise,
        } = work
        else {
            unreachable!("elements of maps are answered by their chunk");
        };
        let received = receive(Some(&request), reply, from);
        // As in `fail`.
        drop((request, span));
        let checked = received.and_then(|received| {
            names.value_in(&received.frame)?;
            Ok(received)
        });
        match checked {
            Ok(received) => promise.complete(received),
            Err(error) => promise.fail(error),
        }
    }
}

impl Ticket<Task> {
    /// Keeps so many of its tasks, not none and not all, and returns one with the others.
    pub(crate) fn divide(&mut self, kept: u32) -> Self {
        // About what each part weighs.
        let bytes = self.bytes / self.count as usize * kept as usize;
        let rest = Self {
            number: self.number + u64::from(kept),
            count: self.count - kept,
            bytes: self.bytes - bytes,
            timeout: self.timeout,
            task: self.task.divide(kept),
        };
        self.count = kept;
        self.bytes = bytes;
        rest
    }
}

impl Names {
    /// The encoded value that a reply carries, or the error that it stands for.
    #[inline]
    pub(crate) fn value_in(self, frame: &[u8]) -> Result<&[u8], TaskError> {
        Reply::value(frame).ok_or_else(|| self.error_in(frame))
    }

    #[cold]
    fn error_in(self, frame: &[u8]) -> TaskError {
        match Reply::decode(frame) {
            Some((
                _,
                Reply::Panicked {
                    message,
                    location,
                    backtrace,
                },
            )) => {
                let panic = Panic::remote(message.to_owned(), location.map(str::to_owned));
                TaskError::panicked_elsewhere(panic, backtrace)
            }
            Some((_, Reply::ArgumentNotDecoded { cause })) => TaskError::serialization(
                format!(
                    "the argument of type `{}` can't be deserialised in the worker",
                    (self.argument)()
                ),
                cause,
            ),
            Some((_, Reply::ResultNotEncoded { cause })) => TaskError::serialization(
                format!(
                    "the result of type `{}` can't be serialised in the worker. Return what it can be made from",
                    (self.result)()
                ),
                cause,
            ),
            Some((_, Reply::UnknownTask)) => {
                TaskError::refused(format!("the worker does not know `{}`", (self.function)()))
            }
            Some((_, Reply::Value(_))) | None => unreadable(no_reply_to((self.function)())),
        }
    }
}

/// Takes what is beside a reply. The request may have had something beside it, too, if it is given.
pub(crate) fn receive(
    request: Option<&Message>,
    reply: Frame,
    from: Option<&Process>,
) -> Result<Received, TaskError> {
    if message::is_plain(&reply) {
        let (frame, beside) = (reply, Beside::NOTHING);
        return Ok(Received { frame, beside });
    }
    let set_held = || request.map_or((), Message::set_held_in_the_worker);
    let take = || {
        let (opened, from) = Opened::of(&reply).zip(from).ok_or("it can't be opened")?;
        if opened.is_held {
            set_held();
        }
        let beside = opened.take(|entry| from.collect(entry))?;
        let frame = Frame::from_slice(opened.frame);
        Ok(Received { frame, beside })
    };
    take().map_err(|cause: String| {
        // It is alive, and may still read what it was given.
        set_held();
        unreadable(cause)
    })
}

fn no_reply_to(function: &str) -> String {
    format!("the worker has answered something that is no reply to `{function}`")
}

fn unreadable(cause: String) -> TaskError {
    TaskError::serialization("the reply of a worker can't be read", cause)
}

/// The result in a reply that carries a value. The thread that takes the result decodes it.
pub(crate) fn decode_value<R: DeserializeOwned + 'static>(received: Received) -> Result<R, TaskError> {
    let Received { frame, beside } = received;
    let Some(bytes) = Reply::value(&frame) else {
        unreachable!("a promise is completed with replies that carry a value only");
    };
    decode::<R>(beside, bytes)
}

/// The result that these bytes are, with nothing beside them.
pub(crate) fn decode_bytes<R: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<R, TaskError> {
    decode(Beside::NOTHING, bytes)
}

fn decode<R: DeserializeOwned + 'static>(beside: Beside, bytes: &[u8]) -> Result<R, TaskError> {
    codec::decode_with(beside, bytes).map_err(|cause| {
        TaskError::serialization(
            format!("the result of type `{}` can't be deserialised", type_name::<R>()),
            cause,
        )
    })
}

#[cfg(all(test, not(trine_loom)))]
mod tests;
