//! Starting a worker, up to its hello: never longer than a deadline, whatever the new process does.

use super::channel::{measure_packets, shielded};
use super::connection::Connection;
use super::home::Home;
use super::link::ParentEnd;
use super::mark::Mark;
use super::process::{Process, poll_until};
use super::signals::Blocked;
use super::{entries, out_of_memory};
use crate::settings::Settings;
use ipc_channel::IpcError;
use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender, IpcOneShotServer};
use rustix::event::{PollFd, PollFlags};
use rustix::net::{
    AddressFamily, Shutdown, SocketAddrUnix, SocketFlags, SocketType, connect, shutdown, socket_with,
};
use std::fs;
use std::io::{self, PipeReader};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// What a worker says first: the identity of its image, and, if there is no link, its ends of a channel.
pub(super) type Hello = (u64, Option<Channel>);

/// The parent's ends: for requests, and for replies.
pub(super) type Channel = (IpcBytesSender, IpcBytesReceiver);

/// How long a worker may take from its start to its hello.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long a worker that said something else may take to exit.
const GRACE: Duration = Duration::from_secs(1);

/// What to do where the process that was started is not one that can be a worker.
const HINT: &str = "If this program can't be started again, set `worker_executable` in the pool's builder";

/// The longest path of a Unix socket on Linux, without the final zero.
const LONGEST_PATH: usize = 107;

/// How the wait for a hello has ended.
enum Ended {
    /// A connection was accepted, or could not be.
    Answered,
    Exited,
    TimedOut,
}

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
    probe(&directory).map_err(no_socket)?;
    measure_packets().map_err(|error| format!("no channel could be made: {error}"))?;
    let (server, name) = shielded(IpcOneShotServer::<Hello>::new).map_err(no_socket)?;
    // Without memory to share there is the slower way.
    let link = ParentEnd::new().ok();
    let mark = Mark {
        parent: std::process::id(),
        has_link: link.is_some(),
        levels: settings.levels,
        name: format!("trine-{}.{index}", settings.pool),
        // A library may have been deleted since the pool was built.
        home: Home::of_this_copy()?,
        server: name.clone(),
    };
    let process = Arc::new(Process::start(&mark, index, link, settings)?);
    register(&process);
    let pid = process.pid();
    let blocked = Blocked::new();
    let (ended, hello) = take_hello(server, &name, &process);
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
    let death = process.reap(if let Ended::Answered = ended {
        GRACE
    } else {
        Duration::ZERO
    });
    Err(match ended {
        Ended::Exited => format!("process {pid} ended before it was ready ({death}). {HINT}"),
        Ended::TimedOut => format!(
            "process {pid} was not ready after {} s ({death}). {HINT}",
            DEADLINE.as_secs()
        ),
        Ended::Answered => format!("the hello of process {pid} could not be taken: {error} ({death})"),
    })
}

/// Whether sockets and directories can be made. ipc-channel leaks a descriptor, and loses the error, when they can't.
fn probe(directory: &Path) -> io::Result<()> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    socket()?;
    // ORDERING: Relaxed: only the number itself matters.
    let name = format!(".trine-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
    let path = directory.join(name);
    fs::create_dir(&path)?;
    fs::remove_dir(&path)
}

/// Accepts the worker's connection. The server waits for ever, so a thread watches the process and the clock meanwhile.
fn take_hello(server: IpcOneShotServer<Hello>, name: &str, process: &Process) -> (Ended, io::Result<Hello>) {
    let (standby, (answered, answer)) = match (socket(), io::pipe()) {
        (Ok(standby), Ok(pipe)) => (standby, pipe),
        (Err(error), _) | (_, Err(error)) => return (Ended::Answered, Err(error)),
    };
    // For the connection, and what comes through it: ipc-channel loses the error.
    for spare in [socket(), socket(), socket()] {
        if let Err(error) = spare {
            return (Ended::Answered, Err(error));
        }
    }
    thread::scope(|scope| {
        let watcher = thread::Builder::new()
            .name("trine-bootstrap".to_owned())
            .spawn_scoped(scope, || watch(process, &answered, &standby, name));
        let watcher = match watcher {
            Ok(watcher) => watcher,
            Err(error) => return (Ended::Answered, Err(error)),
        };
        let accepted = shielded(|| match server.accept() {
            Ok((_, hello)) => Ok(hello),
            Err(IpcError::Io(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        });
        drop(answer);
        (watcher.join().unwrap_or(Ended::Answered), accepted)
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

/// Sleeps until the server has answered. If the process exits or the time is over before, it makes the server answer.
fn watch(process: &Process, answered: &PipeReader, standby: &OwnedFd, name: &str) -> Ended {
    let mut descriptors = [
        PollFd::from_borrowed_fd(process.as_fd(), PollFlags::IN),
        // Nothing is written: the end of the pipe, which is always reported, says that the server has answered.
        PollFd::new(answered, PollFlags::empty()),
    ];
    let ready = poll_until(&mut descriptors, Instant::now() + DEADLINE);
    let ended = match ready[..] {
        [] => {
            // It may have connected and said nothing: then its death is what the server waits for.
            process.kill();
            Ended::TimedOut
        }
        [0] => Ended::Exited,
        _ => return Ended::Answered,
    };
    // A connection that is closed at once is no hello. The server may be gone meanwhile; then nobody waits.
    if let Ok(address) = SocketAddrUnix::new(name)
        && connect(standby, &address).is_ok()
    {
        let _ = shutdown(standby, Shutdown::Both);
    }
    ended
}
