//! Worker processes on Linux.

mod alarm;
mod bootstrap;
mod channel;
mod connection;
mod entries;
mod entry;
mod home;
mod lifeline;
mod lines;
mod link;
mod mark;
mod out_of_memory;
mod process;
mod ring;
mod serve;
mod signals;
mod slot;
mod stack_overflow;
mod start_command;
mod stderr;
mod version;
mod watching;

use crate::build_error::Kind;
use crate::settings::Settings;
use connection::Connection;
use home::Home;
use std::sync::Arc;
use std::time::Duration;
use trine_future::WorkerDeath;

pub(crate) use connection::NoReply;
pub(crate) use entries::{index_of, index_of_initializer};
pub(crate) use process::Process;
pub(crate) use watching::{Bell, watch};

/// How long a worker may take to exit after it was told to, and how long after it has closed its channels.
const GRACE: Duration = Duration::from_secs(5);

/// Whether this process can have workers, and how many levels of pools there may be below them if the builder asks for `levels`.
pub(crate) fn check(levels: Option<u32>) -> Result<u32, Kind> {
    let levels = entry::levels_below_workers(levels)?;
    Home::of_this_copy().map_err(Kind::Unsupported)?;
    Ok(levels)
}

/// A worker that has said hello.
pub(crate) struct Worker {
    process: Arc<Process>,
    connection: Connection,
}

impl Worker {
    /// Starts the worker with `index`, from a thread that must live as long as it. `register` learns of the process as soon as there
    /// is one. The error says what failed.
    pub(crate) fn start(
        settings: &Settings,
        index: usize,
        register: impl FnOnce(&Arc<Process>),
    ) -> Result<Self, String> {
        let (process, connection) = bootstrap::start(settings, index, register)?;
        Ok(Self { process, connection })
    }

    pub(crate) fn has_exited(&self) -> bool {
        self.process.has_exited()
    }

    /// Sends a request, and waits for the reply to it.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, NoReply> {
        self.connection.exchange(&self.process, request)
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
    pub(crate) fn stop(mut self) {
        let grace = if self.connection.send_stop() {
            GRACE
        } else {
            Duration::ZERO
        };
        self.process.reap(grace);
    }
}
