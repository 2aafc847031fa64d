//! A frame with what travels beside it.
//!
//! Most frames travel alone, and are the message. Else the message is a mark with flags, the number of segments, the id and
//! the length of each, and the frame. The first segment may be the frame's rest: what was too long to be copied.
//! Integers are little-endian. Opening is total: any bytes are a message or `None`.

use crate::beside::{Beside, MOST};
use crate::memory::Memory;
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
    bytes: Vec<u8>,
    beside: Beside,
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
    /// `rest` continues `frame`, if it is there.
    pub(crate) fn new(frame: Vec<u8>, rest: Option<Memory>, mut beside: Beside) -> Self {
        let flags = if rest.is_some() { HAS_REST } else { 0 };
        beside.splice(..0, rest.map(Arc::new));
        if beside.is_empty() {
            return Self::plain(frame);
        }
        let entries = beside
            .iter()
            .filter_map(|memory| Some((memory.segment()?.id(), memory.bytes().len())));
        let mut bytes = opening(flags, entries);
        bytes.extend(frame);
        Self { bytes, beside }
    }

    pub(crate) fn plain(frame: Vec<u8>) -> Self {
        Self {
            bytes: frame,
            beside: Beside::new(),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
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
        self.bytes.len() + beside
    }

    /// Notes that what the request had beside it is still in use.
    pub(crate) fn set_held(&mut self) {
        match self.bytes.first_mut() {
            Some(flags) if *flags & MARK != 0 => *flags |= IS_HELD,
            _ => {
                self.bytes.splice(..0, opening(IS_HELD, std::iter::empty()));
            }
        }
    }
}

fn opening(flags: u8, entries: impl Iterator<Item = (u64, usize)>) -> Vec<u8> {
    let mut bytes = vec![MARK | flags, 0];
    for (id, length) in entries {
        bytes[1] += 1;
        bytes.extend(id.to_le_bytes());
        bytes.extend((length as u64).to_le_bytes());
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

/// A message that has come, with all that was beside it in this process.
pub(crate) struct Received {
    pub(crate) frame: Vec<u8>,
    pub(crate) rest: Option<Arc<Memory>>,
    pub(crate) beside: Beside,
}

impl Received {
    pub(crate) fn plain(frame: Vec<u8>) -> Self {
        Self {
            frame,
            rest: None,
            beside: Beside::new(),
        }
    }

    /// Takes what is beside `opened` by `take`.
    pub(crate) fn new<E>(
        opened: &Opened<'_>,
        take: impl FnMut(Entry) -> Result<Memory, E>,
    ) -> Result<Self, E> {
        let taken: Result<Beside, E> = opened
            .beside
            .iter()
            .copied()
            .map(take)
            .map(|taken| taken.map(Arc::new))
            .collect();
        let mut beside = taken?;
        Ok(Self {
            frame: opened.frame.to_vec(),
            rest: opened.has_rest.then(|| beside.remove(0)),
            beside,
        })
    }
}
