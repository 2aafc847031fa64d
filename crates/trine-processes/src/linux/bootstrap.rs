//! Starting a worker, up to its hello: never longer than a deadline, whatever the new process does.

use super::connection::Connection;
use super::hello::{Awaited, DEADLINE, Outcome};
use super::home::Home;
use super::link::ParentEnd;
use super::mark::Mark;
use super::process::Process;
use super::server::{self, Server};
use super::{entries, out_of_memory};
use crate::settings::Settings;
use std::sync::Arc;
use std::time::Duration;

/// How long a worker that said something else may take to exit.
const GRACE: Duration = Duration::from_secs(1);

/// What to do where the process that was started is not one that can be a worker.
const HINT: &str = "If this program can't be started again, set `worker_executable` in the pool's builder";

/// Starts a process and takes its hello. The error says what failed.
pub(super) fn start(
    settings: &Settings,
    index: usize,
    register: impl FnOnce(&Arc<Process>),
) -> Result<(Arc<Process>, Connection), String> {
    out_of_memory::begin();
    let link = ParentEnd::new().ok();
    // Without memory to share there is the slower way.
    let (server, standby) = if link.is_some() {
        (None, None)
    } else {
        let (server, standby) = Server::open()?;
        (Some(server), Some(standby))
    };
    let mark = Mark {
        parent: std::process::id(),
        in_main: settings.in_main,
        levels: settings.levels,
        name: settings.worker_name(index).to_string(),
        // A library may have been deleted since the pool was built.
        home: Home::of_this_copy()?,
        server: server.as_ref().map(|server| server.path().to_owned()),
    };
    let awaited = Awaited::new(standby);
    let process = Arc::new(Process::start(&mark, index, link, settings, awaited)?);
    register(&process);
    let pid = process.pid();
    // Before the wait: the process may exit meanwhile, because it finds no server or lacks something itself, and that would be said instead.
    if server.is_some()
        && let Err(error) = server::check_descriptors()
    {
        process.awaited.lock().outcome();
        let death = process.reap(Duration::ZERO);
        return Err(format!(
            "the hello of process {pid} could not be taken: {error} ({death})"
        ));
    }
    let hello = match server {
        None => process.receive_hello().map(|identity| (identity, None)),
        Some(server) => server
            .accept()
            .map(|(identity, channel)| (identity, Some(channel))),
    };
    let outcome = process.awaited.lock().outcome();
    let error = match hello {
        Ok((identity, channel)) if identity == entries::image_identity() => {
            return Ok((process, Connection::new(channel)));
        }
        Ok(_) => {
            process.reap(Duration::ZERO);
            return Err(format!("process {pid} runs another build of this program"));
        }
        Err(error) => error,
    };
    // One that has closed its connection is probably about to exit, and its status says more than the error.
    let death = process.reap(if outcome == Outcome::Answered {
        GRACE
    } else {
        Duration::ZERO
    });
    Err(match outcome {
        Outcome::Exited => format!("process {pid} ended before it was ready ({death}). {HINT}"),
        Outcome::TimedOut => format!(
            "process {pid} was not ready after {} s ({death}). {HINT}",
            DEADLINE.as_secs()
        ),
        Outcome::Answered => format!("the hello of process {pid} could not be taken: {error} ({death})"),
    })
}
