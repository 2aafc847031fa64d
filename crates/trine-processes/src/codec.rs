//! Arguments and results as bytes: postcard, with the panics of users' `Serialize` and `Deserialize` contained.

use crate::beside::{self, Beside};
use crate::digest::digest;
use crate::message::Message;
use crate::spill::Spill;
use crate::{bytes, round_trip};
use postcard::Error::{SerdeSerCustom, SerializeSeqLengthUnknown};
use serde::Serialize;
use serde::de::DeserializeOwned;
use trine_future::catch_panic;

/// What to do about a type that postcard can't carry.
pub(crate) const HINT: &str = "Usual reasons: postcard does not describe itself, so serde's `flatten`, `untagged`, `tag` \
                               and `skip_serializing_if` don't work with it. Send the value without them, or as \
                               `Json<T>` (feature `json`)";

/// Appends `value` to `frame`. In debug builds it is also read back: see [`round_trip::check`].
pub(crate) fn encode<T: Serialize + DeserializeOwned + 'static>(
    value: &T,
    frame: Vec<u8>,
) -> Result<Message, String> {
    let write = || {
        let spill = match catch_panic(|| write(value, Spill::new(frame))) {
            Ok(written) => written?,
            Err(panic) => return Err(format!("panicked: {panic}")),
        };
        if cfg!(debug_assertions)
            && let Some(bytes) = spill.short()
        {
            round_trip::check(value, bytes)?;
        }
        Ok(spill)
    };
    let (spill, beside) = beside::with(Beside::new(), write);
    Ok(spill?.into_message(beside))
}

fn write<T: Serialize + 'static>(value: &T, spill: Spill) -> Result<Spill, String> {
    let written = match bytes::as_bytes(value) {
        Some(bytes) => bytes::write(bytes, spill),
        None => postcard::serialize_with_flavor(value, spill),
    };
    written.map_err(|error| match error {
        SerializeSeqLengthUnknown => format!("{error}. {HINT}"),
        // It does not keep what the type has said. A type may fail once only: then there is nothing more to be told.
        SerdeSerCustom => digest(value).map_or_else(|message| message.to_string(), |_| error.to_string()),
        _ => error.to_string(),
    })
}

/// Drops a value that has been encoded. The error is a panic in its destructor.
pub(crate) fn discard<T>(value: T) -> Result<(), String> {
    catch_panic(|| drop(value)).map_err(|panic| format!("panicked: {panic}"))
}

/// Reads a value that takes up all of `bytes`, and has nothing beside it.
pub(crate) fn decode<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<T, String> {
    decode_with(Beside::new(), bytes)
}

/// Reads a value that takes up all of `bytes`.
pub(crate) fn decode_with<T: DeserializeOwned + 'static>(beside: Beside, bytes: &[u8]) -> Result<T, String> {
    beside::with(beside, || read_all(bytes)).0
}

/// [`decode_with`], with what is beside the value that is being read or written.
pub(crate) fn read_all<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<T, String> {
    match catch_panic(|| read(bytes)) {
        Ok(Ok((value, []))) => Ok(value),
        Ok(Ok((_, rest))) => Err(format!("{} bytes are left over. {HINT}", rest.len())),
        Ok(Err(error)) => Err(format!("{error}. {HINT}")),
        Err(panic) => Err(format!("panicked: {panic}")),
    }
}

fn read<T: DeserializeOwned + 'static>(bytes: &[u8]) -> postcard::Result<(T, &[u8])> {
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
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[test]
    fn a_value_comes_back_from_behind_the_header() {
        let message = encode(&("text".to_owned(), 7_u32), vec![1, 2, 3]).expect("it is encoded");
        let frame = message.bytes();
        assert_eq!(frame[..3], [1, 2, 3]);
        assert_eq!(decode::<(String, u32)>(&frame[3..]), Ok(("text".to_owned(), 7)));
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
        assert_eq!(encode(&Fails, Vec::new()).map(drop), Err("not today".to_owned()));
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
        let error = encode(&flat, Vec::new())
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
        assert_eq!(encode(&Lopsided, Vec::new()).is_err(), cfg!(debug_assertions));
    }

    #[test]
    fn a_panic_is_returned_as_an_error() {
        for error in [
            encode(&Panics, Vec::new()).map(drop).expect_err("it panics"),
            discard(PanicsWhenDropped).expect_err("its destructor panics"),
            decode::<Panics>(&[]).expect_err("it panics"),
        ] {
            assert!(error.starts_with("panicked: not like this (at "), "{error}");
        }
    }
}
