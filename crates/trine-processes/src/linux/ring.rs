//! A queue of messages in memory that two processes share. One side writes, the other reads.
//!
//! A message is its length and its bytes, padded to whole words. It may be longer than the ring: then it goes through piece
//! by piece, while the other side reads.
//!
//! Neither side believes the other. Each keeps its own position to itself and only publishes it; what it reads of the other
//! side's is checked against its own; and bytes are copied out, by atomic loads, before anybody looks at them. So the worst
//! that the other side can do is to send nonsense, or nothing.

use super::alarm::Alarm;
use crate::frames::Frames;
use std::error::Error;
use std::fmt;
use trine_platform::atomic::Ordering::{Acquire, Relaxed, Release};
use trine_platform::atomic::{AtomicU32, AtomicUsize};
use trine_platform::{spin_briefly, yield_and_spin_until};

/// The bytes of a word.
const WORD: usize = size_of::<usize>();

/// The positions of both sides, in words since the beginning, and their places to sleep. All zeros are an empty ring.
#[repr(C)]
pub(super) struct Cursors {
    writer: Cursor,
    reader: Cursor,
}

/// What one side writes, on a cache line of its own.
#[repr(C, align(128))]
struct Cursor {
    position: AtomicU32,
    alarm: Alarm,
}

/// The memory of a ring.
#[derive(Clone, Copy)]
pub(super) struct Ring<'a> {
    pub(super) cursors: &'a Cursors,
    /// As many as a power of two.
    pub(super) words: &'a [AtomicUsize],
}

/// Why a message has not come through.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The other side is gone.
    Over,
    /// The other side has written what can't be.
    Corrupt,
    /// There is no memory for a message of so many bytes.
    TooLong(usize),
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Over => formatter.write_str("the other side is gone"),
            Self::Corrupt => formatter.write_str("the shared memory has been written to by somebody else"),
            Self::TooLong(length) => write!(formatter, "there is no memory for a message of {length} bytes"),
        }
    }
}

impl Error for Broken {}

/// The side that writes.
#[derive(Default)]
pub(super) struct Writer {
    position: u32,
}

/// The side that reads. A copy of it knows how far that was.
#[derive(Clone, Copy, Default)]
pub(super) struct Reader {
    position: u32,
}

impl Cursors {
    #[cfg(test)]
    pub(super) fn new() -> Self {
        let cursor = || Cursor {
            position: AtomicU32::new(0),
            alarm: Alarm::new(),
        };
        Self {
            writer: cursor(),
            reader: cursor(),
        }
    }

    /// Has the reader see what was written.
    pub(super) fn wake_reader(&self) {
        self.reader.alarm.ring();
    }

    /// The place where the reader sleeps.
    pub(super) fn reader_alarm(&self) -> &Alarm {
        &self.reader.alarm
    }

    /// Has whoever sleeps here look whether it is over.
    pub(super) fn wake_all(&self) {
        self.writer.alarm.ring_in_any_case();
        self.reader.alarm.ring_in_any_case();
    }
}

impl Ring<'_> {
    fn capacity(&self) -> u32 {
        u32::try_from(self.words.len()).unwrap_or(u32::MAX)
    }

    fn word(&self, position: u32) -> &AtomicUsize {
        &self.words[position as usize & (self.words.len() - 1)]
    }

    /// How many words go at once, if there are so many and so many are wanted: never all, so that both sides work at the
    /// same time.
    fn piece(&self, there: u32, wanted: usize) -> u32 {
        let most = there.min(self.capacity() / 2).max(1);
        u32::try_from(wanted).map_or(most, |wanted| most.min(wanted))
    }

    /// How many words lie between what has been read and what has been written.
    fn filled(&self, written: u32, read: u32) -> Result<u32, Broken> {
        let filled = written.wrapping_sub(read);
        if filled <= self.capacity() {
            Ok(filled)
        } else {
            Err(Broken::Corrupt)
        }
    }
}

impl Writer {
    /// Writes a message, if there is room for all of it now. The reader is told by [`Cursors::wake_reader`].
    pub(super) fn try_write(&mut self, ring: Ring<'_>, message: &[u8]) -> Result<bool, Broken> {
        let words = 1 + message.len().div_ceil(WORD);
        if words > self.room(ring)? as usize {
            return Ok(false);
        }
        self.put_word(ring, message.len());
        self.put(ring, message);
        self.publish(ring);
        Ok(true)
    }

