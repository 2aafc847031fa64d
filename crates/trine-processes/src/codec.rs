//! Arguments and results as bytes: postcard, with the panics of users' `Serialize` and `Deserialize` contained.

use crate::beside::{self, Beside};
use crate::bytes::Whole;
use crate::digest::digest;
use crate::frame::Frame;
use crate::memory::Memory;
use crate::message::Message;
use crate::short::Short;
use crate::{bytes, round_trip};
use postcard::Error::{SerdeSerCustom, SerializeBufferFull, SerializeSeqLengthUnknown};
use postcard::ser_flavors::{Flavor, Size, Slice};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::Cell;
use std::error::Error;
use std::sync::Arc;
use trine_future::{Panic, catch_panic};

/// What to do about a type that postcard can't carry.
pub(crate) const HINT: &str = "Usual reasons: postcard does not describe itself, so serde's `flatten`, `untagged`, `tag` \
                               and `skip_serializing_if` don't work with it. Send the value without them, or as \
                               `Json<T>` (feature `json`)";

/// Why a value can't be written or read.
pub(crate) type Cause = Box<dyn Error>;

/// Appends `value` to `frame`, or puts it beside that, if it is long. In debug builds it is also [read back](round_trip::check).
///
/// A long value is serialised three times: until it is found to be long, to measure it, and to its place. To write to a place that
/// has the right length is so much faster that this costs less than to move to a larger one in between.
pub(crate) fn encode<T: Serialize + DeserializeOwned + 'static>(
    value: &T,
    mut frame: Frame,
) -> Result<Message, String> {
    let beside = append(value, &mut frame)?;
    Ok(Message::new(frame, beside))
}

/// [`encode`], and returns what is to go beside the frame: the value, if it is long, and what is beside that. After an error
/// there is something at the end of the frame.
pub(crate) fn append<T: Serialize + DeserializeOwned + 'static>(
    value: &T,
    frame: &mut Frame,
) -> Result<Beside, String> {
    contained(|| write(value, frame))
}

/// [`append`], which unwinds if the value's `Serialize` does.
pub(crate) fn write<T: Serialize + DeserializeOwned + 'static>(
    value: &T,
    frame: &mut Frame,
) -> Result<Beside, Cause> {
    let header = frame.len();
    let work = || -> Result<_, Cause> {
        let rest = write_bytes(value, frame)?;
        let bytes = rest.as_ref().map_or(&frame[header..], |rest| rest.bytes());
        if cfg!(debug_assertions) {
            round_trip::check(value, bytes)?;
        }
        Ok(rest)
    };
    let beside = Cell::new(Beside::NOTHING);
    let rest = beside::with(&beside, work)?;
    let mut beside = beside.into_inner();
    if let Some(rest) = rest {
        beside.set_rest(rest);
    }
    Ok(beside)
}

fn contained<R>(work: impl FnOnce() -> Result<R, Cause>) -> Result<R, String> {
    match catch_panic(work) {
        Ok(result) => result.map_err(|cause| cause.to_string()),
        Err(panic) => Err(panicked(&panic)),
    }
}

/// Why a value could not be written, read or dropped, if its type has panicked.
pub(crate) fn panicked(panic: &Panic) -> String {
    format!("panicked: {panic}")
}

fn write_bytes<T: Serialize + 'static>(value: &T, frame: &mut Frame) -> Result<Option<Arc<Memory>>, Cause> {
    let header = frame.len();
    let written = match write_to(value, Short::new(frame)) {
        Err(SerializeBufferFull) => {
            frame.truncate(header);
            write_long(value, frame)
        }
        written => written.map(|()| None),
    };
    Ok(written.map_err(|error| match error {
        SerializeSeqLengthUnknown => format!("{error}. {HINT}"),
        SerializeBufferFull => "its length is another one each time it is serialised".to_owned(),
        // It does not keep what the type has said. A type may fail once only: then there is nothing more to be told.
        SerdeSerCustom => digest(value).map_or_else(|message| message.to_string(), |_| error.to_string()),
        _ => error.to_string(),
    })?)
}

