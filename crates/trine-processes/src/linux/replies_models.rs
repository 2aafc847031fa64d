//! Models of the attendant and a leader at the replies of one worker.

use super::super::ring::{Cursors, Reader, Ring, Writer};
use super::Replies;
use crate::frames::Frames;
use std::sync::Arc;
use std::time::Duration;
use trine_lock::Lock;
use trine_platform::Deadline;
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
        let mut writer = Writer::default();
        assert_eq!(writer.try_write(self.ring(), &[7]), Ok(true));
        writer.look_and_wake_reader(self.ring(), || false);
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
            let replies = self.replies().receive_all(|| false, |replies| replies);
            if let Some(replies) = replies.expect("the worker writes no nonsense") {
                assert_eq!(replies, Frames::of(vec![7]));
                return 1;
            }
            if is_more() {
                return 0;
            }
            self.replies().sleep_unless(is_more, None);
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
            let taken = memory.replies().receive_all(|| false, drop);
            if taken == Ok(None) {
                assert_eq!(told.load(Relaxed), 1);
            }
            leader.join().expect("the leader does not panic");
        },
    );
}

/// The worker lets replies come together while the attendant dozes, and rings at their end, before or after that has fallen asleep
/// or has taken some of them. No time-out is needed for it to wake.
#[test]
fn who_dozes_hears_the_end() {
    check("processes::who_dozes_hears_the_end", || {
        let memory = Memory::new();
        let shared = Arc::clone(&memory);
        let worker = spawn(move || {
            let mut writer = Writer::default();
            for _ in 0..2 {
                // There is room for one: the second waits until the first is taken, or is not sent.
                if writer.try_write(shared.ring(), &[]) == Ok(true) {
                    shared.cursors.reader_alarm().ring_if_urgent();
                }
            }
            shared.cursors.reader_alarm().ring_at_the_end();
        });
        let never = Deadline::after(Duration::from_secs(1));
        let taken = |replies: Option<Frames>| replies.map_or(0, |replies| replies.len());
        memory.replies().sleep_unless(|| false, Some(&never));
        let replies = memory.replies().receive_all(|| false, |replies| replies);
        assert!(
            taken(replies.expect("no nonsense")) >= 1,
            "it has slept until the end"
        );
        worker.join().expect("the worker does not panic");
    });
}

/// Who sleeps as before hears each reply.
#[test]
fn who_sleeps_hears_a_reply_that_others_will_follow() {
    check(
        "processes::who_sleeps_hears_a_reply_that_others_will_follow",
        || {
            let memory = Memory::new();
            let shared = Arc::clone(&memory);
            let worker = spawn(move || {
                let written = Writer::default().try_write(shared.ring(), &[7]);
                assert_eq!(written, Ok(true));
                shared.cursors.reader_alarm().ring_if_urgent();
            });
            assert_eq!(memory.attend(), 1);
            worker.join().expect("the worker does not panic");
        },
    );
}
