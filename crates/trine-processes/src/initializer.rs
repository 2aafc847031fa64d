//! What each worker does before its first task.

use crate::frame::{self, Reply};
use crate::message::{Message, Opened};
use crate::task::{Name, Names, fingerprint, left_out};
use crate::{codec, system};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use trine_future::{TaskError, TaskSpan};

/// A function and its argument, encoded as a call.
#[derive(Clone)]
pub(crate) struct Initializer {
    pub(crate) request: Message,
    names: Names,
}

impl Initializer {
    /// `name` is what the function is called in errors.
    pub(crate) fn new<F, A, E>(name: Name, argument: &A) -> Result<Self, TaskError>
    where
        F: Fn(A) -> Result<(), E> + 'static,
        A: Serialize + DeserializeOwned + 'static,
        E: Display + 'static,
    {
        let names = Names::of::<A, Result<(), E>>(name);
        let entry = system::index_of_initializer::<F, A, E>().ok_or_else(left_out)?;
        let header = frame::call(
            0,
            entry,
            fingerprint::<F, A, Result<(), E>>(),
            TaskSpan::none().context(),
        );
        let request = codec::encode(argument, header).map_err(|cause| names.argument_not_encoded(cause))?;
        Ok(Self { request, names })
    }

    /// What a worker's reply means for its start.
    pub(crate) fn check(&self, reply: &[u8]) -> Result<(), String> {
        let name = (self.names.function)();
        // What a worker keeps of the argument, it keeps as long as the argument is here.
        let frame = Opened::of(reply).map_or(&[][..], |opened| opened.frame);
        let cause = match Reply::decode(frame) {
            Some((_, Reply::Value(bytes))) => match codec::decode(bytes) {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(cause)) | Err(cause) => cause,
            },
            Some((
                _,
                Reply::Panicked {
                    message, location, ..
                },
            )) => match location {
                Some(location) => format!("it panicked: {message} (at {location})"),
                None => format!("it panicked: {message}"),
            },
            Some((_, Reply::ArgumentNotDecoded { cause } | Reply::ResultNotEncoded { cause })) => {
                cause.to_owned()
            }
            Some((_, Reply::UnknownTask)) => "the worker does not know it".to_owned(),
            None => "its reply can't be read".to_owned(),
        };
        Err(format!("the initializer `{name}` has failed: {cause}"))
    }

    /// What the death of a worker means that was to run it. It may not have begun.
    pub(crate) fn unended(&self, death: &impl Display) -> String {
        format!(
            "the worker has ended before its initializer `{}` had: {death}",
            (self.names.function)()
        )
    }
}
