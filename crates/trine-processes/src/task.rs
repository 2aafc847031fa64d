//! One task, from both sides: what a worker runs, and what the parent sends and reads.

use crate::answers::Stop;
use crate::beside::Beside;
use crate::frame::{self, Call, Reply};
use crate::message::{self, Message, Opened, Received, Taken};
use crate::system::{self, Process};
use crate::{backtrace, codec, mixer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::{TypeId, type_name};
use std::fmt::{self, Display};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;
use trine_future::{Panic, Promise, TaskError, TaskSpan, WorkerDeath, catch_panic};

/// What runs a task in a worker: an instance of [`run_task`] or [`run_initializer`]. It returns the encoded reply.
pub(crate) type Entry = fn(&Call<'_>, Beside) -> Message;

/// Runs the function `F` in a worker.
pub(crate) fn run_task<F, A, R>(call: &Call<'_>, beside: Beside) -> Message
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
    span.inside(|| run::<F, A, R, R>(call, beside, |result| result))
}

/// Runs the initializer `F` in a worker. The reply's value is a `Result<(), String>`.
pub(crate) fn run_initializer<F, A, E>(call: &Call<'_>, beside: Beside) -> Message
where
    F: Fn(A) -> Result<(), E> + 'static,
    A: DeserializeOwned + 'static,
    E: Display + 'static,
{
    run::<F, A, Result<(), E>, Result<(), String>>(call, beside, |result| {
        result.map_err(|error| error.to_string())
    })
}

/// Runs a call of the function `F`, and sends what `convert` makes of its result.
fn run<F, A, R, C>(call: &Call<'_>, beside: Beside, convert: impl FnOnce(R) -> C) -> Message
where
    F: Fn(A) -> R + 'static,
    A: DeserializeOwned + 'static,
    R: 'static,
    C: Serialize + DeserializeOwned + 'static,
{
    if call.fingerprint != fingerprint::<F, A, R>() {
        return short(call, &Reply::UnknownTask);
    }
    let argument: A = match codec::decode_with(beside, call.argument) {
        Ok(argument) => argument,
        Err(cause) => return short(call, &Reply::ArgumentNotDecoded { cause: &cause }),
    };
    // SAFETY: whoever submits a task or sets an initializer is refused at compile time if `F` is not zero-sized, so a
    // dangling pointer, which is aligned, is valid for it. It has given an `F`, so the type has values. It is used by
    // reference only: no value is made, moved or dropped here.
    let function = unsafe { NonNull::<F>::dangling().as_ref() };
    backtrace::forget();
    match catch_panic(|| convert(function(argument))) {
        Ok(result) => codec::encode(&result, frame::value(call.task))
            .and_then(|message| codec::discard(result).map(|()| message))
            .unwrap_or_else(|cause| short(call, &Reply::ResultNotEncoded { cause: &cause })),
        Err(panic) => short(
            call,
            &Reply::Panicked {
                message: panic.message(),
                location: panic.location(),
                backtrace: &backtrace::take(),
            },
        ),
    }
}

/// A reply without a value.
fn short(call: &Call<'_>, reply: &Reply<'_>) -> Message {
    Message::plain(reply.encode(call.task))
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

/// A task on its way through the pool. Dropped without an end, its future fails.
pub(crate) struct Task {
    pub(crate) names: Names,
    /// The encoded call.
    pub(crate) request: Arc<Message>,
    /// What the worker that has it calls it.
    pub(crate) call: u32,
    /// In this process. That in the worker names it.
    pub(crate) span: TaskSpan,
    /// Takes the encoded reply, if that carries a value.
    pub(crate) promise: Promise<Received>,
}

/// The names of a task's types, for errors.
#[derive(Clone, Copy)]
pub(crate) struct Names {
    pub(crate) function: &'static str,
    argument: &'static str,
    result: &'static str,
}

impl Names {
    pub(crate) fn of<A, R>(function: &'static str) -> Self {
        Self {
            function,
            argument: type_name::<A>(),
            result: type_name::<R>(),
        }
    }

    pub(crate) fn argument_not_encoded(self, cause: String) -> TaskError {
        TaskError::serialization(
            format!(
                "the argument of type `{}` can't be serialised. Send what it can be made from",
                self.argument
            ),
            cause,
        )
    }
}

impl Task {
    /// Ends the task with the reply of its worker, `from`.
    pub(crate) fn answer(self, reply: Vec<u8>, from: Option<&Process>) {
        let received = match Self::receive(&self.request, reply, from) {
            Ok(received) => received,
            Err(cause) => return self.fail_unreadable(cause),
        };
        let (names, promise) = self.let_go();
        let Names {
            function,
            argument,
            result,
        } = names;
        let error = match Reply::decode(&received.frame) {
            Some((_, Reply::Value(_))) => {
                // Whoever cancelled the task does not want the value.
                let _ = promise.complete(received);
                return;
            }
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
                format!("the argument of type `{argument}` can't be deserialised in the worker"),
                cause,
            ),
            Some((_, Reply::ResultNotEncoded { cause })) => TaskError::serialization(
                format!(
                    "the result of type `{result}` can't be serialised in the worker. Return what it can be made from"
                ),
                cause,
            ),
            Some((_, Reply::UnknownTask)) => {
                TaskError::refused(format!("the worker does not know `{function}`"))
            }
            None => unreadable(no_reply_to(function)),
        };
        promise.fail(error);
    }

    /// Takes what is beside a reply. The error says what is wrong with it.
    fn receive(request: &Message, reply: Vec<u8>, from: Option<&Process>) -> Result<Received, String> {
        if message::is_plain(&reply) {
            let (frame, taken) = (reply, None);
            return Ok(Received { frame, taken });
        }
        let (opened, from) = Opened::of(&reply).zip(from).ok_or("it can't be opened")?;
        if opened.is_held {
            request.set_held_in_the_worker();
        }
        let taken = Some(Box::new(opened.take(|entry| from.collect(entry))?));
        let frame = opened.frame.to_vec();
        Ok(Received { frame, taken })
    }

    /// Ends the task whose worker has replied something else.
    pub(crate) fn fail_unanswered(self) {
        let cause = no_reply_to(self.names.function);
        self.fail_unreadable(cause);
    }

    /// The worker is alive, and may still read what it was given.
    fn fail_unreadable(self, cause: String) {
        self.request.set_held_in_the_worker();
        self.fail(unreadable(cause));
    }

    /// Ends the task with an error.
    pub(crate) fn fail(self, error: TaskError) {
        self.let_go().1.fail(error);
    }

    /// Lets go of what was beside the request: before the end of the task, so that who has its result finds shared slices to be
    /// its own again. The span has ended, too, when the result is there.
    fn let_go(self) -> (Names, Promise<Received>) {
        (self.names, self.promise)
    }

    /// Ends the task whose worker is gone: it died, or it was stopped.
    pub(crate) fn lose(self, stop: Option<Stop>, timeout: Option<Duration>, death: WorkerDeath) {
        let name = self.names.function;
        self.fail(match (stop, timeout) {
            (Some(Stop::TimedOut), Some(timeout)) => TaskError::timed_out(name, timeout),
            (Some(Stop::Killed | Stop::TimedOut), _) => TaskError::killed(name),
            (Some(Stop::Distrusted) | None, _) => TaskError::worker_died(name, death),
        });
    }
}

fn no_reply_to(function: &str) -> String {
    format!("the worker has answered something that is no reply to `{function}`")
}

fn unreadable(cause: String) -> TaskError {
    TaskError::serialization("the reply of a worker can't be read", cause)
}

/// The result in a reply that carries a value. The thread that takes the result decodes it.
pub(crate) fn decode_value<R: DeserializeOwned + 'static>(received: Received) -> Result<R, TaskError> {
    let Received { frame, taken } = received;
    let Taken { rest, beside } = taken.map_or_else(Taken::default, |taken| *taken);
    let Some((_, Reply::Value(bytes))) = Reply::decode(&frame) else {
        unreachable!("a promise is completed with replies that carry a value only");
    };
    let bytes = rest.as_ref().map_or(bytes, |rest| rest.bytes());
    codec::decode_with(beside, bytes).map_err(|cause| {
        TaskError::serialization(
            format!("the result of type `{}` can't be deserialised", type_name::<R>()),
            cause,
        )
    })
}