/// Writes to a segment, or to `frame` if there is none.
fn write_long<T: Serialize + 'static>(value: &T, frame: &mut Frame) -> postcard::Result<Option<Arc<Memory>>> {
    let length = write_to(value, Size::default())?;
    let segment = Memory::in_a_segment(length);
    if let Some(mut memory) = segment
        && let Some(place) = memory.get_mut()
    {
        let written = write_to(value, Slice::new(place))?.len();
        memory.truncate(written);
        return Ok(Some(Arc::new(memory)));
    }
    let header = frame.len();
    let mut bytes = vec![0; header + length];
    bytes[..header].copy_from_slice(frame);
    let written = write_to(value, Slice::new(&mut bytes[header..]))?.len();
    bytes.truncate(header + written);
    *frame = bytes.into();
    Ok(None)
}

fn write_to<T: Serialize + 'static, F: Flavor>(value: &T, place: F) -> postcard::Result<F::Output> {
    match bytes::as_bytes(value) {
        Some(bytes) => postcard::serialize_with_flavor(&Whole(bytes), place),
        None => postcard::serialize_with_flavor(value, place),
    }
}

/// Drops a value that has been encoded. The error is a panic in its destructor.
pub(crate) fn discard<T>(value: T) -> Result<(), String> {
    if !std::mem::needs_drop::<T>() {
        return Ok(());
    }
    contained(|| {
        drop(value);
        Ok(())
    })
}

/// Reads a value that takes up all of `bytes`, and has nothing beside it.
pub(crate) fn decode<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<T, String> {
    decode_with(Beside::NOTHING, bytes)
}

/// Reads a value that takes up all of `bytes`, or of what continues them.
pub(crate) fn decode_with<T: DeserializeOwned + 'static>(beside: Beside, bytes: &[u8]) -> Result<T, String> {
    contained(|| read(beside, bytes))
}

/// [`decode_with`], which unwinds if the type's `Deserialize` does.
pub(crate) fn read<T: DeserializeOwned + 'static>(beside: Beside, bytes: &[u8]) -> Result<T, Cause> {
    let rest = beside.rest().cloned();
    let bytes = rest.as_ref().map_or(bytes, |rest| rest.bytes());
    beside::with(&Cell::new(beside), || read_all(bytes))
}

/// [`decode_with`], with what is beside the value that is being written.
pub(crate) fn decode_again<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<T, String> {
    contained(|| read_all(bytes))
}

fn read_all<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<T, Cause> {
    match read_first(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(format!("{} bytes are left over. {HINT}", rest.len()).into()),
        Err(error) => Err(format!("{error}. {HINT}").into()),
    }
}

