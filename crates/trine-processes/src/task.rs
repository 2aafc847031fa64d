//! One task, from both sides: what a worker runs, and what the parent sends and reads.

use crate::codec;
use crate::frame::{self, Call, Reply};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::{TypeId, type_name};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ptr::NonNull;
use trine_future::{Panic, Promise, TaskError, WorkerDeath, catch_panic};

/// What runs a task in a worker: an instance of [`run_task`]. It returns the encoded reply.
pub(crate) type Entry = fn(&Call<'_>) -> Vec<u8>;

/// Runs the function `F` in a worker.
pub(crate) fn run_task<F, A, R>(call: &Call<'_>) -> Vec<u8>
where
    F: Fn(A) -> R + 'static,
    A: DeserializeOwned + 'static,
    R: Serialize + 'static,
{
    if call.fingerprint != fingerprint::<F, A, R>() {
        return Reply::UnknownTask.encode(call.task);
    }
    let argument: A = match codec::decode(call.argument) {
        Ok(argument) => argument,
        Err(cause) => return Reply::ArgumentNotDecoded { cause: &cause }.encode(call.task),
    };
    // SAFETY: `submit` refuses at compile time every `F` that is not zero-sized, so that a dangling pointer, which is
    // aligned, is valid for it. `submit` was given an `F`, so the type has values. It is used by reference only:
    // no value is made, moved or dropped here.
    let function = unsafe { NonNull::<F>::dangling().as_ref() };
    match catch_panic(|| function(argument)) {
        Ok(result) => codec::encode(result, frame::value(call.task))
            .unwrap_or_else(|cause| Reply::ResultNotEncoded { cause: &cause }.encode(call.task)),
        Err(panic) => Reply::Panicked {
            message: panic.message(),
            location: panic.location(),
        }
        .encode(call.task),
    }
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
    pub(crate) number: u64,
    pub(crate) names: Names,
    /// The encoded call.
    pub(crate) request: Vec<u8>,
    /// Takes the encoded reply, if that carries a value.
    pub(crate) promise: Promise<Vec<u8>>,
}

/// The names of a task's types, for errors.
#[derive(Clone, Copy)]
pub(crate) struct Names {
    function: &'static str,
    argument: &'static str,
    result: &'static str,
}

impl Names {
    pub(crate) fn of<F, A, R>() -> Self {
        Self {
            function: type_name::<F>(),
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
    /// Ends the task with the reply of its worker. False if the reply makes no sense: then the worker that gave it
    /// is not to be used any more.
    pub(crate) fn answer(self, frame: Vec<u8>) -> bool {
        let reply = match Reply::decode(&frame) {
            Some((number, reply)) if number == self.number => reply,
            _ => {
                let reason = format!(
                    "the worker has answered something that is no reply to `{}`",
                    self.names.function
                );
                self.promise.fail(TaskError::serialization(
                    "the reply of a worker can't be read",
                    reason,
                ));
                return false;
            }
        };
        let Names {
            function,
            argument,
            result,
        } = self.names;
        let error = match reply {
            Reply::Value(_) => {
                // Whoever cancelled the task does not want the value.
                let _ = self.promise.complete(frame);
                return true;
            }
            Reply::Panicked { message, location } => {
                TaskError::panicked(Panic::remote(message.to_owned(), location.map(str::to_owned)))
            }
            Reply::ArgumentNotDecoded { cause } => TaskError::serialization(
                format!("the argument of type `{argument}` can't be deserialised in the worker"),
                cause,
            ),
            Reply::ResultNotEncoded { cause } => TaskError::serialization(
                format!("the result of type `{result}` can't be serialised in the worker"),
                cause,
            ),
            Reply::UnknownTask => TaskError::refused(format!("the worker does not know `{function}`")),
        };
        self.promise.fail(error);
        true
    }

    /// Ends the task whose worker is gone.
    pub(crate) fn lose(self, death: WorkerDeath) {
        self.promise
            .fail(TaskError::worker_died(self.names.function, death));
    }
}

/// The result in a reply that carries a value. The thread that takes the result decodes it.
pub(crate) fn decode_value<R: DeserializeOwned>(frame: &[u8]) -> Result<R, TaskError> {
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
