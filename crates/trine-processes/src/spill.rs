//! Where encoded bytes go: into the frame, or, when they become many, into a segment.

use crate::beside::Beside;
use crate::memory::{LEAST_OF_A_SEGMENT, Memory};
use crate::message::Message;
use postcard::Result;
use postcard::ser_flavors::Flavor;

/// How many bytes are gathered before they go into the segment together.
const GATHERED: usize = 16 * 1024;

/// What postcard writes to.
pub(crate) struct Spill {
    /// All that was written, or what has not gone into the segment yet, behind what was there before.
    frame: Vec<u8>,
    /// How long the frame was before.
    header: usize,
    /// From this length on what is in the frame goes into the segment.
    limit: usize,
    body: Option<Body>,
}

struct Body {
    memory: Memory,
    length: usize,
}

impl Body {
    /// With room for so many bytes more than are there.
    fn new(written: &[u8], more: usize) -> Option<Self> {
        let wanted = (written.len() + more).max(2 * written.len());
        let mut body = Self {
            memory: Memory::in_the_largest_segment(wanted)?,
            length: 0,
        };
        body.append(written);
        Some(body)
    }

    fn written(&self) -> &[u8] {
        &self.memory.bytes()[..self.length]
    }

    fn room(&self) -> usize {
        self.memory.bytes().len() - self.length
    }

    /// There is room for `bytes`.
    fn append(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if let Some(all) = self.memory.get_mut() {
            all[self.length..end].copy_from_slice(bytes);
            self.length = end;
        }
    }
}

impl Spill {
    /// Continues `frame`.
    pub(crate) fn new(frame: Vec<u8>) -> Self {
        Self {
            header: frame.len(),
            limit: frame.len() + LEAST_OF_A_SEGMENT,
            frame,
            body: None,
        }
    }

    /// What was written, if it is short.
    pub(crate) fn short(&self) -> Option<&[u8]> {
        self.body.is_none().then(|| &self.frame[self.header..])
    }

    pub(crate) fn into_message(mut self, beside: Beside) -> Message {
        if self.body.is_some() {
            self.spill(&[]);
        }
        let rest = self.body.map(|mut body| {
            body.memory.truncate(body.length);
            body.memory
        });
        Message::new(self.frame, rest, beside)
    }

    /// Moves what was gathered, and what comes after it, into a segment. If there is none, the frame becomes as long as it has
    /// to.
    #[cold]
    fn spill(&mut self, bytes: &[u8]) {
        let more = self.frame.len() - self.header + bytes.len();
        let mut body = self.body.take();
        if body.as_ref().is_none_or(|body| body.room() < more) {
            let written = body.as_ref().map_or(&[][..], Body::written);
            let larger = Body::new(written, more);
            if larger.is_none() {
                self.frame
                    .splice(self.header..self.header, written.iter().copied());
                self.frame.extend_from_slice(bytes);
                self.limit = usize::MAX;
                return;
            }
            body = larger;
        }
        if let Some(body) = &mut body {
            body.append(&self.frame[self.header..]);
            body.append(bytes);
        }
        self.frame.truncate(self.header);
        self.limit = self.header + GATHERED;
        self.body = body;
    }
}

impl Flavor for Spill {
    type Output = Self;

    #[inline]
    fn try_push(&mut self, byte: u8) -> Result<()> {
        if self.frame.len() < self.limit {
            self.frame.push(byte);
        } else {
            self.spill(&[byte]);
        }
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() <= self.limit - self.frame.len() {
            self.frame.extend_from_slice(bytes);
        } else {
            self.spill(bytes);
        }
        Ok(())
    }

    fn finalize(self) -> Result<Self> {
        Ok(self)
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{GATHERED, Spill};
    use crate::memory::LEAST_OF_A_SEGMENT;
    use postcard::ser_flavors::Flavor;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Writes pieces of these lengths, the short ones byte by byte, and returns all that was written, and how much of it is in a
    /// segment.
    fn write(lengths: &[usize]) -> (Vec<u8>, usize) {
        let header = vec![7; 10];
        let mut spill = Spill::new(header.clone());
        let mut expected = Vec::new();
        for length in lengths {
            let piece: Vec<_> = (expected.len()..expected.len() + length)
                .map(|index| (index % 251) as u8)
                .collect();
            if *length < 100 {
                piece
                    .iter()
                    .for_each(|byte| spill.try_push(*byte).expect("there is memory"));
            } else {
                spill.try_extend(&piece).expect("there is memory");
            }
            expected.extend(piece);
        }
        let message = spill.into_message(Vec::new());
        let rest = message.beside().first().map_or(&[][..], |rest| rest.bytes());
        let frame = crate::message::Opened::of(message.bytes())
            .expect("it is a message")
            .frame;
        assert!(frame[..10] == header, "the header is what it was");
        let written = [&frame[10..], rest].concat();
        assert!(written == expected, "all is there, in order");
        (written, rest.len())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_written_is_there(lengths in vec(prop_oneof![0..100_usize, 100..GATHERED + 2, Just(300_000)], 0..60)) {
            let (written, rest) = write(&lengths);
            prop_assert!(rest == 0 || rest == written.len(), "all in one place");
            prop_assert_eq!(rest > 0, cfg!(target_os = "linux") && written.len() > LEAST_OF_A_SEGMENT);
        }
    }

    #[test]
    fn what_is_written_at_the_limit_is_there() {
        for (lengths, is_long) in [
            (&[][..], false),
            (&[LEAST_OF_A_SEGMENT], false),
            (&[LEAST_OF_A_SEGMENT, 1], true),
            (&[LEAST_OF_A_SEGMENT + 1], true),
            (&[LEAST_OF_A_SEGMENT, GATHERED, GATHERED, 1, 99, 3_000_000], true),
        ] {
            assert_eq!(write(lengths).1 > 0, is_long, "{lengths:?}");
        }
    }
}