fn read_first<T: DeserializeOwned + 'static>(bytes: &[u8]) -> postcard::Result<(T, &[u8])> {
    let mut value = None;
    if let Some(place) = bytes::as_place(&mut value) {
        let (whole, rest) = bytes::read(bytes)?;
        *place = Some(whole);
        if let Some(value) = value {
            return Ok((value, rest));
        }
    }
    postcard::take_from_bytes(bytes)
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{decode, discard, encode};
    use crate::frame::Frame;
    use crate::memory::LEAST_OF_A_SEGMENT;
    use crate::message::Opened;
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::cell::Cell;

    #[test]
    fn a_value_comes_back_from_behind_the_header() {
        let message =
            encode(&("text".to_owned(), 7_u32), Frame::from_slice(&[1, 2, 3])).expect("it is encoded");
        let frame = message.bytes();
        assert_eq!(frame[..3], [1, 2, 3]);
        assert_eq!(decode::<(String, u32)>(&frame[3..]), Ok(("text".to_owned(), 7)));
    }

    /// On both sides of the length from which on it is beside the frame.
    #[test]
    fn a_value_of_any_length_comes_back() {
        for length in (0..3)
            .map(|more| LEAST_OF_A_SEGMENT - 4 + more)
            .chain([0, 1, 1_000_000])
        {
            let value: Vec<_> = (0..length).map(|index| (index % 251) as u8).collect();
            let in_a_struct = (7_u8, value.clone());
            for message in [
                encode(&value, Frame::from_slice(&[1, 2, 3])).expect("it is encoded"),
                encode(&in_a_struct, Frame::from_slice(&[1, 2, 3])).expect("it is encoded"),
            ] {
                let frame = Opened::of(message.bytes()).expect("it is a message").frame;
                assert_eq!(frame[..3], [1, 2, 3], "{length}");
                let rest = message.beside().rest();
                let bytes = rest.map_or(&frame[3..], |rest| rest.bytes());
                assert_eq!(
                    rest.is_some(),
                    cfg!(target_os = "linux") && bytes.len() >= LEAST_OF_A_SEGMENT
                );
                let is_it = decode(bytes).is_ok_and(|read: Vec<u8>| read == value)
                    || decode(bytes).is_ok_and(|read: (u8, Vec<u8>)| read == in_a_struct);
                assert!(is_it, "{length}");
            }
        }
    }

    #[test]
    fn a_value_that_becomes_longer_is_an_error() {
        struct Growing(Cell<usize>);
        impl Serialize for Growing {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.set(self.0.get() + 1_000_000);
                serializer.serialize_bytes(&vec![0; self.0.get()])
            }
        }
        impl<'de> Deserialize<'de> for Growing {
            fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
                Err(D::Error::custom("it is not read"))
            }
        }
        let error = encode(&Growing(Cell::new(0)), Frame::new())
            .map(drop)
            .expect_err("it grows");
        assert!(error.contains("another one each time"), "{error}");
    }

    #[test]
    fn bytes_left_over_are_an_error() {
        let error = decode::<u8>(&[1, 2]).expect_err("there is a byte more");
        assert!(error.starts_with("1 bytes are left over"), "{error}");
    }

    #[derive(Debug)]
    struct Fails;
    impl Serialize for Fails {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom("not today"))
        }
    }
    impl<'de> Deserialize<'de> for Fails {
        fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Err(D::Error::custom("not today"))
        }
    }

    #[derive(Debug)]
    struct Panics;
    impl Serialize for Panics {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("not like this")
        }
    }
    impl<'de> Deserialize<'de> for Panics {
        fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("not like this")
        }
    }

    struct PanicsWhenDropped;
    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic!("not like this")
        }
    }

    #[test]
    fn an_error_is_returned() {
        assert_eq!(
            encode(&Fails, Frame::new()).map(drop),
            Err("not today".to_owned())
        );
        decode::<Fails>(&[]).expect_err("it fails");
    }

    #[test]
    fn a_map_without_a_length_is_an_error_that_says_why() {
        #[derive(Serialize, Deserialize)]
        struct Inner {
            number: u8,
        }
        #[derive(Serialize, Deserialize)]
        struct Outer {
            #[serde(flatten)]
            inner: Inner,
        }
        let flat = Outer {
            inner: Inner { number: 7 },
        };
        let error = encode(&flat, Frame::new())
            .map(drop)
            .expect_err("postcard can't write it");
        assert!(
            error.contains("`flatten`") && error.contains("`Json<T>`"),
            "{error}"
        );
    }

    #[test]
    fn a_debug_build_reads_back_what_it_has_written() {
        // What is written is no value of the type.
        #[derive(Debug)]
        struct Lopsided;
        impl Serialize for Lopsided {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u8(2)
            }
        }
        impl<'de> Deserialize<'de> for Lopsided {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                bool::deserialize(deserializer).map(|_| Self)
            }
        }
        assert_eq!(encode(&Lopsided, Frame::new()).is_err(), cfg!(debug_assertions));
    }

    #[test]
    fn a_panic_is_returned_as_an_error() {
        for error in [
            encode(&Panics, Frame::new()).map(drop).expect_err("it panics"),
            discard(PanicsWhenDropped).expect_err("its destructor panics"),
            decode::<Panics>(&[]).expect_err("it panics"),
        ] {
            assert!(error.starts_with("panicked: not like this (at "), "{error}");
        }
    }
}
