//! Starting a worker, up to its hello: never longer than a deadline, whatever the new process does.

use super::channel::{measure_packets, shielded};
use super::connection::Connection;
use super::hello::{Awaited, DEADLINE, Hello, Outcome};
use super::home::Home;
use super::link::ParentEnd;
use super::mark::Mark;
use super::process::Process;
use super::signals::Blocked;
use super::{entries, out_of_memory};
use crate::settings::Settings;
use ipc_channel::IpcError;
use ipc_channel::ipc::IpcOneShotServer;
use rustix::fs::{Access, access};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

/// How long a worker that said something else may take to exit.
const GRACE: Duration = Duration::from_secs(1);

/// What to do where the process that was started is not one that can be a worker.
const HINT: &str = "If this program can't be started again, set `worker_executable` in the pool's builder";

/// The longest path of a Unix socket on Linux, without the final zero.
const LONGEST_PATH: usize = 107;

/// Starts a process and takes its hello. The error says what failed.
pub(super) fn start(
    settings: &Settings,
    index: usize,
    register: impl FnOnce(&Arc<Process>),
) -> Result<(Arc<Process>, Connection), String> {
    out_of_memory::begin();
    // ipc-channel cuts a longer path, and the worker would not find the socket.
    let directory = std::env::temp_dir();
    if directory.as_os_str().len() + "/.tmpXXXXXX/socket".len() > LONGEST_PATH {
        return Err(format!(
            "the path of the directory for temporary files is too long: {}",
            directory.display()
        ));
    }
    let no_socket = |error: io::Error| {
        format!(
            "no socket could be made in the directory for temporary files, {}: {error}",
            directory.display()
        )
    };
    measure_packets().map_err(|error| format!("no channel could be made: {error}"))?;
    let (server, name) = open_server(&directory).map_err(no_socket)?;
    // Without memory to share there is the slower way.
    let link = ParentEnd::new().ok();
    let mark = Mark {
        parent: std::process::id(),
        has_link: link.is_some(),
        in_main: settings.in_main,
        levels: settings.levels,
        name: settings.worker_name(index).to_string(),
        // A library may have been deleted since the pool was built.
        home: Home::of_this_copy()?,
        server: name.clone(),
    };
    let awaited = Awaited::new(name, socket().map_err(no_socket)?);
    let process = Arc::new(Process::start(&mark, index, link, settings, awaited)?);
    register(&process);
    let pid = process.pid();
    let blocked = Blocked::new();
    let hello = take_hello(server);
    let outcome = process.awaited.lock().outcome();
    drop(blocked);
    let error = match hello {
        Ok((identity, ..)) if identity != entries::image_identity() => {
            process.reap(Duration::ZERO);
            return Err(format!("process {pid} runs another build of this program"));
        }
        Ok((_, channel)) => match Connection::new(&process, channel) {
            Some(connection) => return Ok((process, connection)),
            None => io::Error::other("it does not fit the worker"),
        },
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

/// The socket where the parent waits, and its path.
fn open_server(directory: &Path) -> io::Result<(IpcOneShotServer<Hello>, String)> {
    /// The last one could not be opened.
    static IN_DOUBT: AtomicBool = AtomicBool::new(false);
    // ORDERING: Relaxed: who misses it loses a descriptor.
    if IN_DOUBT.load(Relaxed) || access(directory, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        probe(directory)?;
    }
    socket()?;
    let opened = shielded(IpcOneShotServer::new);
    // ORDERING: Relaxed, as above.
    IN_DOUBT.store(opened.is_err(), Relaxed);
    opened.or_else(|error| probe(directory).and(Err(error)))
}

/// Whether directories can be made. ipc-channel leaks a descriptor, and loses the error, when they can't.
fn probe(directory: &Path) -> io::Result<()> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    // ORDERING: Relaxed: only the number itself matters.
    let name = format!(".trine-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
    let path = directory.join(name);
    fs::create_dir(&path)?;
    fs::remove_dir(&path)
}

/// Accepts the worker's connection. That waits for ever, unless the watcher [ends](Awaited) it.
fn take_hello(server: IpcOneShotServer<Hello>) -> io::Result<Hello> {
    // For the connection, and what comes through it: ipc-channel loses the error.
    let spare = socket()?;
    let spares = [spare.try_clone()?, spare.try_clone()?, spare];
    drop(spares);
    shielded(|| match server.accept() {
        Ok((_, hello)) => Ok(hello),
        Err(IpcError::Io(error)) => Err(error),
        Err(error) => Err(io::Error::other(error)),
    })
}

fn socket() -> io::Result<OwnedFd> {
    Ok(socket_with(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?)
}
