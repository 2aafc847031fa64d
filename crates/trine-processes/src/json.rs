//! The way out for types that postcard can't carry.

use serde::de::{DeserializeOwned, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// A value that travels as JSON text.
///
/// An argument or a result as it is travels by postcard, which has no names in its bytes. Types with serde's `flatten`,
/// `untagged`, `tag` or `skip_serializing_if`, or `serde_json::Value`, need a format that describes itself. This is one,
/// at the price of more bytes and more time.
///
/// JSON has its own limits: keys of maps are texts or numbers, a number that is not finite can't be read back, and values are
/// nested at most 128 deep. Finite numbers come back as they were, to the last bit.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use trine_processes::{Json, ProcessPool};
///
/// #[derive(Serialize, Deserialize)]
/// #[serde(untagged)]
/// enum Query {
///     Id(u64),
///     Name(String),
/// }
///
/// fn find(Json(query): Json<Query>) -> String {
///     match query {
///         Query::Id(id) => format!("number {id}"),
///         Query::Name(name) => name,
///     }
/// }
///
/// let pool = ProcessPool::new(1)?;
/// assert_eq!(pool.submit(find, Json(Query::Id(7))).result()?, "number 7");
/// assert_eq!(pool.submit(find, Json(Query::Name("x".to_owned()))).result()?, "x");
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Json<T>(
    /// The value.
    pub T,
);

impl<T: Serialize> Serialize for Json<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = serde_json::to_string(&self.0).map_err(S::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Json<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(PhantomData))
    }
}

/// Reads the text where it lies.
struct Text<T>(PhantomData<T>);

impl<T: DeserializeOwned> Visitor<'_> for Text<T> {
    type Value = Json<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text of JSON")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Json<T>, E> {
        serde_json::from_str(text).map(Json).map_err(E::custom)
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::Json;
    use crate::codec::{decode, encode};
    use crate::frame::Frame;
    use proptest::prelude::*;
    use serde::de::DeserializeOwned;
    use serde::{Deserialize, Serialize};
    use std::collections::{BTreeMap, HashMap};
    use std::fmt::Debug;

    fn through_postcard<T: Serialize + DeserializeOwned>(value: &T) -> Option<T> {
        postcard::from_bytes(&postcard::to_stdvec(value).ok()?).ok()
    }

    fn assert_only_json_carries<T: Clone + Debug + PartialEq + Serialize + DeserializeOwned + 'static>(
        value: &T,
    ) {
        assert_ne!(through_postcard(value).as_ref(), Some(value));
        let message = encode(&Json(value.clone()), Frame::new()).expect("JSON carries it");
        let bytes = message.bytes();
        assert_eq!(decode(bytes), Ok(Json(value.clone())));
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Flat {
        name: String,
        #[serde(flatten)]
        more: BTreeMap<String, u32>,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(u32),
        Text(String),
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Number { value: u32 },
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Omitting {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u32>,
        #[serde(default, skip_serializing_if = "is_zero")]
        first: u8,
        second: u32,
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    fn is_zero(number: &u8) -> bool {
        *number == 0
    }

    #[test]
    fn what_postcard_cant_carry_is_carried() {
        let more = BTreeMap::from([("one".to_owned(), 1), ("two".to_owned(), 2)]);
        assert_only_json_carries(&Flat {
            name: "x".to_owned(),
            more,
        });
        assert_only_json_carries(&vec![Untagged::Number(7), Untagged::Text("x".to_owned())]);
        assert_only_json_carries(&Tagged::Number { value: 7 });
        assert_only_json_carries(&Omitting {
            limit: None,
            first: 1,
            second: 300,
        });
        assert_only_json_carries(&serde_json::json!({ "list": [1, "two", null] }));
    }

    /// What is wrong about it without an error.
    #[test]
    fn what_postcard_changes_in_silence_is_carried() {
        let value = Omitting {
            limit: Some(1),
            first: 0,
            second: 300,
        };
        let changed = Omitting {
            limit: Some(1),
            first: 172,
            second: 2,
        };
        assert_eq!(through_postcard(&value), Some(changed));
        assert_only_json_carries(&value);
    }

    #[test]
    fn it_stands_anywhere_in_a_value() {
        let value = (
            1_u8,
            vec![Json(Untagged::Number(2)), Json(Untagged::Text("3".to_owned()))],
            4_u8,
        );
        let message = encode(&value, Frame::new()).expect("it is encoded");
        let bytes = message.bytes();
        assert_eq!(decode(bytes), Ok(value));
    }

    #[test]
    fn a_map_is_carried_in_whatever_order() {
        let map: Json<HashMap<u32, String>> = Json((0..100).map(|key| (key, key.to_string())).collect());
        let message = encode(&map, Frame::new()).expect("it is encoded");
        let bytes = message.bytes();
        assert_eq!(decode(bytes), Ok(map));
    }

    #[test]
    fn what_json_cant_carry_is_an_error() {
        let error = encode(&Json(HashMap::from([((1, 2), 3)])), Frame::new())
            .map(drop)
            .expect_err("keys are texts");
        assert_eq!(error, "key must be a string");
        let bytes = postcard::to_stdvec(&Json(f64::NAN)).expect("it is written as null");
        decode::<Json<f64>>(&bytes).expect_err("null is no number");
        decode::<Json<u32>>(&postcard::to_stdvec("7 8").expect("a text")).expect_err("two values");
        decode::<Json<u32>>(&[1, 0xff]).expect_err("no UTF-8");
    }

    proptest! {
        #[test]
        fn numbers_come_back_to_the_last_bit(number: f64, other: f32, long: i128) {
            let value = Json((number, other, long));
            let message = encode(&value, Frame::new()).expect("it is encoded");
        let bytes = message.bytes();
            prop_assert_eq!(decode(bytes), Ok(value));
        }
    }
}
