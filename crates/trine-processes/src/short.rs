//! Where short values are written to: the end of the frame.

use crate::frame::Frame;
use crate::memory::LEAST_OF_A_SEGMENT;
use postcard::ser_flavors::Flavor;
use postcard::{Error, Result};

/// A frame that is full when so much was written that it is worth a segment.
pub(crate) struct Short<'a> {
    frame: &'a mut Frame,
    full: usize,
}

impl<'a> Short<'a> {
    pub(crate) fn new(frame: &'a mut Frame) -> Self {
        let full = frame.len() + LEAST_OF_A_SEGMENT - 1;
        Self { frame, full }
    }
}

impl Flavor for Short<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> Result<()> {
        if self.frame.len() == self.full {
            return Err(Error::SerializeBufferFull);
        }
        self.frame.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() > self.full - self.frame.len() {
            return Err(Error::SerializeBufferFull);
        }
        self.frame.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> Result<()> {
        Ok(())
    }
}
