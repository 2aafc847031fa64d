//! What one thread can wait for on behalf of all workers of a pool: that they end, and what they write to stderr.

use super::descriptors::beside_standard_streams;
use super::process::poll_for;
use super::segment::Keeper;
use crate::watcher::Watched;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// When to look again whether more of what workers write can be read.
const AGAIN: Duration = Duration::from_millis(10);

/// Wakes the thread that waits. A pool has it until its last thread leaves, and until then segments are kept.
pub(crate) struct Bell {
    event: OwnedFd,
    _keeper: Keeper,
}

impl Bell {
    pub(crate) fn new() -> io::Result<Self> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self {
            event: beside_standard_streams(event)?,
            _keeper: Keeper::new(),
        })
    }

    pub(crate) fn ring(&self) {
        // It fails if it has rung 2^64 times and nobody has heard it: then it is ringing.
        let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
    }

    fn hear(&self) {
        let _ = rustix::io::read(&self.event, &mut [0; 8]);
    }
}

/// Sleeps until something has happened, or a deadline has passed. Forwards what workers have written, kills what those
/// have left behind that have exited, and those that say no hello. Returns the indexes of those whose exit is news.
pub(crate) fn watch(watched: &Watched) -> Vec<usize> {
    let Watched {
        processes,
        deadline,
        bell,
    } = watched;
    let mut descriptors = vec![PollFd::new(&bell.event, PollFlags::IN)];
    // An end that is known would be reported for ever.
    let running: Vec<_> = processes
        .iter()
        .filter(|(_, process)| !process.is_noticed())
        .collect();
    let is_behind = processes.iter().any(|(_, process)| process.stderr.is_behind());
    let again = is_behind.then(|| Instant::now() + AGAIN);
    let writing: Vec<_> = processes
        .iter()
        .filter(|(_, process)| !is_behind && !process.stderr.has_ended())
        .collect();
    descriptors.extend(
        running
            .iter()
            .map(|(_, process)| PollFd::from_borrowed_fd(process.as_fd(), PollFlags::IN)),
    );
    descriptors.extend(
        writing
            .iter()
            .map(|(_, process)| PollFd::from_borrowed_fd(process.stderr.as_fd(), PollFlags::IN)),
    );
    let hellos = processes
        .iter()
        .filter_map(|(_, process)| process.awaited.lock().deadline());
    let deadline = hellos.chain(*deadline).chain(again).min();
    let mut exited = Vec::new();
    for ready in poll_for(&mut descriptors, deadline) {
        match ready.checked_sub(1) {
            None => bell.hear(),
            Some(ready) => match running.get(ready) {
                Some((index, process)) => {
                    process.notice();
                    exited.push(*index);
                }
                None => writing[ready - running.len()].1.stderr.forward(),
            },
        }
    }
    let now = Instant::now();
    for (_, process) in processes {
        if process.awaited.lock().expires(now) {
            process.kill();
        }
    }
    exited
}
