//! What comes through a ring, and what a writer or reader does with nonsense from the other side.

use super::{Broken, Cursors, Reader, Ring, WORD, Writer};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

fn words(number: usize) -> Vec<AtomicUsize> {
    std::iter::repeat_with(AtomicUsize::default)
        .take(number)
        .collect()
}

fn read_now(reader: &mut Reader, ring: Ring<'_>) -> Result<Vec<u8>, Broken> {
    reader.read(ring, || true)
}

proptest! {
    #[test]
    fn messages_of_any_length_come_through_in_order(
        messages in vec(vec(any::<u8>(), 0..200), 0..20),
        capacity in (1_u32..7).prop_map(|power| 1 << power),
    ) {
        let (cursors, words) = (Cursors::new(), words(capacity));
        let ring = Ring { cursors: &cursors, words: &words };
        let received: Vec<_> = thread::scope(|scope| {
            scope.spawn(|| {
                let mut writer = Writer::default();
                for message in &messages {
                    writer.write(ring, message, || false).expect("the reader is there");
                }
            });
            let mut reader = Reader::default();
            messages.iter().map(|_| reader.read(ring, || false)).collect()
        });
        prop_assert_eq!(received, messages.into_iter().map(Ok).collect::<Vec<_>>());
    }

    /// Whatever the other side writes, a reader ends, with a message or without one.
    #[test]
    fn a_reader_of_nonsense_ends(
        contents in vec(any::<usize>(), 8),
        length in 0_usize..100,
        position in any::<u32>(),
    ) {
        let (cursors, words) = (Cursors::new(), words(8));
        for (word, content) in words.iter().zip(contents) {
            word.store(content, Relaxed);
        }
        words[0].store(length, Relaxed);
        cursors.writer.position.store(position, Relaxed);
        let ring = Ring { cursors: &cursors, words: &words };
        let read = read_now(&mut Reader::default(), ring);
        match position {
            0 => prop_assert_eq!(read, Err(Broken::Over)),
            1..=8 if length.div_ceil(WORD) < position as usize => prop_assert_eq!(read.map(|read| read.len()), Ok(length)),
            1..=8 => prop_assert_eq!(read, Err(Broken::Over)),
            _ => prop_assert_eq!(read, Err(Broken::Corrupt)),
        }
    }

    #[test]
    fn a_writer_finds_impossible_positions(position in 1..=u32::MAX - 8) {
        let (cursors, words) = (Cursors::new(), words(8));
        cursors.reader.position.store(position, Relaxed);
        let ring = Ring { cursors: &cursors, words: &words };
        let written = Writer::default().write(ring, &[1], || true);
        prop_assert_eq!(written, Err(Broken::Corrupt));
    }
}

#[test]
fn a_length_beyond_all_memory_is_an_error() {
    let (cursors, words) = (Cursors::new(), words(8));
    let ring = Ring {
        cursors: &cursors,
        words: &words,
    };
    for length in [usize::MAX, isize::MAX as usize, isize::MAX as usize + 1] {
        words[0].store(length, Relaxed);
        cursors.writer.position.store(1, Relaxed);
        assert_eq!(
            read_now(&mut Reader::default(), ring),
            Err(Broken::TooLong(length))
        );
    }
}

/// Positions count words without end, so they wrap around.
#[test]
fn positions_wrap_around() {
    let (cursors, words) = (Cursors::new(), words(8));
    let ring = Ring {
        cursors: &cursors,
        words: &words,
    };
    let begin = u32::MAX - 2;
    cursors.writer.position.store(begin, Relaxed);
    cursors.reader.position.store(begin, Relaxed);
    let (mut writer, mut reader) = (Writer { position: begin }, Reader { position: begin });
    for number in 0..5 {
        let message = [number; 2 * WORD];
        writer.write(ring, &message, || true).expect("there is room");
        assert_eq!(read_now(&mut reader, ring).as_deref(), Ok(&message[..]));
    }
}

#[test]
fn a_full_ring_of_somebody_gone_is_an_end() {
    let (cursors, words) = (Cursors::new(), words(8));
    let ring = Ring {
        cursors: &cursors,
        words: &words,
    };
    let mut writer = Writer::default();
    assert_eq!(writer.write(ring, &[0; 7 * WORD], || true), Ok(()));
    assert_eq!(writer.write(ring, &[], || true), Err(Broken::Over));
}
