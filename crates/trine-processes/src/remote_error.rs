//! Errors that cross between processes.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::any::type_name;
use std::error::Error;
use std::fmt::{self, Write};
use std::marker::PhantomData;
use trine_future::catch_panic;

/// How many sources are kept. A chain that goes on after these is endless, or as good as that.
const SOURCES: usize = 32;

/// How many bytes are kept of each message.
const MESSAGE_BYTES: usize = 16 * 1024;

/// An error that comes back from a worker process, whatever error it was there: its message, its type's name, and the
/// messages of its sources.
///
/// Few errors can be serialised, so a task that returns `Result<T, std::io::Error>` does not compile. Let it return
/// `Result<T, RemoteError>`: there `?` turns every error into one, and where the result is taken `?` turns it into
/// `Box<dyn Error + Send + Sync>`, `anyhow::Error` and the like, as it does any error.
///
/// ```
/// use std::error::Error;
/// use trine_processes::{ProcessPool, RemoteError};
///
/// fn read_number(path: String) -> Result<u64, RemoteError> {
///     let text = std::fs::read_to_string(path)?;
///     Ok(text.trim().parse()?)
/// }
///
/// fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
///     let pool = ProcessPool::new(1)?;
///     let read = pool.submit(read_number, "/no/such/file".to_owned()).result()?; // a TaskError is not expected,
///     let error = read.unwrap_err(); // but this one is
///     assert_eq!(error.to_string(), "No such file or directory (os error 2)");
///     assert!(error.type_name().ends_with("::Error"));
///     Ok(())
/// }
/// ```
///
/// What is lost is what is not text: there is nothing to downcast to. A task whose caller decides by the kind of the error
/// returns a serialisable type of its own instead.
///
/// What does not implement [`Error`], as `Box<dyn Error>` and `anyhow::Error`, has no `?` into this type, and needs
/// [`describe`](Self::describe).
///
/// # Why it is not `Unpin`
///
/// So that both kinds of `?` exist. `From<E>` for every error `E` can't be implemented for a type that is itself such an
/// `E`, because every type is already made from itself: for this reason `anyhow::Error` is no `Error`. Here `E` is every
/// error that is also `Unpin`, as errors are, and this type is the one error that is not. Nobody notices who does not pin
/// errors: a [`Future`](trine_future::Future) of one is `Unpin` nevertheless.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteError {
    message: String,
    type_name: String,
    source: Option<Box<Source>>,
}

/// A trait that nothing implements.
trait Never {}

/// A type that depends on a lifetime: of another one the compiler would complain that the condition below never holds.
struct Nothing<'a>(PhantomData<&'a ()>);

#[doc(hidden)]
impl Unpin for RemoteError where for<'a> Nothing<'a>: Never {}

impl RemoteError {
    /// What there is to say of `error`: for what `?` does not convert, because it is no [`Error`] but refers to one.
    ///
    /// An error whose `Display` or `source` panics is described by that panic. Of messages the first 16 KiB are kept, of
    /// sources the first 32.
    ///
    /// ```
    /// use std::error::Error;
    /// use trine_processes::RemoteError;
    ///
    /// fn parse(text: &str) -> Result<u64, Box<dyn Error>> {
    ///     Ok(text.parse()?)
    /// }
    ///
    /// fn task(text: String) -> Result<u64, RemoteError> {
    ///     parse(&text).map_err(|error| RemoteError::describe(&*error))
    /// }
    ///
    /// assert_eq!(task("x".to_owned()).unwrap_err().to_string(), "invalid digit found in string");
    /// ```
    pub fn describe<E: Error + ?Sized>(error: &E) -> Self {
        let mut sources = Vec::new();
        let mut next = source_of(error);
        while let Some(source) = next {
            let source = match source {
                Ok(source) if sources.len() < SOURCES => source,
                Ok(_) => {
                    sources.push("and more sources, which are left out".to_owned());
                    break;
                }
                Err(panic) => {
                    sources.push(panic);
                    break;
                }
            };
            sources.push(message_of(source));
            next = source_of(source);
        }
        Self {
            message: message_of(error),
            type_name: type_name::<E>().to_owned(),
            source: chain(sources),
        }
    }

    /// The name of the error's type in the worker, for people to read: `core::num::error::ParseIntError`. If the type was
    /// not known there, that of the trait object.
    ///
    /// ```
    /// # use trine_processes::RemoteError;
    /// let error = RemoteError::from("x".parse::<u32>().unwrap_err());
    /// assert!(error.type_name().ends_with("ParseIntError"));
    /// ```
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The messages of the sources, the nearest first.
    fn sources(&self) -> impl Iterator<Item = &str> {
        let sources = std::iter::successors(self.source.as_deref(), |source| source.source.as_deref());
        sources.map(|source| source.message.as_str())
    }
}

impl<E: Error + Unpin> From<E> for RemoteError {
    fn from(error: E) -> Self {
        Self::describe(&error)
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl fmt::Debug for RemoteError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RemoteError")
            .field("message", &self.message)
            .field("type_name", &self.type_name)
            .field("sources", &self.sources().collect::<Vec<_>>())
            .finish()
    }
}

impl Error for RemoteError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl Serialize for RemoteError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sources: Vec<&str> = self.sources().collect();
        (&self.message, &self.type_name, sources).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RemoteError {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (message, type_name, mut sources) = <(String, String, Vec<String>)>::deserialize(deserializer)?;
        // Whoever has written this may not have known the limit: a chain is dropped by recursion.
        sources.truncate(SOURCES + 1);
        Ok(Self {
            message,
            type_name,
            source: chain(sources),
        })
    }
}

/// What led to an error: its message, and what led to that.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    message: String,
    source: Option<Box<Source>>,
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for Source {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

fn chain(messages: Vec<String>) -> Option<Box<Source>> {
    let before = |source, message| Some(Box::new(Source { message, source }));
    messages.into_iter().rev().fold(None, before)
}

/// The source, or that there is a panic in its stead.
fn source_of<E: Error + ?Sized>(error: &E) -> Option<Result<&(dyn Error + 'static), String>> {
    match catch_panic(|| error.source()) {
        Ok(source) => source.map(Ok),
        Err(panic) => Some(Err(format!(
            "(its source can't be told: `source` panicked: {panic})"
        ))),
    }
}

fn message_of<E: Error + ?Sized>(error: &E) -> String {
    let mut message = Message(String::new());
    match catch_panic(|| write!(message, "{error}")) {
        Ok(Ok(())) => {}
        // Either there is no more room, or its `Display` fails, which it must not: in both cases there is more to it.
        Ok(Err(fmt::Error)) => message.0.push('…'),
        Err(panic) => {
            message.0.push_str(&format!("(its `Display` panicked: {panic})"));
        }
    }
    message.0
}

/// A text that takes only so much.
struct Message(String);

impl fmt::Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MESSAGE_BYTES - self.0.len();
        let fits = &text[..text.floor_char_boundary(room)];
        self.0.push_str(fits);
        if fits.len() == text.len() {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}

#[cfg(all(test, not(trine_loom)))]
#[path = "remote_error_tests.rs"]
mod tests;
