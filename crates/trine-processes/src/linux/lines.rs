//! What a worker writes to its standard error: forwarded by whole lines, and the last ones kept.

use std::collections::VecDeque;

/// How many lines are kept.
const KEPT: usize = 20;

/// A line longer than this is forwarded in pieces.
const LONGEST: usize = 4096;

/// Bytes on their way from a worker to this program's standard error.
#[derive(Default)]
pub(super) struct Lines {
    /// A line that has not ended.
    started: Vec<u8>,
    kept: VecDeque<String>,
}

impl Lines {
    /// Takes what has come, and returns what is to be forwarded.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut whole = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.started.extend(piece);
            if self.started.ends_with(b"\n") || self.started.len() >= LONGEST {
                self.end_line(&mut whole);
            }
        }
        whole
    }

    /// Nothing more comes. Returns what is still to be forwarded.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let mut whole = Vec::new();
        if !self.started.is_empty() {
            self.started.push(b'\n');
            self.end_line(&mut whole);
        }
        whole
    }

    /// The last lines.
    pub(super) fn last(&self) -> String {
        self.kept
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn end_line(&mut self, whole: &mut Vec<u8>) {
        let line = std::mem::take(&mut self.started);
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept
            .push_back(String::from_utf8_lossy(line.trim_ascii_end()).into_owned());
        whole.extend(line);
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{KEPT, LONGEST, Lines};
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_forwarded_when_it_has_ended() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(b"one\ntw"), b"one\n");
        assert_eq!(lines.push(b"o"), b"");
        assert_eq!(lines.push(b"\n\nthree"), b"two\n\n");
        assert_eq!(lines.finish(), b"three\n");
        assert_eq!(lines.finish(), b"");
        assert_eq!(lines.last(), "one\ntwo\n\nthree");
    }

    #[test]
    fn the_last_lines_are_kept() {
        let mut lines = Lines::default();
        for number in 0..100 {
            lines.push(format!("{number}\n").as_bytes());
        }
        let expected: Vec<String> = (100 - KEPT..100).map(|number| number.to_string()).collect();
        assert_eq!(lines.last(), expected.join("\n"));
    }

    #[test]
    fn a_line_without_end_is_forwarded_in_pieces() {
        let mut lines = Lines::default();
        let piece = vec![b'x'; LONGEST - 1];
        assert_eq!(lines.push(&piece), b"");
        assert_eq!(lines.push(b"yz").len(), LONGEST + 1);
    }

    proptest! {
        /// Nothing is lost, added or reordered, but for the end of the last line.
        #[test]
        fn what_comes_in_goes_out(pieces in vec(vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..40), 0..40)) {
            let mut lines = Lines::default();
            let mut forwarded = Vec::new();
            for piece in &pieces {
                forwarded.extend(lines.push(piece));
            }
            forwarded.extend(lines.finish());
            let mut expected = pieces.concat();
            if expected.last().is_some_and(|last| *last != b'\n') {
                expected.push(b'\n');
            }
            prop_assert_eq!(forwarded, expected);
        }
    }
}
