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
        let before = self.frame.len();
        if bytes.len() > self.full - before {
            return Err(Error::SerializeBufferFull);
        }
        // `extend_from_slice` makes room in the middle, by two more calls. Here most pieces are numbers.
        if bytes.len() > self.frame.capacity() - before {
            self.frame.reserve(bytes.len());
        }
        let end = self.frame.as_mut_ptr().wrapping_add(before);
        // SAFETY: there is room for so many bytes behind the others. They are no part of the frame, which is borrowed.
        unsafe { end.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        // SAFETY: they have been written just now.
        unsafe { self.frame.set_len(before + bytes.len()) };
        Ok(())
    }

    fn finalize(self) -> Result<()> {
        Ok(())
    }
}
