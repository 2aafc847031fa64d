//! Models of the ring, the alarm and the slot.

use super::super::slot::{SLOTS, Slot};
use super::{Broken, Cursors, Reader, Ring, WORD, Writer};
use std::sync::Arc;
use trine_platform::atomic::Ordering::{Acquire, Release};
use trine_platform::atomic::{AtomicU32, AtomicUsize};
use trine_platform::model::check;
use trine_platform::thread::{JoinHandle, spawn};

/// A ring with room for two words, which lives inside of one process.
struct Memory {
    cursors: Cursors,
    words: [AtomicUsize; 2],
    is_over: AtomicU32,
    slot: Slot,
}

impl Memory {
    fn new() -> Arc<Self> {
        let slot = Slot::new();
        slot.offer(0);
        Arc::new(Self {
            cursors: Cursors::new(),
            words: std::array::from_fn(|_| AtomicUsize::new(0)),
            is_over: AtomicU32::new(0),
            slot,
        })
    }

    fn ring(&self) -> Ring<'_> {
        Ring {
            cursors: &self.cursors,
            words: &self.words,
        }
    }

    /// As the watcher tells the end of a process.
    fn end(&self) {
        self.is_over.store(1, Release);
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Acquire) == 1
    }
}

fn join<T>(thread: JoinHandle<T>) -> T {
    thread.join().expect("the other thread does not panic")
}

/// Both sides sleep: the reader for the message, the writer for room.
#[test]
fn messages_come_through() {
    check("processes::messages_come_through", || {
        let memory = Memory::new();
        let shared = Arc::clone(&memory);
        let other = spawn(move || {
            let mut writer = Writer::default();
            for message in [&[1; WORD + 1][..], &[2]] {
                writer
                    .write(shared.ring(), message, || false)
                    .expect("the reader is there");
            }
        });
        let mut reader = Reader::default();
        for message in [&[1; WORD + 1][..], &[2]] {
            let read = reader.read(memory.ring(), || false);
            assert_eq!(read.as_deref(), Ok(message));
        }
        join(other);
    });
}

/// The end comes while the reader is about to sleep. What was written before it comes through.
#[test]
fn the_end_wakes_the_reader() {
    check("processes::the_end_wakes_the_reader", || {
        let memory = Memory::new();
        let shared = Arc::clone(&memory);
        let other = spawn(move || {
            let mut writer = Writer::default();
            writer.write(shared.ring(), &[], || false).expect("there is room");
            shared.end();
            shared.cursors.wake_all();
        });
        let mut reader = Reader::default();
        let mut read = || reader.read(memory.ring(), || memory.is_over());
        assert_eq!(read(), Ok(Vec::new()));
        assert_eq!(read(), Err(Broken::Over));
        join(other);
    });
}

/// The end comes while the writer is about to sleep for room.
#[test]
fn the_end_wakes_the_writer() {
    check("processes::the_end_wakes_the_writer", || {
        let memory = Memory::new();
        let shared = Arc::clone(&memory);
        let other = spawn(move || {
            shared.end();
            shared.cursors.wake_all();
        });
        let mut writer = Writer::default();
        let written = writer.write(memory.ring(), &[0; 2 * WORD], || memory.is_over());
        assert_eq!(written, Err(Broken::Over));
        join(other);
    });
}

/// A hostile writer goes on without room. The reader ends.
#[test]
fn a_writer_that_does_not_wait_does_not_keep_the_reader() {
    check(
        "processes::a_writer_that_does_not_wait_does_not_keep_the_reader",
        || {
            let memory = Memory::new();
            let shared = Arc::clone(&memory);
            let other = spawn(move || {
                for position in 1..=4 {
                    shared.cursors.writer.position.store(position, Release);
                }
            });
            let read = Reader::default().read_all(memory.ring(), || true);
            // The first, and as many as there is room for; or nothing was there yet, or too much.
            assert!(read.map_or(true, |messages| messages.len() <= 1 + 2));
            join(other);
        },
    );
}

#[test]
fn a_task_is_claimed_or_revoked() {
    check("processes::a_task_is_claimed_or_revoked", || {
        let memory = Memory::new();
        let shared = Arc::clone(&memory);
        let worker = spawn(move || shared.slot.claim(0, 0));
        let begun = memory.slot.revoke(0);
        assert_eq!(begun, Some(u32::from(join(worker))));
    });
}

/// The worker claims the tasks of a call one by one, until the parent wants back what is left.
#[test]
fn the_rest_of_a_call_is_revoked() {
    check("processes::the_rest_of_a_call_is_revoked", || {
        let memory = Memory::new();
        let shared = Arc::clone(&memory);
        let worker = spawn(move || (0..3).take_while(|begun| shared.slot.claim(0, *begun)).count());
        let begun = memory.slot.revoke(0);
        let claimed = join(worker);
        assert_eq!(begun.map(|begun| begun as usize), Some(claimed));
        assert_eq!(memory.slot.revoke(0), None);
    });
}

/// A worker that comes late to a call that was revoked finds another one in its slot.
#[test]
fn a_call_is_not_claimed_in_the_place_of_another() {
    check("processes::a_call_is_not_claimed_in_the_place_of_another", || {
        let memory = Memory::new();
        let shared = Arc::clone(&memory);
        let worker = spawn(move || (shared.slot.claim(0, 0), shared.slot.claim(SLOTS, 0)));
        let revoked = memory.slot.revoke(0) == Some(0);
        if revoked {
            memory.slot.offer(SLOTS);
        }
        let (first, second) = join(worker);
        assert!(first != revoked && !(first && second));
    });
}

/// The slot of a call that was claimed and answered is the next one's.
#[test]
fn a_call_is_offered_in_the_place_of_one_that_was_answered() {
    check(
        "processes::a_call_is_offered_in_the_place_of_one_that_was_answered",
        || {
            let (requests, replies) = (Memory::new(), Memory::new());
            let (theirs, ours) = (Arc::clone(&requests), Arc::clone(&replies));
            let worker = spawn(move || {
                let first = ours.slot.claim(0, 0);
                let mut writer = Writer::default();
                writer.write(ours.ring(), &[], || false).expect("there is room");
                let mut reader = Reader::default();
                reader.read(theirs.ring(), || false).expect("the parent is there");
                (first, ours.slot.claim(SLOTS, 0))
            });
            let mut reader = Reader::default();
            reader
                .read(replies.ring(), || false)
                .expect("the worker is there");
            replies.slot.offer(SLOTS);
            // Whoever cancels the first one comes too late.
            assert_eq!(replies.slot.revoke(0), None);
            let mut writer = Writer::default();
            writer
                .write(requests.ring(), &[], || false)
                .expect("there is room");
            let revoked = replies.slot.revoke(SLOTS) == Some(0);
            assert_eq!(join(worker), (true, !revoked));
        },
    );
}

/// The death of a worker is told by another thread, and orders what the worker did before.
#[test]
fn a_task_of_a_dead_worker_is_known_to_have_started() {
    check(
        "processes::a_task_of_a_dead_worker_is_known_to_have_started",
        || {
            let memory = Memory::new();
            let shared = Arc::clone(&memory);
            let worker = spawn(move || {
                let claimed = shared.slot.claim(0, 0);
                // ORDERING: Release stands for the end of the process.
                shared.is_over.store(1, Release);
                claimed
            });
            // ORDERING: Acquire, as waiting for a process is.
            let over = memory.is_over.load(Acquire) == 1;
            let revoked = memory.slot.revoke(0) == Some(0);
            assert!(!(over && revoked), "it was claimed before the end");
            assert!(revoked != join(worker));
        },
    );
}
