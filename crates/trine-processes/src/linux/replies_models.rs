//! Models of the attendant and a leader at the replies of one worker.

use super::super::ring::{Cursors, Reader, Ring, Writer};
use super::Replies;
use std::sync::Arc;
use trine_lock::Lock;
use trine_platform::atomic::Ordering::{Acquire, Relaxed, Release};
use trine_platform::atomic::{AtomicU32, AtomicUsize};
use trine_platform::model::check;
use trine_platform::thread::spawn;

struct Memory {
    cursors: Cursors,
    words: [AtomicUsize; 2],
    reader: Lock<Reader>,
    /// What a leader has found, or what somebody else has for the attendant.
    is_more: AtomicU32,
}

impl Memory {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            cursors: Cursors::new(),
            words: std::array::from_fn(|_| AtomicUsize::new(0)),
            reader: Lock::default(),
            is_more: AtomicU32::new(0),
        })
    }

    fn ring(&self) -> Ring<'_> {
        Ring {
            cursors: &self.cursors,
            words: &self.words,
        }
    }

    fn replies(&self) -> Replies<'_> {
        Replies {
            ring: self.ring(),
            reader: &self.reader,
        }
    }

    /// As the worker does.
    fn reply(&self) {
        Writer::default()
            .write_and_look(self.ring(), &[7], || false)
            .expect("there is room");
    }

    /// As whoever has something for the attendant does.
    fn call_attendant(&self) {
        self.is_more.store(1, Release);
        self.replies().wake();
    }

    /// As the attendant does, until there is a reply, or somebody calls.
    fn attend(&self) -> u32 {
        let is_more = || self.is_more.load(Acquire) == 1;
        loop {
            let replies = self.replies().receive_all(|| false);
            if replies != Ok(Vec::new()) {
                assert_eq!(replies, Ok(vec![vec![7]]));
                return 1;
            }
            if is_more() {
                return 0;
            }
            self.replies().sleep_unless(is_more);
        }
    }
}

/// The reply comes while a leader looks, or before, or after: it does not stay in the ring while the attendant sleeps.
#[test]
fn a_reply_is_taken_by_a_leader_or_by_the_attendant() {
    check(
        "processes::a_reply_is_taken_by_a_leader_or_by_the_attendant",
        || {
            let memory = Memory::new();
            let shared = Arc::clone(&memory);
            let worker = spawn(move || shared.reply());
            let shared = Arc::clone(&memory);
            let leader = spawn(move || {
                let found = shared.replies().receive_as_leader(|reply| reply).is_some();
                if found {
                    shared.call_attendant();
                }
                u32::from(found)
            });
            let attended = memory.attend();
            worker.join().expect("the worker does not panic");
            let led = leader.join().expect("the leader does not panic");
            assert_eq!(attended + led, 1);
        },
    );
}

/// Somebody has something for the attendant while a leader has silenced its alarm.
#[test]
fn the_attendant_hears_a_call_while_a_leader_looks() {
    check(
        "processes::the_attendant_hears_a_call_while_a_leader_looks",
        || {
            let memory = Memory::new();
            let shared = Arc::clone(&memory);
            let caller = spawn(move || shared.call_attendant());
            let shared = Arc::clone(&memory);
            let leader = spawn(move || shared.replies().receive_as_leader(|reply| reply));
            assert_eq!(memory.attend(), 0);
            caller.join().expect("the caller does not panic");
            assert_eq!(leader.join().expect("the leader does not panic"), None);
        },
    );
}

/// The attendant buries a dead worker once it finds no reply: what a leader has taken must have been told by then, or its task would
/// be charged with the death.
#[test]
fn who_finds_no_reply_knows_that_all_have_been_told() {
    check(
        "processes::who_finds_no_reply_knows_that_all_have_been_told",
        || {
            let memory = Memory::new();
            memory.reply();
            let told = Arc::new(AtomicU32::new(0));
            let (shared, telling) = (Arc::clone(&memory), Arc::clone(&told));
            let leader = spawn(move || shared.replies().receive_as_leader(|_| telling.store(1, Relaxed)));
            let taken = memory.replies().receive_all(|| false);
            if taken == Ok(Vec::new()) {
                assert_eq!(told.load(Relaxed), 1);
            }
            leader.join().expect("the leader does not panic");
        },
    );
}
