//! The chunk that a map is filling.

use crate::beside::Beside;
use crate::codec;
use crate::frame::{self, Frame};
use crate::frames::Frames;
use crate::memory::LEAST_OF_A_SEGMENT;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A chunk of so many bytes is closed: with one more argument that is not long it still fits into the ring of a worker.
const FULL: usize = 27 * 1024;

/// Encoded arguments, as they are sent.
#[derive(Default)]
pub(super) struct Open(Frames);

/// What has become of an argument.
pub(super) enum Added {
    /// It is in the chunk.
    Packed,
    /// It has to travel alone: its bytes, and what is beside them.
    Alone(Frame, Beside),
}

impl Open {
    /// Adds an argument, if that can travel with others. The error says why it can't be encoded.
    pub(super) fn add<A: Serialize + DeserializeOwned + 'static>(
        &mut self,
        argument: A,
    ) -> Result<Added, String> {
        let mut bytes = Frame::new();
        let encoded = codec::append(&argument, &mut bytes);
        // It must not outlive the task. Its destructor is the user's code.
        let discarded = codec::discard(argument);
        let beside = encoded?;
        discarded?;
        // Also where there is no segment for it.
        let is_long = bytes.len() >= LEAST_OF_A_SEGMENT;
        if !beside.is_nothing() || is_long {
            return Ok(Added::Alone(bytes, beside));
        }
        self.0.push_by(|packed| frame::put_argument(packed, &bytes));
        Ok(Added::Packed)
    }

    /// The number of arguments. There are no more than go with one call.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_full(&self, most: usize) -> bool {
        self.len() >= most || self.0.weight() >= FULL
    }

    /// Takes them, so that the chunk is empty again.
    pub(super) fn take(&mut self) -> Frames {
        std::mem::take(&mut self.0)
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{Added, Open};
    use crate::frame;
    use crate::memory::LEAST_OF_A_SEGMENT;
    use crate::system::MOST_TASKS;

    const RING: usize = 64 * 1024;

    #[test]
    fn what_is_packed_fits_into_a_ring() {
        for length in [0, 10, 26, 100, 5_000, 27_000] {
            let mut open = Open::default();
            let most = MOST_TASKS as usize;
            // As many as leave room for one more.
            loop {
                assert!(matches!(open.add(vec![0_u8; length]), Ok(Added::Packed)));
                if open.is_full(most) {
                    open.0.pop();
                    break;
                }
            }
            // Its length takes three bytes.
            let longest = vec![0_u8; LEAST_OF_A_SEGMENT - 1 - 3];
            assert!(matches!(open.add(longest), Ok(Added::Packed)));
            let request = frame::calls(0, 0, 0).len() + open.0.weight();
            // Its length takes a word.
            assert!(request + size_of::<usize>() <= RING, "{length}: {request}");
        }
    }
}
