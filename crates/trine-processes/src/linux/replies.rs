//! How the parent takes what a worker replies: by the attendant, which sleeps until something comes, or by a leader.
//!
//! A leader is a thread that waits for a result and would sleep for that. Instead it looks at the ring itself for some
//! microseconds, and takes care that the attendant, who sleeps meanwhile, is not woken for what it finds. Who holds the
//! lock of the reader is the one who looks.
//!
//! No reply is left in the ring while everybody sleeps. The worker rings after it has written, so the attendant is woken
//! unless a leader has silenced the alarm. That one restores it once it does not look any more, and then looks once more, for what
//! came in between, unless another one looks already. An attendant that finds the reader locked falls asleep as one who was
//! silenced, and then asks whether it is still locked: so who has locked it restores the alarm later.

use super::ring::{Broken, Reader, Ring};
use crate::frames::Frames;
use trine_lock::{Lock, LockGuard};
use trine_platform::{Deadline, spin_until, yield_and_spin_until};

/// The replies of one worker.
pub(super) struct Replies<'a> {
    pub(super) ring: Ring<'a>,
    pub(super) reader: &'a Lock<Reader>,
}

impl Replies<'_> {
    /// Takes a message. Blocks until there is one, or it `is_over`.
    pub(super) fn receive(&self, is_over: impl Fn() -> bool) -> Result<Vec<u8>, Broken> {
        self.reader.lock().read(self.ring, is_over)
    }

    /// Takes the messages that are there, if any, and passes them to `tell` before anybody else can look: so they are told in
    /// their order, and who finds no message knows that all have been told. Blocks until all of the first is there, or it
    /// `is_over`.
    pub(super) fn receive_all<R>(
        &self,
        is_over: impl Fn() -> bool,
        tell: impl FnOnce(Frames) -> R,
    ) -> Result<Option<R>, Broken> {
        let mut reader = self.reader.lock();
        if !reader.has_some(self.ring) {
            return Ok(None);
        }
        reader.read_all(self.ring, is_over).map(tell).map(Some)
    }

    /// Looks for messages for some microseconds, and passes them to `tell` as [`receive_all`](Self::receive_all) does.
    /// Nothing, if another thread looks.
    pub(super) fn receive_as_leader<R>(&self, tell: impl FnOnce(Frames) -> R) -> Option<R> {
        let mut reader = self.reader.try_lock()?;
        let alarm = self.ring.cursors.reader_alarm();
        alarm.silence();
        let found = reader.has_message(self.ring) || yield_and_spin_until(|| reader.has_message(self.ring));
        // All of the first is there, so this does not block.
        let messages = found.then(|| reader.read_all(self.ring, || true));
        let told = messages.and_then(Result::ok).map(tell);
        // Where it has read up to: to lock it again would look like another leader to the attendant.
        let left = *reader;
        drop(reader);
        alarm.restore(|| left.has_some(self.ring));
        told
    }

    /// Sleeps until there is a reply, or [`wake`](Self::wake), unless there `is_more` to do. May return early. With a deadline it
    /// lets replies come together that the worker does not send one by one: until the last of them, or the deadline. For the
    /// attendant alone.
    pub(super) fn sleep_unless(&self, is_more: impl Fn() -> bool, doze: Option<&Deadline>) {
        // Beside a leader the attendant does not spin: only so many threads do, and it would take the leader's place.
        if let Some(deadline) = doze {
            return self.ring.cursors.reader_alarm().doze_unless(deadline, is_more);
        }
        let is_led = || self.reader.try_lock().is_none();
        let is_there = |reader: LockGuard<'_, Reader>| reader.has_some(self.ring);
        let is_settled = || is_more() || self.reader.try_lock().is_none_or(is_there);
        if spin_until(is_settled) && !is_led() {
            return;
        }
        let alarm = self.ring.cursors.reader_alarm();
        if is_led() {
            alarm.sleep_silenced_unless(|| is_more() || !is_led());
        } else {
            alarm.sleep_unless(is_settled);
        }
    }

    /// Wakes the attendant.
    pub(super) fn wake(&self) {
        self.ring.cursors.reader_alarm().ring_in_any_case();
    }
}

#[cfg(test)]
#[path = "replies_models.rs"]
mod models;
