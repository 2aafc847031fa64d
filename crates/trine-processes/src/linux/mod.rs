//! Worker processes on Linux.

mod alarm;
mod allocation;
mod bootstrap;
mod channel;
mod connection;
mod descriptors;
mod entries;
mod entry;
mod hello;
mod home;
mod lines;
mod link;
mod mark;
mod out_of_memory;
mod process;
mod replies;
mod resource_limit;
mod ring;
mod segment;
mod serve;
mod server;
mod signals;
mod slot;
mod stack_overflow;
mod start_command;
mod stderr;
mod version;
mod watching;
mod wire;
mod wire_worker;

use crate::build_error::Kind;
use crate::frames::Frames;
use crate::message::Message;
use crate::settings::Settings;
use connection::Connection;
use home::Home;
use ring::Broken;
use std::sync::Arc;
use std::time::Duration;
use trine_future::WorkerDeath;
use trine_platform::Deadline;

pub(crate) use connection::Sent;
pub(crate) use entries::{index_of, index_of_initializer};
pub(crate) use entry::enter_in_main;
pub(crate) use process::{Process, worker_name};
pub(crate) use segment::{Segment, View};
pub(crate) use slot::MOST_TASKS;
pub(crate) use stderr::wait_for_stderr;
pub(crate) use watching::{Bell, watch};

/// How long a worker may take to exit after it was told to, and how long after it has closed its channels.
const GRACE: Duration = Duration::from_secs(5);

/// Whether this process can have workers, and how many levels of pools there may be below them if the builder asks for `levels`.
pub(crate) fn check(levels: Option<u32>) -> Result<u32, Kind> {
    let levels = entry::levels_below_workers(levels)?;
    Home::of_this_copy().map_err(Kind::Unsupported)?;
    Ok(levels)
}

/// The worker has written what is no reply.
pub(crate) struct Nonsense;

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

    /// Whether the watcher has seen that the process has exited.
    pub(crate) fn has_exited(&self) -> bool {
        self.process.is_noticed()
    }

    /// Sends a call that was announced to the process. Blocks until the worker has it, of which `is_sent` is told, or until it is gone.
    pub(crate) fn send(&self, request: &Message, is_sent: impl FnOnce()) -> Sent {
        self.connection.send(&self.process, request, is_sent)
    }

    /// The call that was announced to the process is not sent, because it was taken back.
    pub(crate) fn renounce(&self) {
        self.process.renounce();
    }

    /// Sends a call and waits for the reply to it. `None` if the worker is gone, or writes nonsense.
    pub(crate) fn exchange(&self, request: &Message) -> Option<Vec<u8>> {
        self.connection.exchange(&self.process, request)
    }

    /// Takes the replies that are there, and passes them to `tell` before anybody else can look for more. An error if the worker writes nonsense.
    pub(crate) fn replies<R>(&self, tell: impl FnOnce(Frames) -> R) -> Result<Option<R>, Nonsense> {
        match self.connection.replies(&self.process, tell) {
            Ok(told) => Ok(told),
            // It has died in the middle of a reply.
            Err(Broken::Over) => Ok(None),
            Err(Broken::Corrupt | Broken::TooLong(_)) => Err(Nonsense),
        }
    }

    /// Sleeps until the worker has replied or exited, or its attendant is woken, unless there `is_more` to do. May return
    /// early. With a deadline it may `doze`, to let replies come together. False, at once, if the worker can't wake anybody.
    pub(crate) fn sleep_unless(&self, is_more: impl Fn() -> bool, doze: Option<&Deadline>) -> bool {
        let link = self.process.link.as_ref();
        link.map(|link| {
            link.replies()
                .sleep_unless(|| is_more() || self.process.is_noticed(), doze)
        })
        .is_some()
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
        let grace = if self.connection.send_stop(&self.process) {
            GRACE
        } else {
            Duration::ZERO
        };
        self.process.reap(grace);
    }
}
