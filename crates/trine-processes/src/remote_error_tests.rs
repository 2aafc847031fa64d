//! What becomes of an error, and of one that misbehaves.

use super::{MESSAGE_BYTES, RemoteError, SOURCES};
use crate::codec::{decode, encode};
use crate::frame::Frame;
use std::error::Error;
use std::{fmt, io, iter};

/// The messages of an error and of all its sources.
fn messages(error: &dyn Error) -> Vec<String> {
    iter::successors(Some(error), |error: &&dyn Error| (*error).source())
        .map(ToString::to_string)
        .collect()
}

#[derive(Debug)]
struct Outer(io::Error);
impl fmt::Display for Outer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("no settings")
    }
}
impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn message_type_and_sources_come_through_serde() {
    let error = RemoteError::from(Outer(io::Error::other("no such file")));
    let message = encode(&error, Frame::new()).expect("it is encoded");
    let bytes = message.bytes();
    let back: RemoteError = decode(bytes).expect("it is decoded");
    assert_eq!(back, error);
    assert_eq!(messages(&back), ["no settings", "no such file"]);
    assert!(back.type_name().ends_with("::Outer"), "{}", back.type_name());
}

#[test]
fn both_question_marks_compile() {
    fn inner() -> Result<u64, RemoteError> {
        Ok("x".parse()?)
    }
    fn middle() -> Result<u64, RemoteError> {
        let number = inner()?;
        Ok(number + 1)
    }
    fn boxed() -> Result<u64, Box<dyn Error + Send + Sync>> {
        Ok(middle()?)
    }
    // What anyhow, eyre and their like ask for.
    fn is_an_error<E: Error + Clone + Send + Sync + 'static>(_: &E) {}
    is_an_error(&middle().expect_err("it is no number"));
    // What `select!` asks for.
    fn is_unpin<F: Unpin>() {}
    is_unpin::<trine_future::Future<Result<u64, RemoteError>>>();
    let error = boxed().expect_err("it is no number");
    assert_eq!(messages(&*error), ["invalid digit found in string"]);
}

#[test]
fn debug_shows_the_sources() {
    let error = RemoteError::from(Outer(io::Error::other("no such file")));
    let text = format!("{error:?}");
    assert!(
        text.contains("no settings") && text.contains("no such file"),
        "{text}"
    );
}

#[derive(Debug)]
struct ItsOwnSource;
impl fmt::Display for ItsOwnSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("again")
    }
}
impl Error for ItsOwnSource {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self)
    }
}

#[test]
fn an_endless_chain_is_cut() {
    let messages = messages(&RemoteError::from(ItsOwnSource));
    assert_eq!(messages.len(), 1 + SOURCES + 1);
    assert_eq!(messages[SOURCES], "again");
    assert_eq!(messages[SOURCES + 1], "and more sources, which are left out");
}

#[test]
fn a_chain_that_somebody_has_forged_is_cut() {
    let forged = (
        "message".to_owned(),
        "type".to_owned(),
        vec![String::new(); 1_000_000],
    );
    let bytes = postcard::to_stdvec(&forged).expect("it is encoded");
    let error: RemoteError = decode(&bytes).expect("it is decoded");
    assert_eq!(messages(&error).len(), 1 + SOURCES + 1);
}

#[derive(Debug)]
struct Panics {
    source_too: bool,
}
impl fmt::Display for Panics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("begun ")?;
        panic!("in the middle")
    }
}
impl Error for Panics {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if self.source_too {
            panic!("no source")
        } else {
            None
        }
    }
}

#[test]
fn an_error_that_panics_is_described_by_its_panic() {
    let quiet = messages(&RemoteError::from(Panics { source_too: false }));
    let [message] = quiet.as_slice() else {
        panic!("{quiet:?}")
    };
    assert!(
        message.starts_with("begun (its `Display` panicked: in the middle (at "),
        "{message}"
    );
    let loud = messages(&RemoteError::from(Panics { source_too: true }));
    let [_, source] = loud.as_slice() else {
        panic!("{loud:?}")
    };
    assert!(
        source.starts_with("(its source can't be told: `source` panicked: no source (at "),
        "{source}"
    );
}

#[test]
fn a_long_message_is_cut_between_characters() {
    // One byte, then characters of two: the limit lies within one.
    let text = format!("x{}", "é".repeat(MESSAGE_BYTES));
    let message = RemoteError::from(io::Error::other(text)).to_string();
    assert_eq!(message.len(), MESSAGE_BYTES - 1 + "…".len());
    assert!(message.ends_with("é…"));
}

#[test]
fn a_display_that_fails_is_no_panic() {
    #[derive(Debug)]
    struct Fails;
    impl fmt::Display for Fails {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }
    impl Error for Fails {}
    assert_eq!(RemoteError::from(Fails).to_string(), "…");
}

#[test]
fn what_is_only_referred_to_can_be_described() {
    let error: Box<dyn Error + Send + Sync> = "no such page".into();
    let error = RemoteError::describe(&*error);
    assert_eq!(error.to_string(), "no such page");
    assert!(error.type_name().contains("dyn "), "{}", error.type_name());
}
