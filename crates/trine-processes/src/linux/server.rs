//! The socket where the parent waits for the hello of a worker with which it shares no memory: that of ipc-channel, which carries
//! the ends of the channels for requests and replies.
//!
//! It lies in the directory for temporary files. ipc-channel waits for ever, so there is a [`Standby`].

use super::channel::{measure_packets, shielded};
use super::signals::Blocked;
use ipc_channel::IpcError;
use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcSender};
use rustix::fs::{Access, access};
use rustix::net::{
    AddressFamily, Shutdown, SocketAddrUnix, SocketFlags, SocketType, connect, shutdown, socket_with,
};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// The identity of the worker's image, and its parent's ends of the channels.
pub(super) type Hello = (u64, Channel);

/// The parent's ends: for requests, and for replies.
pub(super) type Channel = (IpcBytesSender, IpcBytesReceiver);

/// The longest path of a Unix socket on Linux, without the final zero.
const LONGEST_PATH: usize = 107;

/// The parent's side, until the hello.
pub(super) struct Server {
    ipc: IpcOneShotServer<Hello>,
    path: String,
}

impl Server {
    /// Opens the socket. The error says what failed.
    pub(super) fn open() -> Result<(Self, Standby), String> {
        let directory = std::env::temp_dir();
        // ipc-channel cuts a longer path, and the worker would not find the socket.
        if directory.as_os_str().len() + "/.tmpXXXXXX/socket".len() > LONGEST_PATH {
            return Err(format!(
                "the path of the directory for temporary files is too long: {}",
                directory.display()
            ));
        }
        measure_packets().map_err(|error| format!("no channel could be made: {error}"))?;
        let open = || {
            let (ipc, path) = open(&directory)?;
            let standby = Standby {
                path: path.clone(),
                socket: socket()?,
            };
            Ok((Self { ipc, path }, standby))
        };
        open().map_err(|error: io::Error| {
            format!(
                "no socket could be made in the directory for temporary files, {}: {error}",
                directory.display()
            )
        })
    }

    /// Where the worker connects.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Accepts the worker's connection. That waits for ever, unless the [`Standby`] answers.
    pub(super) fn accept(self) -> io::Result<Hello> {
        // A handler of the program must not interrupt ipc-channel.
        let _blocked = Blocked::new();
        shielded(|| match self.ipc.accept() {
            Ok((_, hello)) => Ok(hello),
            Err(IpcError::Io(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        })
    }
}

/// Whether there are descriptors for the connection, and for what comes through it: ipc-channel loses the error.
pub(super) fn check_descriptors() -> io::Result<()> {
    let spare = socket()?;
    let spares = [spare.try_clone()?, spare.try_clone()?, spare];
    drop(spares);
    Ok(())
}

/// In the worker: connects, and says hello.
pub(super) fn say_hello(path: String, hello: Hello) -> io::Result<()> {
    shielded(|| {
        let sender = IpcSender::connect(path)?;
        sender.send(hello).map_err(io::Error::other)
    })
}

/// Answers a server in the place of a worker that will not. Whatever that needs of the system is there beforehand.
pub(super) struct Standby {
    path: String,
    socket: OwnedFd,
}

impl Standby {
    /// A connection that is closed at once is no hello.
    pub(super) fn answer(self) {
        // The server may be gone meanwhile; then nobody waits.
        if let Ok(address) = SocketAddrUnix::new(self.path)
            && connect(&self.socket, &address).is_ok()
        {
            let _ = shutdown(&self.socket, Shutdown::Both);
        }
    }
}

fn open(directory: &Path) -> io::Result<(IpcOneShotServer<Hello>, String)> {
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

fn socket() -> io::Result<OwnedFd> {
    Ok(socket_with(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?)
}
