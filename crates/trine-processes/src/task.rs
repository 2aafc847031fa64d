//! One task, from both sides: what a worker runs, and what the parent sends and reads.

use crate::answers::Stop;
use crate::frame::{self, Call, Reply};
use crate::{backtrace, codec, system};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::{TypeId, type_name};
use std::fmt::{self, Display};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;
use trine_future::{Panic, Promise, TaskError, TaskSpan, WorkerDeath, catch_panic};

/// What runs a task in a worker: an instance of [`run_task`] or [`run_initializer`]. It returns the encoded reply.
pub(crate) type Entry = fn(&Call<'_>) -> Vec<u8>;

/// Runs the function `F` in a worker.
pub(crate) fn run_task<F, A, R>(call: &Call<'_>) -> Vec<u8>
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
    span.inside(|| run::<F, A, R, R>(call, |result| result))
}

/// Runs the initializer `F` in a worker. The reply's value is a `Result<(), String>`.
pub(crate) fn run_initializer<F, A, E>(call: &Call<'_>) -> Vec<u8>
where
    F: Fn(A) -> Result<(), E> + 'static,
    A: DeserializeOwned + 'static,
    E: Display + 'static,
{
    run::<F, A, Result<(), E>, Result<(), String>>(call, |result| result.map_err(|error| error.to_string()))
}

/// Runs a call of the function `F`, and sends what `convert` makes of its result.
fn run<F, A, R, C>(call: &Call<'_>, convert: impl FnOnce(R) -> C) -> Vec<u8>
where
    F: Fn(A) -> R + 'static,
    A: DeserializeOwned + 'static,
    R: 'static,
    C: Serialize + DeserializeOwned + 'static,
{
    if call.fingerprint != fingerprint::<F, A, R>() {
        return Reply::UnknownTask.encode(call.task);
    }
    let argument: A = match codec::decode(call.argument) {
        Ok(argument) => argument,
        Err(cause) => return Reply::ArgumentNotDecoded { cause: &cause }.encode(call.task),
    };
    // SAFETY: whoever submits a task or sets an initializer is refused at compile time if `F` is not zero-sized, so a
    // dangling pointer, which is aligned, is valid for it. It has given an `F`, so the type has values. It is used by
    // reference only: no value is made, moved or dropped here.
    let function = unsafe { NonNull::<F>::dangling().as_ref() };
    backtrace::forget();
    match catch_panic(|| convert(function(argument))) {
        Ok(result) => codec::encode(&result, frame::value(call.task))
            .and_then(|frame| codec::discard(result).map(|()| frame))
            .unwrap_or_else(|cause| Reply::ResultNotEncoded { cause: &cause }.encode(call.task)),
        Err(panic) => Reply::Panicked {
            message: panic.message(),
            location: panic.location(),
            backtrace: &backtrace::take(),
        }
        .encode(call.task),
    }
}

/// What cannot be: the section with the entries is kept by every linker that names its ends.
pub(crate) fn left_out() -> TaskError {
    TaskError::refused("the linker has left the tasks out of this program")
}

/// Tells tasks of different types apart. The same in all processes of one image, and in no other.
///
/// The types' ids, not their names: two closures of one function share their name.
pub(crate) fn fingerprint<F: 'static, A: 'static, R: 'static>() -> u64 {
    let mut hasher = DefaultHasher::new();
    TypeId::of::<(F, A, R)>().hash(&mut hasher);
    hasher.finish()
}

/// A task on its way through the pool. Dropped without an end, its future fails.
pub(crate) struct Task {
    pub(crate) names: Names,
    /// The encoded call.
    pub(crate) request: Arc<Vec<u8>>,
    /// What the worker that has it calls it.
    pub(crate) call: u32,
    /// In this process. That in the worker names it.
    pub(crate) span: TaskSpan,
    /// Takes the encoded reply, if that carries a value.
    pub(crate) promise: Promise<Vec<u8>>,
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
            format!("the argument of type `{}` can't be serialised", self.argument),
            cause,
        )
    }
}

impl Task {
    /// Ends the task with the reply of its worker.
    pub(crate) fn answer(mut self, frame: Vec<u8>) {
        self.end_span();
        let Names {
            function,
            argument,
            result,
        } = self.names;
        let error = match Reply::decode(&frame) {
            Some((_, Reply::Value(_))) => {
                // Whoever cancelled the task does not want the value.
                let _ = self.promise.complete(frame);
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
                format!("the result of type `{result}` can't be serialised in the worker"),
                cause,
            ),
            Some((_, Reply::UnknownTask)) => {
                TaskError::refused(format!("the worker does not know `{function}`"))
            }
            None => return self.fail_unanswered(),
        };
        self.promise.fail(error);
    }

    /// Before the result is there.
    fn end_span(&mut self) {
        self.span = TaskSpan::none();
    }

    /// Ends the task whose worker has replied something else.
    pub(crate) fn fail_unanswered(mut self) {
        self.end_span();
        let function = self.names.function;
        self.promise.fail(TaskError::serialization(
            "the reply of a worker can't be read",
            format!("the worker has answered something that is no reply to `{function}`"),
        ));
    }

    /// Ends the task whose worker is gone: it died, or it was stopped.
    pub(crate) fn lose(mut self, stop: Option<Stop>, timeout: Option<Duration>, death: WorkerDeath) {
        self.end_span();
        let name = self.names.function;
        self.promise.fail(match (stop, timeout) {
            (Some(Stop::TimedOut), Some(timeout)) => TaskError::timed_out(name, timeout),
            (Some(Stop::Killed | Stop::TimedOut), _) => TaskError::killed(name),
            (Some(Stop::Distrusted) | None, _) => TaskError::worker_died(name, death),
        });
    }
}

/// The result in a reply that carries a value. The thread that takes the result decodes it.
pub(crate) fn decode_value<R: DeserializeOwned + 'static>(frame: &[u8]) -> Result<R, TaskError> {
    let Some((_, Reply::Value(bytes))) = Reply::decode(frame) else {
        unreachable!("a promise is completed with replies that carry a value only");
    };
    codec::decode(bytes).map_err(|cause| {
        TaskError::serialization(
            format!("the result of type `{}` can't be deserialised", type_name::<R>()),
            cause,
        )
    })
}
