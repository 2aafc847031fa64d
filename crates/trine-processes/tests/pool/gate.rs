//! A place where tasks in any process wait until the test lets them go.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A socket to which tasks connect.
pub(crate) struct Gate {
    path: PathBuf,
    listener: UnixListener,
}

/// A task that waits at the gate. Dropped, it goes on.
pub(crate) struct Waiting {
    /// The process that it runs in.
    pub(crate) pid: u32,
    _stream: UnixStream,
}

impl Gate {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "trine-gate-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        let listener = UnixListener::bind(&path).expect("a socket can be made");
        Self { path, listener }
    }

    /// The argument for [`wait_at_gate`].
    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Blocks until one more task has come to the gate.
    pub(crate) fn admit(&self) -> Waiting {
        let (mut stream, _) = self.listener.accept().expect("a task connects");
        let mut pid = [0; 4];
        stream.read_exact(&mut pid).expect("the task says its process");
        Waiting {
            pid: u32::from_le_bytes(pid),
            _stream: stream,
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The task: comes to the gate, waits until it is let go, and returns its process id.
pub(crate) fn wait_at_gate(gate: String) -> u32 {
    let pid = std::process::id();
    let mut stream = UnixStream::connect(gate).expect("the gate is there");
    stream.write_all(&pid.to_le_bytes()).expect("the gate is there");
    // The end of the stream lets it go.
    let _ = stream.read(&mut [0]);
    pid
}
