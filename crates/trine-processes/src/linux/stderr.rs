//! The pipe that a worker has as its standard error, and the program's own.

use super::lines::Lines;
use super::process::{poll_for, poll_until};
use crate::forwarder::Forwarder;
use rustix::event::{PollFd, PollFlags};
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;
use trine_lock::Lock;

/// How much is read after the death of a worker at most: somebody who has inherited the pipe may fill it for ever.
const AFTER_DEATH: usize = 1024 * 1024;

/// The reading end of the pipe, and what came through it. Who reads holds the lock of the lines, so that they stay
/// in order.
pub(super) struct Stderr {
    pipe: PipeReader,
    lines: Lock<Lines>,
    /// All writers are gone.
    ended: AtomicBool,
    forwarder: Arc<Forwarder>,
}

impl Stderr {
    pub(super) fn new(pipe: OwnedFd, forwarder: &Arc<Forwarder>) -> Self {
        Self {
            pipe: pipe.into(),
            lines: Lock::new(Lines::default()),
            ended: AtomicBool::new(false),
            forwarder: Arc::clone(forwarder),
        }
    }

    /// Readable when there is something to forward.
    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    pub(super) fn has_ended(&self) -> bool {
        // ORDERING: Relaxed: who misses it reads the end of the pipe once more.
        self.ended.load(Relaxed)
    }

    /// Whether nothing is to be read now, because too much is to be written.
    pub(super) fn is_behind(&self) -> bool {
        self.forwarder.is_behind()
    }

    /// Forwards what has come, once. Does not wait for more.
    pub(super) fn forward(&self) {
        self.read(&mut self.lines.lock());
    }

    /// Forwards the rest, up to where a read would block, and returns the last lines.
    pub(super) fn finish(&self) -> String {
        let mut lines = self.lines.lock();
        let mut length = 0;
        while length < AFTER_DEATH
            && let Some(read) = self.read(&mut lines)
        {
            length += read;
        }
        self.forwarder.forward(lines.finish());
        lines.last()
    }

    /// Reads once, if there is something to read.
    fn read(&self, lines: &mut Lines) -> Option<usize> {
        let readable = poll_until(&mut [PollFd::new(&self.pipe, PollFlags::IN)], Instant::now());
        if readable.is_empty() {
            return None;
        }
        let mut bytes = [0; 8192];
        match (&self.pipe).read(&mut bytes) {
            Ok(length @ 1..) => {
                self.forwarder.forward(lines.push(&bytes[..length]));
                Some(length)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Some(0),
            Ok(0) | Err(_) => {
                // ORDERING: Relaxed: see `has_ended`.
                self.ended.store(true, Relaxed);
                None
            }
        }
    }
}

/// Waits until this program's standard error takes something, or nobody can read it any more.
pub(crate) fn wait_for_stderr() {
    poll_for(&mut [PollFd::new(&io::stderr(), PollFlags::OUT)], None);
}
