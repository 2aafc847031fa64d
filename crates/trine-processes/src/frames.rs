//! Frames or arguments one behind another, in one piece of memory.

/// Several pieces of bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Frames {
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Frames {
    /// One frame.
    pub(crate) fn of(frame: Vec<u8>) -> Self {
        let ends = vec![frame.len()];
        Self { bytes: frame, ends }
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many bytes they are together.
    pub(crate) fn weight(&self) -> usize {
        self.bytes.len()
    }

    /// Makes room for so many bytes.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    /// The frame at this index. There has to be one.
    pub(crate) fn get(&self, index: usize) -> &[u8] {
        let begin = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[begin..self.ends[index]]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Adds a frame.
    pub(crate) fn push(&mut self, frame: &[u8]) {
        self.bytes.extend_from_slice(frame);
        self.ends.push(self.bytes.len());
    }

    /// Adds what `write` adds to the bytes, which is the next frame. If it fails there is no such frame.
    pub(crate) fn push_by<R, E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<R, E>) -> Result<R, E> {
        let begin = self.bytes.len();
        let written = write(&mut self.bytes);
        if written.is_ok() {
            self.ends.push(self.bytes.len());
        } else {
            self.bytes.truncate(begin);
        }
        written
    }

    /// Takes the last frame.
    pub(crate) fn pop(&mut self) -> Option<Vec<u8>> {
        self.ends.pop()?;
        Some(match self.ends.last() {
            Some(begin) => self.bytes.split_off(*begin),
            None => std::mem::take(&mut self.bytes),
        })
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::Frames;

    #[test]
    fn frames_come_back_and_one_that_can_not_be_written_leaves_nothing() {
        let mut frames = Frames::default();
        let mut push = |frame: &[u8], result: Result<(), &'static str>| {
            frames.push_by(|bytes| {
                bytes.extend(frame);
                result
            })
        };
        assert_eq!(push(b"one", Ok(())), Ok(()));
        assert_eq!(push(b"", Ok(())), Ok(()));
        assert_eq!(push(b"half of it", Err("no")), Err("no"));
        assert_eq!(push(b"three", Ok(())), Ok(()));
        assert_eq!(frames.iter().collect::<Vec<_>>(), [&b"one"[..], b"", b"three"]);
        assert_eq!((frames.len(), frames.weight()), (3, 8));
        assert_eq!(frames.pop().as_deref(), Some(&b"three"[..]));
        assert_eq!(frames.pop().as_deref(), Some(&b""[..]));
        assert_eq!((frames.len(), frames.get(0)), (1, &b"one"[..]));
    }
}
