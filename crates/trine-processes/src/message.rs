//! A frame with what travels beside it.
//!
//! Most frames travel alone, and are the message. Else the message is a mark with flags, the number of segments, the id and
//! the length of each, and the frame. The first segment may be the frame's rest: what was too long to be copied.
//! Integers are little-endian. Opening is total: any bytes are a message or `None`.

use crate::beside::{Beside, MOST};
use crate::frame::Frame;
use crate::memory::{LEAST_OF_A_SEGMENT, Memory};
use std::sync::Arc;

/// No frame begins with a byte that has this bit.
const MARK: u8 = 0x80;
/// The first segment is the frame's rest.
const HAS_REST: u8 = 1;
/// In a reply: the worker has kept what it was given, beyond its task.
const IS_HELD: u8 = 2;

/// A message on its way to another process.
#[derive(Clone)]
pub(crate) struct Message {
    bytes: Bytes,
    beside: Beside,
}

/// The bytes of a message, which is copied for who sends it without the lock. Long ones, for which there was no segment, are not.
#[derive(Clone)]
enum Bytes {
    Short(Frame),
    Long(Arc<Frame>),
}

impl From<Frame> for Bytes {
    fn from(frame: Frame) -> Self {
        if frame.len() < LEAST_OF_A_SEGMENT {
            Self::Short(frame)
        } else {
            Self::Long(Arc::new(frame))
        }
    }
}

/// The id and the length of a segment, in the words of its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    pub(crate) length: usize,
}

/// What is in a message.
#[derive(Debug, PartialEq)]
pub(crate) struct Opened<'a> {
    pub(crate) has_rest: bool,
    pub(crate) is_held: bool,
    pub(crate) beside: Vec<Entry>,
    pub(crate) frame: &'a [u8],
}

impl Message {
    pub(crate) fn new(mut frame: Frame, beside: Beside) -> Self {
        seal(&mut frame, &beside);
        let bytes = frame.into();
        Self { bytes, beside }
    }

    pub(crate) fn plain(frame: Frame) -> Self {
        Self {
            bytes: frame.into(),
            beside: Beside::NOTHING,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Short(frame) => frame,
            Bytes::Long(frame) => frame,
        }
    }

    pub(crate) fn beside(&self) -> &Beside {
        &self.beside
    }

    /// A worker goes on reading what is beside it. So nobody writes to that any more.
    pub(crate) fn set_held_in_the_worker(&self) {
        for segment in self.beside.iter().filter_map(|memory| memory.segment()) {
            segment.set_held();
        }
    }

    /// How many bytes it keeps from other uses.
    pub(crate) fn weight(&self) -> usize {
        let beside: usize = self.beside.iter().map(|memory| memory.bytes().len()).sum();
        self.bytes().len() + beside
    }
}

/// Makes a frame the message with what is beside it.
pub(crate) fn seal(frame: &mut Frame, beside: &Beside) {
    if beside.is_nothing() {
        return;
    }
    let flags = if beside.rest().is_some() { HAS_REST } else { 0 };
    let entries = beside
        .iter()
        .filter_map(|memory| Some((memory.segment()?.id(), memory.bytes().len())));
    frame.insert_from_slice(0, &opening(flags, entries));
}

/// Notes in a reply that what its request had beside it is still in use.
pub(crate) fn set_held(message: &mut Frame) {
    match message.first_mut() {
        Some(flags) if *flags & MARK != 0 => *flags |= IS_HELD,
        _ => message.insert_from_slice(0, &opening(IS_HELD, std::iter::empty())),
    }
}

fn opening(flags: u8, entries: impl Iterator<Item = (u64, usize)>) -> Frame {
    let mut bytes = Frame::from_slice(&[MARK | flags, 0]);
    for (id, length) in entries {
        bytes[1] += 1;
        bytes.extend_from_slice(&id.to_le_bytes());
        bytes.extend_from_slice(&(length as u64).to_le_bytes());
    }
    bytes
}

/// Whether a message is a frame alone.
pub(crate) fn is_plain(message: &[u8]) -> bool {
    message.first().is_none_or(|first| first & MARK == 0)
}

impl<'a> Opened<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Option<Self> {
        if is_plain(message) {
            return Some(Self {
                has_rest: false,
                is_held: false,
                beside: Vec::new(),
                frame: message,
            });
        }
        let (&[flags, count], mut frame) = message.split_first_chunk()?;
        let has_rest = flags & HAS_REST != 0;
        let most = MOST + usize::from(has_rest);
        let is_known = flags & !(MARK | HAS_REST | IS_HELD) == 0;
        if !is_known || usize::from(count) < usize::from(has_rest) || usize::from(count) > most {
            return None;
        }
        let mut beside = Vec::with_capacity(count.into());
        for _ in 0..count {
            let (&id, rest) = frame.split_first_chunk()?;
            let (&length, rest) = rest.split_first_chunk()?;
            frame = rest;
            beside.push(Entry {
                id: u64::from_le_bytes(id),
                length: usize::try_from(u64::from_le_bytes(length)).ok()?,
            });
        }
        // One in another would be a second way to write it.
        is_plain(frame).then_some(Self {
            has_rest,
            is_held: flags & IS_HELD != 0,
            beside,
            frame,
        })
    }
}

impl Opened<'_> {
    /// Takes what is beside the frame, each by `take`.
    pub(crate) fn take<E>(&self, take: impl FnMut(Entry) -> Result<Memory, E>) -> Result<Beside, E> {
        if self.beside.is_empty() {
            return Ok(Beside::NOTHING);
        }
        let memory = self.beside.iter().copied().map(take);
        let taken: Result<Vec<_>, E> = memory.map(|taken| taken.map(Arc::new)).collect();
        let mut slices = taken?;
        let rest = self.has_rest.then(|| slices.remove(0));
        Ok(Beside::new(rest, slices))
    }
}

