//! What a worker says first, and how the wait for it ends when nothing is said.
//!
//! ipc-channel waits for ever. So the watcher makes its server answer once the process has exited, and kills the process
//! when its time is over.

use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender};
use rustix::net::{Shutdown, SocketAddrUnix, connect, shutdown};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// The identity of the worker's image, and, if there is no link, its ends of a channel.
pub(super) type Hello = (u64, Option<Channel>);

/// The parent's ends: for requests, and for replies.
pub(super) type Channel = (IpcBytesSender, IpcBytesReceiver);

/// How long a worker may take from its start to its hello.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// How a wait has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A connection was accepted, or could not be.
    Answered,
    Exited,
    TimedOut,
}

/// The wait for the hello of one worker.
pub(super) struct Awaited {
    /// The path of the server's socket, and a socket to connect to it. `None` once nobody waits.
    server: Option<(String, OwnedFd)>,
    deadline: Instant,
    outcome: Outcome,
}

impl Awaited {
    pub(super) fn new(server: String, standby: OwnedFd) -> Self {
        Self {
            server: Some((server, standby)),
            deadline: Instant::now() + DEADLINE,
            outcome: Outcome::Answered,
        }
    }

    /// Whether somebody still waits.
    pub(super) fn is_open(&self) -> bool {
        self.server.is_some()
    }

    /// When to kill the process, if it has said nothing by then.
    pub(super) fn deadline(&self) -> Option<Instant> {
        (self.is_open() && self.outcome != Outcome::TimedOut).then_some(self.deadline)
    }

    /// True if its time is over, the first time.
    pub(super) fn expires(&mut self, now: Instant) -> bool {
        let expires = self.deadline().is_some_and(|deadline| deadline <= now);
        if expires {
            self.outcome = Outcome::TimedOut;
        }
        expires
    }

    /// The process has exited: what it has not said by now, it will not say.
    pub(super) fn give_up(&mut self) {
        let Some((server, standby)) = self.server.take() else {
            return;
        };
        if self.outcome == Outcome::Answered {
            self.outcome = Outcome::Exited;
        }
        // A connection that is closed at once is no hello. The server may be gone meanwhile; then nobody waits.
        if let Ok(address) = SocketAddrUnix::new(server)
            && connect(&standby, &address).is_ok()
        {
            let _ = shutdown(&standby, Shutdown::Both);
        }
    }

    /// The server has answered: how the wait has ended.
    pub(super) fn outcome(&mut self) -> Outcome {
        self.server = None;
        self.outcome
    }
}
