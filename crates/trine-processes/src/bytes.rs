//! A `Vec<u8>` in one piece. serde does not tell it from other vectors, so postcard would take it byte by byte; what is
//! written is the same.

use serde::{Serialize, Serializer};
use std::any::Any;

/// What serde knows to be bytes, which postcard writes as it writes a vector of them.
pub(crate) struct Whole<'a>(pub(crate) &'a [u8]);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// Reads what postcard has written, and returns what comes after it.
pub(crate) fn read(frame: &[u8]) -> postcard::Result<(Vec<u8>, &[u8])> {
    let (length, rest) = postcard::take_from_bytes(frame)?;
    let (bytes, rest) = rest
        .split_at_checked(length)
        .ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
    Ok((bytes.to_vec(), rest))
}

/// `value`, if it is a vector of bytes.
pub(crate) fn as_bytes<T: 'static>(value: &T) -> Option<&Vec<u8>> {
    (value as &dyn Any).downcast_ref()
}

/// The place for a vector of bytes, if `T` is one.
pub(crate) fn as_place<T: 'static>(place: &mut Option<T>) -> Option<&mut Option<Vec<u8>>> {
    (place as &mut dyn Any).downcast_mut()
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{Whole, as_bytes, as_place, read};
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_bytes_are_those_of_postcard(bytes in vec(any::<u8>(), 0..1000)) {
            let written = postcard::to_stdvec(&Whole(&bytes)).expect("there is memory");
            prop_assert_eq!(&written, &postcard::to_stdvec(&bytes).expect("there is memory"));
            prop_assert_eq!(read(&written), Ok((bytes, &[][..])));
        }

        #[test]
        fn any_bytes_are_read_as_postcard_reads_them(bytes in vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(read(&bytes).ok(), postcard::take_from_bytes(&bytes).ok());
        }
    }

    #[test]
    fn other_types_are_left_to_serde() {
        assert_eq!(as_bytes(&vec![1_u8]), Some(&vec![1]));
        assert_eq!(as_bytes(&[1_u8]), None);
        assert_eq!(as_bytes(&vec![1_i8]), None);
        assert!(as_place(&mut Some(vec![1_u8])).is_some());
        assert!(as_place(&mut Some("1".to_owned())).is_none());
    }
}