    /// Writes a message. Blocks while there is no room, unless `is_over`.
    pub(super) fn write(
        &mut self,
        ring: Ring<'_>,
        message: &[u8],
        is_over: impl Fn() -> bool,
    ) -> Result<(), Broken> {
        let (mut length, mut rest) = (Some(message.len()), message);
        while length.is_some() || !rest.is_empty() {
            let room = self.wait_for_room(ring, &is_over)?;
            let wanted = usize::from(length.is_some()) + rest.len().div_ceil(WORD);
            let mut piece = ring.piece(room, wanted) as usize;
            if let Some(length) = length.take() {
                self.put_word(ring, length);
                piece -= 1;
            }
            let (bytes, later) = rest.split_at(rest.len().min(piece * WORD));
            self.put(ring, bytes);
            rest = later;
            self.publish(ring);
            ring.cursors.wake_reader();
        }
        Ok(())
    }

    /// Has the reader see what was written, but looks for a moment before it wakes one that sleeps: another one may be about to
    /// read it, and to wake somebody for nothing costs more. Not if the writer `is_wanted` elsewhere.
    pub(super) fn look_and_wake_reader(&self, ring: Ring<'_>, is_wanted: impl Fn() -> bool) {
        if ring.cursors.reader.alarm.is_asleep() {
            spin_briefly(|| self.is_read(ring) || is_wanted());
        }
        if !self.is_read(ring) {
            ring.cursors.wake_reader();
        }
    }

    /// Whether nothing is left to be read.
    fn is_read(&self, ring: Ring<'_>) -> bool {
        // ORDERING: Relaxed: nothing is done that relies on what the reader has done.
        ring.cursors.reader.position.load(Relaxed) == self.position
    }

    /// Writes bytes as the next words, which are published later.
    fn put(&mut self, ring: Ring<'_>, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.put_word(ring, usize::from_ne_bytes(*word));
        }
        if !rest.is_empty() {
            let mut word = [0; WORD];
            word[..rest.len()].copy_from_slice(rest);
            self.put_word(ring, usize::from_ne_bytes(word));
        }
    }

    fn put_word(&mut self, ring: Ring<'_>, word: usize) {
        // ORDERING: Relaxed: the position publishes it.
        ring.word(self.position).store(word, Relaxed);
        self.position = self.position.wrapping_add(1);
    }

    /// Lets the reader see what was written.
    fn publish(&self, ring: Ring<'_>) {
        // ORDERING: Release pairs with the Acquire of `Reader::words`.
        ring.cursors.writer.position.store(self.position, Release);
    }

    /// The number of words that there is room for.
    fn room(&self, ring: Ring<'_>) -> Result<u32, Broken> {
        // ORDERING: Acquire pairs with the Release of `Reader::give_free`: the words that have been read are not
        // overwritten before that.
        let read = ring.cursors.reader.position.load(Acquire);
        Ok(ring.capacity() - ring.filled(self.position, read)?)
    }

    /// The number of words that there is room for, at least one.
    fn wait_for_room(&self, ring: Ring<'_>, is_over: impl Fn() -> bool) -> Result<u32, Broken> {
        wait_until_some(|| self.room(ring), &ring.cursors.writer.alarm, is_over)
    }
}

impl Reader {
    /// Whether anything can be read: a message, or a part of one. Or nonsense.
    pub(super) fn has_some(&self, ring: Ring<'_>) -> bool {
        self.words(ring) != Ok(0)
    }

    /// Whether a whole message can be read.
    pub(super) fn has_message(&self, ring: Ring<'_>) -> bool {
        self.words(ring)
            .is_ok_and(|there| there > 0 && self.peek_word(ring).div_ceil(WORD) < there as usize)
    }

    /// Reads a message. Blocks until it is there, unless `is_over`: but what was written before that comes through.
    pub(super) fn read(&mut self, ring: Ring<'_>, is_over: impl Fn() -> bool) -> Result<Vec<u8>, Broken> {
        let mut message = Vec::new();
        self.read_into(&mut message, ring, is_over)?;
        Ok(message)
    }

    /// [`read`](Self::read), in the place of what was in `message`, whose memory is used again. Not that of one longer than
    /// the ring: it would be kept although few messages are.
    pub(super) fn read_into(
        &mut self,
        message: &mut Vec<u8>,
        ring: Ring<'_>,
        is_over: impl Fn() -> bool,
    ) -> Result<(), Broken> {
        message.clear();
        message.shrink_to(ring.words.len() * WORD);
        self.take(ring, is_over, message)?;
        self.give_free(ring);
        Ok(())
    }

