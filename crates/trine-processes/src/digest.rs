//! What a value says of itself to serde, as one number.
//!
//! It tells more than postcard's bytes do: the kind of each part and the names of fields, and so it differs where one
//! encoding stands for two values. The order of elements does not count, because that of a `HashMap` is another one in each
//! copy. Numbers are hashes, so a difference is certain, and equality as good as certain.

use crate::mixer::hash;
use serde::Serialize;
use serde::ser::{
    Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use std::fmt::{self, Display};
use std::hash::Hash;

/// What was seen of a value.
#[derive(Debug)]
pub(crate) struct Digest {
    pub(crate) number: u64,
    /// A field was left out in writing, as `skip_serializing_if` does.
    pub(crate) omits: bool,
}

/// The digest of a value. The error is that of its `Serialize`, in its own words.
pub(crate) fn digest<T: Serialize>(value: &T) -> Result<Digest, Message> {
    let mut omits = false;
    let number = value.serialize(Digester(&mut omits))?;
    Ok(Digest { number, omits })
}

/// What a `Serialize` says when it fails. postcard drops that.
#[derive(Debug)]
pub(crate) struct Message(String);

impl Display for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Message {}

impl Error for Message {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Gives the number of one value, and notes whether it leaves out a field.
struct Digester<'a>(&'a mut bool);

/// The methods for values without parts. Their kinds are numbers, because values are made of many of them.
macro_rules! leaves {
    ($($method:ident: $type:ty = $kind:literal),+ $(,)?) => {$(
        fn $method(self, value: $type) -> Result<u64, Message> {
            Ok(hash(($kind, value)))
        }
    )+};
}

impl<'a> Serializer for Digester<'a> {
    type Ok = u64;
    type Error = Message;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    /// As postcard, or types that ask would say something else here.
    fn is_human_readable(&self) -> bool {
        false
    }

    leaves! {
        serialize_bool: bool = 1,
        serialize_char: char = 2,
        serialize_str: &str = 3,
        serialize_bytes: &[u8] = 4,
        serialize_i8: i8 = 5,
        serialize_i16: i16 = 6,
        serialize_i32: i32 = 7,
        serialize_i64: i64 = 8,
        serialize_i128: i128 = 9,
        serialize_u8: u8 = 10,
        serialize_u16: u16 = 11,
        serialize_u32: u32 = 12,
        serialize_u64: u64 = 13,
        serialize_u128: u128 = 14,
    }

    fn serialize_f32(self, value: f32) -> Result<u64, Message> {
        Ok(hash(("f32", value.to_bits())))
    }

    fn serialize_f64(self, value: f64) -> Result<u64, Message> {
        Ok(hash(("f64", value.to_bits())))
    }

    fn serialize_none(self) -> Result<u64, Message> {
        Ok(hash("none"))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<u64, Message> {
        Ok(hash(("some", value.serialize(self)?)))
    }

    fn serialize_unit(self) -> Result<u64, Message> {
        Ok(hash("unit"))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<u64, Message> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<u64, Message> {
        Ok(hash(("variant", variant)))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<u64, Message> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<u64, Message> {
        Ok(hash((variant, value.serialize(self)?)))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'a>, Message> {
        Ok(Parts::of(self, "seq"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'a>, Message> {
        Ok(Parts::of(self, "tuple"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, Message> {
        Ok(Parts::of(self, "tuple"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Message> {
        Ok(Parts::of(self, variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'a>, Message> {
        Ok(Parts::of(self, "map"))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Parts<'a>, Message> {
        Ok(Parts::of(self, name))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Message> {
        Ok(Parts::of(self, variant))
    }
}

/// What was seen of a value with parts.
struct Parts<'a> {
    omits: &'a mut bool,
    kind: &'static str,
    count: u64,
    /// A sum, because the order does not count.
    sum: u64,
    /// The number of a map's key whose value comes next.
    key: u64,
}

impl<'a> Parts<'a> {
    fn of(Digester(omits): Digester<'a>, kind: &'static str) -> Self {
        Self {
            omits,
            kind,
            count: 0,
            sum: 0,
            key: 0,
        }
    }

    fn add<T: Serialize + ?Sized>(&mut self, place: impl Hash, value: &T) -> Result<(), Message> {
        let number = value.serialize(Digester(self.omits))?;
        self.count += 1;
        self.sum = self.sum.wrapping_add(hash((place, number)));
        Ok(())
    }

    fn number(&self) -> u64 {
        hash((self.kind, self.count, self.sum))
    }
}

impl SerializeMap for Parts<'_> {
    type Ok = u64;
    type Error = Message;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Message> {
        self.key = key.serialize(Digester(self.omits))?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Message> {
        self.add(self.key, value)
    }

    fn end(self) -> Result<u64, Message> {
        Ok(self.number())
    }
}

impl SerializeSeq for Parts<'_> {
    type Ok = u64;
    type Error = Message;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Message> {
        self.add((), value)
    }

    fn end(self) -> Result<u64, Message> {
        Ok(self.number())
    }
}

/// The traits for parts whose place is their number.
macro_rules! numbered {
    ($($trait:ident :: $method:ident),+) => {$(
        impl $trait for Parts<'_> {
            type Ok = u64;
            type Error = Message;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Message> {
                self.add(self.count, value)
            }

            fn end(self) -> Result<u64, Message> {
                Ok(self.number())
            }
        }
    )+};
}
numbered!(
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

/// The traits for parts whose place is their name.
macro_rules! named {
    ($($trait:ident),+) => {$(
        impl $trait for Parts<'_> {
            type Ok = u64;
            type Error = Message;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Message> {
                self.add(name, value)
            }

            fn skip_field(&mut self, _: &'static str) -> Result<(), Message> {
                *self.omits = true;
                Ok(())
            }

            fn end(self) -> Result<u64, Message> {
                Ok(self.number())
            }
        }
    )+};
}
named!(SerializeStruct, SerializeStructVariant);

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::digest;
    use serde::{Serialize, Serializer};
    use std::collections::{BTreeMap, HashMap, HashSet};

    fn number<T: Serialize>(value: T) -> u64 {
        digest(&value).expect("it has one").number
    }

    #[derive(Serialize)]
    enum Shape {
        Point,
        Circle(f64),
        Line(u8, u8),
        Box { width: u8, height: u8 },
    }
    use Shape::{Box, Circle, Line, Point};

    #[test]
    fn different_values_have_different_numbers() {
        let numbers = [
            number(false),
            number(true),
            number(0_u8),
            number(0_u16),
            number(0_i8),
            number(0_i128),
            number('0'),
            number("0"),
            number(0.0_f32),
            number(0.0),
            number(-0.0),
            number(()),
            number(None::<u8>),
            number(Some(0_u8)),
            number([0_u8; 0]),
            number((0_u8, 1_u8)),
            number((1_u8, 0_u8)),
            number(vec![0_u8, 1]),
            number(vec![0_u8, 1, 1]),
            number(BTreeMap::from([(0_u8, 1_u8)])),
            number(BTreeMap::from([(1_u8, 0_u8)])),
            number(Point),
            number(Circle(0.0)),
            number(Line(0, 1)),
            number(Line(1, 0)),
            number(Box { width: 0, height: 1 }),
            number(Box { width: 1, height: 0 }),
        ];
        assert_eq!(HashSet::from(numbers).len(), numbers.len());
    }

    #[test]
    fn the_order_of_a_map_does_not_count() {
        let one: HashMap<u32, String> = (0..100).map(|key| (key, key.to_string())).collect();
        let other: HashMap<u32, String> = (0..100).rev().map(|key| (key, key.to_string())).collect();
        assert_eq!(number(&one), number(&other));
        assert_eq!(
            number(one.keys().collect::<HashSet<_>>()),
            number(other.keys().collect::<HashSet<_>>())
        );
    }

    #[derive(Serialize)]
    struct Omitting {
        #[serde(skip_serializing_if = "Option::is_none")]
        one: Option<u8>,
        two: u8,
    }

    #[test]
    fn a_field_that_is_left_out_is_noted_at_any_depth() {
        let omits = |one| {
            digest(&Some(vec![(7, Omitting { one, two: 2 })]))
                .expect("it has one")
                .omits
        };
        assert!(omits(None));
        assert!(!omits(Some(1)));
    }

    #[test]
    fn an_error_is_told_in_its_own_words() {
        struct Fails;
        impl Serialize for Fails {
            fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("not today"))
            }
        }
        assert_eq!(
            digest(&vec![Fails]).expect_err("it fails").to_string(),
            "not today"
        );
    }
}
