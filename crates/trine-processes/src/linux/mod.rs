//! Worker processes on Linux.

mod bootstrap;
mod channel;
mod entries;
mod entry;
mod lines;
mod out_of_memory;
mod process;
mod serve;
mod signals;
mod stderr;
mod watching;

use crate::build_error::Kind;
use crate::frame;
use crate::settings::Settings;
use channel::{receive, send};
use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender};
use signals::Blocked;
use std::sync::Arc;
use std::time::Duration;
use trine_future::WorkerDeath;

pub(crate) use entries::{index_of, index_of_initializer};
pub(crate) use process::Process;
pub(crate) use watching::{Bell, watch};

/// The environment variable that makes a process a worker: the parent's number and the path of its socket.
const MARK: &str = "TRINE_PARENT";

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
    process: Arc<Process>,
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
    /// Starts a worker, from a thread that must live as long as it. `register` learns of the process as soon as there
    /// is one. The error says what failed.
    pub(crate) fn start(settings: &Settings, register: impl FnOnce(&Arc<Process>)) -> Result<Self, String> {
        let (process, requests, replies) = bootstrap::start(settings, register)?;
        Ok(Self {
            process,
            requests,
            replies,
        })
    }

    pub(crate) fn has_exited(&self) -> bool {
        self.process.has_exited()
    }

    /// Sends a request, says so, and waits for the reply to it.
    pub(crate) fn exchange(&self, request: &[u8], sent: impl FnOnce()) -> Result<Vec<u8>, NoReply> {
        let _blocked = Blocked::new();
        send(&self.requests, request).map_err(|_| NoReply::NotSent)?;
        sent();
        receive(&self.replies).map_err(|_| NoReply::Lost)
    }

    /// Ends a worker that can't be used any more, and says how it ended.
    pub(crate) fn bury(self) -> WorkerDeath {
        self.process.reap(GRACE)
    }

    /// Kills a worker, with all that it has left in its group.
    pub(crate) fn kill(self) {
        self.process.reap(Duration::ZERO);
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
