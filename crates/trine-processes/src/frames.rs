//! Frames or arguments one behind another, in one piece of memory.

use std::ops::Range;

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
        &self.bytes[self.begin(index)..self.ends[index]]
    }

    /// The frames at these indexes, one behind another. There have to be such frames.
    pub(crate) fn range(&self, indexes: Range<usize>) -> &[u8] {
        &self.bytes[self.begin(indexes.start)..self.begin(indexes.end)]
    }

    /// Where the frame at this index begins, or would begin.
    fn begin(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Adds what `write` adds to the bytes, which is the next frame.
    pub(crate) fn push_by(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
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
    fn frames_come_back() {
        let mut frames = Frames::of(b"one".to_vec());
        frames.push_by(|_| {});
        frames.push_by(|bytes| bytes.extend(b"three"));
        assert_eq!(frames.iter().collect::<Vec<_>>(), [&b"one"[..], b"", b"three"]);
        assert_eq!((frames.len(), frames.weight()), (3, 8));
        assert_eq!(
            (frames.range(0..3), frames.range(1..2)),
            (&b"onethree"[..], &b""[..])
        );
        assert_eq!(frames.range(2..3), b"three");
        assert_eq!(frames.pop().as_deref(), Some(&b"three"[..]));
        assert_eq!(frames.pop().as_deref(), Some(&b""[..]));
        assert_eq!((frames.len(), frames.get(0)), (1, &b"one"[..]));
    }
}
