//! Worker processes on Linux.

mod bootstrap;
mod channel;
mod entries;
mod entry;
mod process;
mod serve;
mod signals;

use crate::build_error::Kind;
use crate::frame;
use channel::{receive, send};
use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender};
use process::Process;
use signals::Blocked;
use std::process::ExitStatus;
use std::time::Duration;

pub(crate) use entries::index_of;

/// The environment variable that makes a process a worker: the parent's number and the path of its socket.
const MARK: &str = "TRINE_WORKER";

/// How long a worker may take to exit after it was told to, and how long after it has closed its channels.
const GRACE: Duration = Duration::from_secs(5);

/// Whether this process can have workers.
pub(crate) fn check() -> Result<(), Kind> {
    if entry::is_worker() {
        return Err(Kind::Nested);
    }
    if entry::runs_with_raised_rights() {
        return Err(Kind::Unsupported(
            "a program that runs with raised rights (set-user-ID) has no workers",
        ));
    }
    Ok(())
}

/// A worker that has said hello.
pub(crate) struct Worker {
    process: Process,
    requests: IpcBytesSender,
    replies: IpcBytesReceiver,
}

/// Why a request has no reply.
pub(crate) enum NoReply {
    /// The worker has not got the request.
    NotSent,
    /// The worker is gone, or its reply can't be read.
    Lost,
}

impl Worker {
    /// Starts a worker, from a thread that must live as long as it. The error says what failed.
    pub(crate) fn start() -> Result<Self, String> {
        let (process, requests, replies) = bootstrap::start()?;
        Ok(Self {
            process,
            requests,
            replies,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub(crate) fn has_exited(&self) -> bool {
        self.process.has_exited()
    }

    /// Sends a request and waits for the reply to it.
    pub(crate) fn exchange(&self, request: &[u8]) -> Result<Vec<u8>, NoReply> {
        let _blocked = Blocked::new();
        send(&self.requests, request).map_err(|_| NoReply::NotSent)?;
        receive(&self.replies).map_err(|_| NoReply::Lost)
    }

    /// Ends a worker that can't be used any more. The status says how it ended, if the system tells.
    pub(crate) fn bury(self) -> Option<ExitStatus> {
        self.process.reap(GRACE)
    }

    /// Kills a worker, with all that it has left in its group.
    pub(crate) fn kill(self) -> Option<ExitStatus> {
        self.process.reap(Duration::ZERO)
    }

    /// Lets an idle worker exit, and kills it if it does not.
    pub(crate) fn stop(self) {
        let blocked = Blocked::new();
        // A worker that does not get it is dead.
        let _ = send(&self.requests, &frame::stop());
        drop(blocked);
        self.process.reap(GRACE);
    }
}
