//! The thread on which a pool writes to this program's standard error what its workers have written to theirs. That may block,
//! because nobody reads it or because another thread holds its lock: so nobody does it who sees deaths and time-outs.

use crate::system;
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use trine_lock::Lock;

/// With so many bytes to write, no more are read from the workers, which wait then.
const MOST: usize = 256 * 1024;

/// With so many bytes to write, which workers have left that are dead, nobody reads them, and more are left out.
const TOO_MUCH: usize = 16 * 1024 * 1024;

/// The end of a pool does not wait for a standard error that has taken nothing for so long.
const PATIENCE: Duration = Duration::from_secs(1);

/// Starts with the first bytes, and ends with the pool.
#[derive(Default)]
pub(crate) struct Forwarder {
    running: Lock<Option<Running>>,
    /// The bytes that are to be written.
    pending: Arc<AtomicUsize>,
    /// How many bytes were left out.
    left_out: AtomicUsize,
}

struct Running {
    sender: Sender<Vec<u8>>,
    /// Closed when the thread has written everything.
    ended: Receiver<()>,
    thread: JoinHandle<()>,
}

impl Forwarder {
    /// Has the bytes written, in the order of the calls.
    pub(crate) fn forward(&self, mut bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        // ORDERING: Relaxed, everywhere: the numbers say how much there is, and order nothing.
        if self.pending.load(Relaxed) > TOO_MUCH {
            self.left_out.fetch_add(bytes.len(), Relaxed);
            return;
        }
        let own = bytes.len();
        let left_out = self.left_out.swap(0, Relaxed);
        if left_out > 0 {
            let note = format!(
                "trine: {left_out} bytes that workers had written were left out: nobody has read this, or there was no thread to write it\n"
            );
            bytes.splice(0..0, note.into_bytes());
        }
        self.pending.fetch_add(bytes.len(), Relaxed);
        let mut running = self.running.lock();
        if running.is_none() {
            *running = start(&self.pending);
        }
        let left = match &*running {
            Some(Running { sender, .. }) => sender.send(bytes).err().map(|error| error.0),
            None => Some(bytes),
        };
        drop(running);
        // The system has no thread for them now.
        if let Some(bytes) = left {
            self.pending.fetch_sub(bytes.len(), Relaxed);
            self.left_out.fetch_add(left_out + own, Relaxed);
        }
    }

    /// Whether there is so much to write that no more is to be read.
    pub(crate) fn is_behind(&self) -> bool {
        self.pending.load(Relaxed) > MOST
    }

    /// Lets the thread end when it has written what it has been given, and waits for that as long as it gets on.
    pub(crate) fn end(&self) {
        let Some(Running {
            sender,
            ended,
            thread,
        }) = self.running.lock().take()
        else {
            return;
        };
        drop(sender);
        let mut pending = self.pending.load(Relaxed);
        while ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            let left = self.pending.load(Relaxed);
            if left == pending {
                return;
            }
            pending = left;
        }
        // It does not panic; and if it did, it is gone.
        let _ = thread.join();
    }
}

fn start(pending: &Arc<AtomicUsize>) -> Option<Running> {
    let (sender, receiver) = channel::<Vec<u8>>();
    let (end, ended) = channel();
    let pending = Arc::clone(pending);
    let write_all = move || {
        let _end: Sender<()> = end;
        receiver.into_iter().for_each(|bytes| write(&bytes, &pending));
    };
    let thread = thread::Builder::new().name("trine-stderr".to_owned());
    let thread = thread.spawn(write_all).ok()?;
    Some(Running {
        sender,
        ended,
        thread,
    })
}

fn write(bytes: &[u8], pending: &AtomicUsize) {
    let mut stderr = io::stderr().lock();
    let mut rest = bytes;
    while !rest.is_empty() {
        match stderr.write(rest) {
            Ok(written @ 1..) => rest = &rest[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Whoever has the other end may have set the pipe so that nobody waits. So the program's own lines do not wait here either.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                drop(stderr);
                system::wait_for_stderr();
                stderr = io::stderr().lock();
            }
            // A program that has closed its stderr does not want to read it.
            Ok(0) | Err(_) => break,
        }
    }
    drop(stderr);
    pending.fetch_sub(bytes.len(), Relaxed);
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{Forwarder, TOO_MUCH};
    use std::sync::atomic::Ordering::Relaxed;

    #[test]
    fn what_nobody_reads_does_not_grow_for_ever() {
        let forwarder = Forwarder::default();
        forwarder.pending.store(TOO_MUCH + 1, Relaxed);
        forwarder.forward(b"left out".to_vec());
        assert_eq!(forwarder.left_out.load(Relaxed), 8);
        assert_eq!(forwarder.pending.swap(0, Relaxed), TOO_MUCH + 1);
        forwarder.forward(b"(a test has written this line and the one before)\n".to_vec());
        assert_eq!(forwarder.left_out.load(Relaxed), 0);
        forwarder.end();
    }
}