/// A frame that has come, with all that was beside it.
pub(crate) struct Received {
    pub(crate) frame: Frame,
    pub(crate) beside: Beside,
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{Entry, HAS_REST, IS_HELD, MARK, Message, Opened, opening, set_held};
    use crate::beside::MOST;
    use crate::frame::{Frame, call, stop, value};
    use crate::memory::{LEAST_OF_A_SEGMENT, Memory};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use trine_future::TaskSpan;

    fn entries(most: usize) -> impl Strategy<Value = Vec<Entry>> {
        let entry = (any::<u64>(), any::<usize>()).prop_map(|(id, length)| Entry { id, length });
        vec(entry, 0..=most)
    }

    fn written(flags: u8, entries: &[Entry], frame: &[u8]) -> Vec<u8> {
        let entries = entries.iter().map(|entry| (entry.id, entry.length));
        [&opening(flags, entries)[..], frame].concat()
    }

    /// All that can be opened is what would be written.
    fn check(message: &[u8]) -> Result<(), TestCaseError> {
        if let Some(opened) = Opened::of(message) {
            let flags = if opened.has_rest { HAS_REST } else { 0 } | if opened.is_held { IS_HELD } else { 0 };
            let is_plain = message.first().is_none_or(|first| first & MARK == 0);
            let again = if is_plain {
                opened.frame.to_vec()
            } else {
                written(flags, &opened.beside, opened.frame)
            };
            prop_assert_eq!(again, message);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn what_is_beside_a_frame_comes_back(
            has_rest: bool,
            is_held: bool,
            beside in entries(MOST),
            argument in vec(any::<u8>(), 0..40),
        ) {
            let has_rest = has_rest && !beside.is_empty();
            let flags = if has_rest { HAS_REST } else { 0 } | if is_held { IS_HELD } else { 0 };
            let frame = [&call(1, 2, 3, TaskSpan::none().context())[..], &argument].concat();
            let message = written(flags, &beside, &frame);
            let opened = Opened { has_rest, is_held, beside, frame: &frame };
            prop_assert_eq!(Opened::of(&message), Some(opened));
        }

        #[test]
        fn any_bytes_are_opened_or_refused(bytes in vec(any::<u8>(), 0..80)) {
            check(&bytes)?;
            check(&[vec![MARK], bytes].concat())?;
        }

        #[test]
        fn a_changed_message_is_opened_or_refused(
            flags in 0..4_u8,
            beside in entries(4),
            changes in vec(any::<(prop::sample::Index, u8)>(), 1..=3),
            end: prop::sample::Index,
        ) {
            let mut message = written(flags, &beside, &value(7));
            for (index, byte) in changes {
                let at = index.index(message.len());
                message[at] = byte;
            }
            check(&message)?;
            check(&message[..end.index(message.len())])?;
        }
    }

    #[test]
    fn a_long_message_is_not_copied_with_its_bytes() {
        let message = Message::plain(Frame::from_vec(vec![1; LEAST_OF_A_SEGMENT]));
        assert_eq!(message.clone().bytes().as_ptr(), message.bytes().as_ptr());
    }

    #[test]
    fn frames_alone_are_messages() {
        for frame in [
            Frame::new(),
            stop(),
            call(u64::MAX, 2, 3, TaskSpan::none().context()),
            value(u64::MAX),
        ] {
            let opened = Opened::of(&frame).expect("it is plain");
            assert!(
                *opened.frame == *frame && opened.beside.is_empty() && !opened.has_rest && !opened.is_held
            );
            assert_eq!(Message::plain(frame.clone()).bytes(), &frame[..]);
        }
    }

    #[test]
    fn a_message_in_a_message_and_too_many_segments_are_refused() {
        let inner = written(0, &[], &stop());
        assert_eq!(Opened::of(&written(0, &[], &inner)), None);
        let entry = Entry { id: 1, length: 2 };
        assert_eq!(Opened::of(&written(0, &[entry; MOST + 1], &stop())), None);
        assert!(Opened::of(&written(HAS_REST, &[entry; MOST + 1], &stop())).is_some());
        assert_eq!(
            Opened::of(&written(HAS_REST, &[], &stop())),
            None,
            "there is no rest"
        );
    }

    #[test]
    fn that_something_is_held_can_be_noted_on_any_reply() {
        let has_rest = Entry { id: 1, length: 2 };
        for mut reply in [value(7), written(HAS_REST, &[has_rest], &value(7)).into()] {
            let before = reply.clone();
            set_held(&mut reply);
            let (opened, before) = (Opened::of(&reply), Opened::of(&before).expect("it is a message"));
            let is_held = true;
            assert_eq!(opened, Some(Opened { is_held, ..before }));
        }
    }

    #[test]
    fn the_rest_is_the_first_and_what_can_not_be_taken_is_an_error() {
        let lengths = [10, 20, 30];
        let entries = lengths.map(|length| Entry { id: 0, length });
        let message = written(HAS_REST, &entries, &value(7));
        let opened = Opened::of(&message).expect("it is a message");
        let take = |entry: Entry| Ok::<_, ()>(Memory::copy_of(&vec![1; entry.length]));
        let taken = opened.take(take).expect("all can be taken");
        assert_eq!(taken.rest().map(|rest| rest.bytes().len()), Some(10));
        let all: Vec<_> = taken.iter().map(|memory| memory.bytes().len()).collect();
        assert_eq!(all, lengths);
        let take = |entry: Entry| if entry.length < 30 { take(entry) } else { Err(()) };
        assert!(opened.take(take).is_err());
    }
}
