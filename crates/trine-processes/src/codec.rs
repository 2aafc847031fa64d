//! Arguments and results as bytes: postcard, with the panics of users' `Serialize` and `Deserialize` contained.

use serde::Serialize;
use serde::de::DeserializeOwned;
use trine_future::catch_panic;

/// Appends `value` to `frame`.
pub(crate) fn encode<T: Serialize>(value: &T, frame: Vec<u8>) -> Result<Vec<u8>, String> {
    match catch_panic(|| postcard::to_extend(value, frame)) {
        Ok(encoded) => encoded.map_err(|error| error.to_string()),
        Err(panic) => Err(format!("panicked: {panic}")),
    }
}

/// Drops a value that has been encoded. The error is a panic in its destructor.
pub(crate) fn discard<T>(value: T) -> Result<(), String> {
    catch_panic(|| drop(value)).map_err(|panic| format!("panicked: {panic}"))
}

/// Reads a value that takes up all of `bytes`.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    match catch_panic(|| postcard::take_from_bytes(bytes)) {
        Ok(Ok((value, []))) => Ok(value),
        Ok(Ok((_, rest))) => Err(format!("{} bytes are left over", rest.len())),
        Ok(Err(error)) => Err(error.to_string()),
        Err(panic) => Err(format!("panicked: {panic}")),
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{decode, discard, encode};
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[test]
    fn a_value_comes_back_from_behind_the_header() {
        let frame = encode(&("text", 7_u32), vec![1, 2, 3]).expect("it is encoded");
        assert_eq!(frame[..3], [1, 2, 3]);
        assert_eq!(decode::<(String, u32)>(&frame[3..]), Ok(("text".to_owned(), 7)));
    }

    #[test]
    fn bytes_left_over_are_an_error() {
        assert_eq!(decode::<u8>(&[1, 2]), Err("1 bytes are left over".to_owned()));
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
        encode(&Fails, Vec::new()).expect_err("it fails");
        decode::<Fails>(&[]).expect_err("it fails");
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
