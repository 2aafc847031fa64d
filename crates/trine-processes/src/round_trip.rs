//! Whether postcard reads back what it has written, as the same value.
//!
//! postcard's bytes are values without names, lengths of structures and kinds, so a type can write fewer fields than it
//! reads, or want to look at the next value's kind before it reads it. Reading such a type fails, or gives another value,
//! without a word.

use crate::codec::{self, HINT};
use crate::digest::digest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use trine_future::catch_panic;

/// Values with longer encodings are not checked. A type that doesn't fit postcard shows itself in small values, and the
/// check takes several times as long as the encoding, in a build that is slow already: up to some 50 ms for so many bytes.
const LIMIT: usize = 256 * 1024;

/// The error says how the value is changed by `bytes`, which postcard has made of it.
///
/// It is no proof that what comes back is not the same: a `Deserialize` may give something else on purpose (lower case,
/// no duplicates), and the bytes of a `HashMap` are in another order after each reading. There are two proofs. A field was
/// left out in writing, where postcard always reads one. Or the other value has the very same bytes: whatever differs
/// is not in them.
pub(crate) fn check<T: Serialize + DeserializeOwned + 'static>(
    value: &T,
    bytes: &[u8],
) -> Result<(), String> {
    if bytes.len() > LIMIT {
        return Ok(());
    }
    let copy: T = codec::decode_again(bytes)
        .map_err(|cause| format!("postcard can't read back what it has written: {cause}"))?;
    // A type need not be serialisable after it was read, so its failing now is no error.
    let is_changed = catch_panic(|| is_changed(value, &copy, bytes)).unwrap_or_default();
    codec::discard(copy)?;
    if is_changed {
        return Err(format!(
            "postcard reads back another value than it has written. {HINT}"
        ));
    }
    Ok(())
}

fn is_changed<T: Serialize>(value: &T, copy: &T, bytes: &[u8]) -> bool {
    let (Ok(original), Ok(read)) = (digest(value), digest(copy)) else {
        return false;
    };
    original.number != read.number
        && (original.omits || postcard::to_stdvec(copy).is_ok_and(|again| again == bytes))
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{LIMIT, check};
    use proptest::prelude::*;
    use serde::de::DeserializeOwned;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::{BTreeMap, HashMap, HashSet};

    fn checked<T: Serialize + DeserializeOwned + 'static>(value: &T) -> Result<(), String> {
        let bytes = postcard::to_stdvec(value).expect("postcard writes it");
        check(value, &bytes)
    }

    fn assert_found<T: Serialize + DeserializeOwned + 'static>(value: &T, words: &str) {
        let error = checked(value).expect_err("it does not fit postcard");
        assert!(error.starts_with(words), "{error}");
        for word in [
            "describe itself",
            "flatten",
            "untagged",
            "skip_serializing_if",
            "Json",
        ] {
            assert!(error.contains(word), "{error}");
        }
    }

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(u32),
        Text(String),
    }

    #[derive(Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Number { value: u32 },
    }

    #[derive(Serialize, Deserialize)]
    struct Omitting {
        #[serde(default, skip_serializing_if = "is_zero")]
        first: u8,
        second: u32,
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    fn is_zero(number: &u8) -> bool {
        *number == 0
    }

    #[derive(Serialize, Deserialize)]
    struct OmittingTuple(#[serde(skip_serializing_if = "is_zero")] u8, u32);

    #[test]
    fn what_can_not_be_read_back_is_found() {
        let words = "postcard can't read back what it has written: ";
        assert_found(&Untagged::Number(7), words);
        assert_found(&vec![Untagged::Text("x".to_owned())], words);
        assert_found(&Tagged::Number { value: 7 }, words);
        assert_found(&Omitting { first: 0, second: 7 }, words);
    }

    /// 300 is two bytes, which make a `u8` and a `u32` as well: nothing fails, and the value is another one.
    #[test]
    fn what_is_read_back_as_another_value_is_found() {
        let words = "postcard reads back another value than it has written. ";
        assert_found(
            &Omitting {
                first: 0,
                second: 300,
            },
            words,
        );
        assert_found(&OmittingTuple(0, 300), words);
        // Read back, this has its bytes in another order.
        let many: HashMap<u8, Omitting> = (0..50)
            .map(|key| {
                (
                    key,
                    Omitting {
                        first: 0,
                        second: 300,
                    },
                )
            })
            .collect();
        assert_found(&many, words);
    }

    #[test]
    fn a_field_that_is_not_left_out_is_no_error() {
        checked(&Omitting {
            first: 1,
            second: 300,
        })
        .expect("it comes back");
    }

    #[test]
    fn an_order_that_changes_is_no_error() {
        let map: HashMap<u32, HashSet<String>> = (0..200)
            .map(|key| (key, (0..key).map(|word| word.to_string()).collect()))
            .collect();
        checked(&map).expect("it comes back");
    }

    /// A text that is read in lower case.
    #[derive(Serialize)]
    struct Lower(String);
    impl<'de> Deserialize<'de> for Lower {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            String::deserialize(deserializer).map(|text| Self(text.to_lowercase()))
        }
    }

    #[test]
    fn a_value_that_is_changed_on_purpose_is_no_error() {
        checked(&Lower("Trine".to_owned())).expect("it is meant to change");
    }

    /// What can't be written again after it was read.
    struct Once<const PANICS: bool> {
        is_read: bool,
    }
    impl<const PANICS: bool> Serialize for Once<PANICS> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self.is_read {
                false => serializer.serialize_unit(),
                true if PANICS => panic!("written again"),
                true => Err(serde::ser::Error::custom("written again")),
            }
        }
    }
    impl<'de, const PANICS: bool> Deserialize<'de> for Once<PANICS> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            <()>::deserialize(deserializer).map(|()| Self { is_read: true })
        }
    }

    #[test]
    fn what_was_read_need_not_be_written_again() {
        checked(&Once::<false> { is_read: false }).expect("it comes back");
        checked(&Once::<true> { is_read: false }).expect("it comes back");
    }

    #[derive(Debug, Serialize)]
    struct PanicsWhenRead;
    impl<'de> Deserialize<'de> for PanicsWhenRead {
        fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("not like this")
        }
    }

    #[test]
    fn a_panic_is_an_error() {
        let error = checked(&PanicsWhenRead).expect_err("it panics");
        assert!(error.contains("panicked: not like this"), "{error}");
    }

    #[test]
    fn a_long_value_is_not_read_back() {
        let long = |length| (Omitting { first: 0, second: 7 }, vec![0_u8; length]);
        checked(&long(LIMIT - 16)).expect_err("it does not fit postcard");
        checked(&long(LIMIT)).expect("it is not checked");
    }

    #[derive(Clone, Debug, Serialize, Deserialize)]
    enum Any {
        Nothing,
        Pair(i64, f64),
        Text { text: String, next: Option<Box<Any>> },
        List(Vec<Any>),
        Map(BTreeMap<u8, Any>),
    }

    fn any_value() -> impl Strategy<Value = Any> {
        let leaf = prop_oneof![
            Just(Any::Nothing),
            any::<(i64, f64)>().prop_map(|(a, b)| Any::Pair(a, b))
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                ("[a-zé]{0,9}", proptest::option::of(inner.clone())).prop_map(|(text, next)| Any::Text {
                    text,
                    next: next.map(Box::new)
                }),
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Any::List),
                proptest::collection::btree_map(any::<u8>(), inner, 0..5).prop_map(Any::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_that_fit_come_back(value in any_value()) {
            prop_assert_eq!(checked(&value), Ok(()));
        }
    }
}