    /// Reads a message as [`read`](Self::read) does, and all others that are there then. A writer that goes on meanwhile does not
    /// keep the reader, and its position is looked at once: to look takes the cache line away from the writer.
    pub(super) fn read_all(&mut self, ring: Ring<'_>, is_over: impl Fn() -> bool) -> Result<Frames, Broken> {
        let mut first = Vec::new();
        self.take(ring, is_over, &mut first)?;
        let mut messages = Frames::of(first);
        let mut there = self.words(ring).unwrap_or(0) as usize;
        messages.reserve(there * WORD);
        while there > 0 {
            let length = self.peek_word(ring);
            let words = 1_usize.saturating_add(length.div_ceil(WORD));
            if words > there {
                break;
            }
            there -= words;
            self.position = self.position.wrapping_add(1);
            messages.push_by(|bytes| {
                let begin = bytes.len();
                bytes.resize(begin + length, 0);
                self.get(ring, &mut bytes[begin..]);
            });
        }
        self.give_free(ring);
        Ok(messages)
    }

    /// Reads a message, and adds it to `bytes`. Its last piece is not given free yet.
    fn take(
        &mut self,
        ring: Ring<'_>,
        is_over: impl Fn() -> bool,
        bytes: &mut Vec<u8>,
    ) -> Result<(), Broken> {
        self.wait_for_words(ring, &is_over)?;
        let length = self.peek_word(ring);
        bytes.try_reserve(length).map_err(|_| Broken::TooLong(length))?;
        let end = bytes.len() + length;
        // The length is given free together with what comes after it.
        self.position = self.position.wrapping_add(1);
        while bytes.len() < end {
            let there = self.wait_for_words(ring, &is_over)?;
            let wanted = (end - bytes.len()).div_ceil(WORD);
            let piece = ring.piece(there, wanted);
            let begin = bytes.len();
            bytes.resize(end.min(begin + piece as usize * WORD), 0);
            self.get(ring, &mut bytes[begin..]);
            if bytes.len() < end {
                self.give_free(ring);
            }
        }
        Ok(())
    }

    /// Reads bytes from the next words.
    fn get(&mut self, ring: Ring<'_>, bytes: &mut [u8]) {
        let (words, rest) = bytes.as_chunks_mut();
        for word in words {
            *word = self.get_word(ring).to_ne_bytes();
        }
        if !rest.is_empty() {
            let word = self.get_word(ring).to_ne_bytes();
            rest.copy_from_slice(&word[..rest.len()]);
        }
    }

    fn get_word(&mut self, ring: Ring<'_>) -> usize {
        let word = self.peek_word(ring);
        self.position = self.position.wrapping_add(1);
        word
    }

    fn peek_word(&self, ring: Ring<'_>) -> usize {
        // ORDERING: Relaxed: the position has published it.
        ring.word(self.position).load(Relaxed)
    }

    /// Lets the other side write where this one has read.
    fn give_free(&self, ring: Ring<'_>) {
        // ORDERING: Release pairs with the Acquire of `Writer::room`.
        ring.cursors.reader.position.store(self.position, Release);
        ring.cursors.writer.alarm.ring();
    }

    /// The number of words that can be read.
    fn words(&self, ring: Ring<'_>) -> Result<u32, Broken> {
        // ORDERING: Acquire pairs with the Release of `Writer::publish`: the words are there.
        let written = ring.cursors.writer.position.load(Acquire);
        ring.filled(written, self.position)
    }

    /// The number of words that can be read, at least one.
    fn wait_for_words(&self, ring: Ring<'_>, is_over: impl Fn() -> bool) -> Result<u32, Broken> {
        wait_until_some(|| self.words(ring), &ring.cursors.reader.alarm, is_over)
    }
}

/// Sleeps on `alarm` until `count` is not zero, and returns it, or until it `is_over`.
fn wait_until_some(
    count: impl Fn() -> Result<u32, Broken>,
    alarm: &Alarm,
    is_over: impl Fn() -> bool,
) -> Result<u32, Broken> {
    let is_settled = || count() != Ok(0);
    loop {
        let now = count()?;
        if now > 0 {
            return Ok(now);
        }
        if yield_and_spin_until(is_settled) {
            continue;
        }
        // Before the last look: what was written before the end comes through.
        let over = is_over();
        if !over {
            alarm.sleep_unless(|| is_settled() || is_over());
        } else if !is_settled() {
            return Err(Broken::Over);
        }
    }
}

#[cfg(test)]
#[path = "ring_models.rs"]
mod models;

#[cfg(all(test, not(trine_loom)))]
#[path = "ring_tests.rs"]
mod tests;
