//! The chunk that a map is filling.

use crate::beside::Beside;
use crate::codec;
use crate::frames::Frames;
use crate::memory::Memory;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A chunk of so many bytes is closed, and an argument of so many travels alone.
const FULL: usize = 32 * 1024;

/// Encoded arguments.
#[derive(Default)]
pub(super) struct Open(Frames);

/// What has become of an argument.
pub(super) enum Added {
    /// It is in the chunk.
    Packed,
    /// It has to travel alone: its bytes, and what is beside them.
    Alone(Vec<u8>, Option<Memory>, Beside),
}

impl Open {
    /// Adds an argument, if that can travel with others. The error says why it can't be encoded.
    pub(super) fn add<A: Serialize + DeserializeOwned + 'static>(
        &mut self,
        argument: A,
    ) -> Result<Added, String> {
        let (rest, beside) = self.0.push_by(|bytes| {
            let beside = codec::append(&argument, bytes)?;
            // It must not outlive the task. Its destructor is the user's code.
            codec::discard(argument)?;
            Ok::<_, String>(beside)
        })?;
        let is_long = self.0.get(self.0.len() - 1).len() >= FULL;
        if rest.is_none() && beside.is_empty() && !is_long {
            return Ok(Added::Packed);
        }
        let argument = self.0.pop().unwrap_or_default();
        Ok(Added::Alone(argument, rest, beside))
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
