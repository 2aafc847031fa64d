//! The worker's end of the [`wire`](super::wire).

use super::segment::{Mapped, View};
use super::serve::{die, during};
use super::signals::Blocked;
use super::wire::{Came, Packet, receive, send};
use crate::beside::Beside;
use crate::memory::Memory;
use crate::message::{Entry, Opened};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::fstat;
use rustix::io::Errno;
use rustix::net::SendFlags;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::Acquire;
use std::sync::atomic::fence;
use std::thread;
use std::time::Duration;
use trine_lock::Lock;

/// When to look again without being woken.
const AGAIN: Duration = Duration::from_millis(10);

/// The socket, and what has come through it.
pub(super) struct WorkerWire {
    socket: OwnedFd,
    /// What tells the socket from others: a task may close descriptors that are not its own, and open others.
    identity: (u64, u64),
    inside: Lock<Inside>,
}

#[derive(Default)]
struct Inside {
    /// The memory with the rings.
    link: Option<OwnedFd>,
    /// The parent's segments.
    mapped: HashMap<u64, Arc<Mapped>>,
    /// What the parent has not read yet.
    lent: HashMap<u64, Arc<Memory>>,
}

impl WorkerWire {
    /// Takes the socket from standard input, and puts an empty one in its place.
    pub(super) fn take() -> io::Result<Self> {
        let empty = File::open("/dev/null").map_err(during("opening /dev/null"))?;
        let socket = io::stdin().as_fd().try_clone_to_owned()?;
        rustix::stdio::dup2_stdin(empty)?;
        Ok(Self {
            identity: identity(&socket)?,
            socket,
            inside: Lock::default(),
        })
    }

    /// The memory with the rings, if the parent has sent it.
    pub(super) fn take_link(&self) -> Option<OwnedFd> {
        let mut inside = self.inside.lock();
        self.drain(&mut inside);
        inside.link.take()
    }

    /// From now on the parent may hand tasks to this worker, through the memory.
    pub(super) fn say_hello(&self, identity: u64) -> io::Result<()> {
        send(&self.socket, Packet::Hello(identity), None, SendFlags::empty())
    }

    /// Starts a thread that frees what the parent has done with, and ends this process with its parent: even while a task keeps it
    /// busy, and if the signal that should do so does not come, because a task may have changed what that signal does.
    pub(super) fn watch(self: &Arc<Self>) -> io::Result<()> {
        const STACK: usize = 64 * 1024;
        let wire = Arc::clone(self);
        let watch = move || {
            // They are for the task's own thread, which may have blocked some, to wait for them.
            let _blocked = Blocked::new();
            while wire.is_open() {
                // Without the lock, and it takes nothing: another thread may do that first.
                if poll(&mut [PollFd::new(&wire.socket, PollFlags::IN)], None).is_err() {
                    // A task has given up the right to it, or to descriptors.
                    thread::sleep(AGAIN);
                }
                wire.drain(&mut wire.inside.lock());
            }
        };
        let thread = thread::Builder::new().name("trine-parent".to_owned());
        thread.stack_size(STACK).spawn(watch)?;
        Ok(())
    }

    /// Whether no task has closed the socket.
    pub(super) fn is_open(&self) -> bool {
        identity(&self.socket).is_ok_and(|identity| identity == self.identity)
    }

    /// Takes what has come.
    fn drain(&self, inside: &mut Inside) {
        while self.is_open() {
            match receive(&self.socket) {
                Ok(Came::Packet(Packet::Here(Entry { id, length }), memory)) => {
                    let mapped = memory.map(|memory| Mapped::new(memory.as_fd(), length));
                    if let Some(Ok(mapped)) = mapped {
                        inside.mapped.insert(id, Arc::new(mapped));
                    } else {
                        // Who needs it now says that it is not there. For the next task the parent sends it again.
                        let _ = send(&self.socket, Packet::Forget(id), None, SendFlags::DONTWAIT);
                    }
                }
                Ok(Came::Packet(Packet::Forget(id), _)) => drop(inside.mapped.remove(&id)),
                Ok(Came::Packet(Packet::Return(id), _)) => drop(inside.lent.remove(&id)),
                Ok(Came::Packet(Packet::Link, memory)) => inside.link = memory,
                Ok(Came::Packet(Packet::Hello(_), _) | Came::Nonsense) => {}
                // Without having said stop, the parent is gone: nothing of its workers may stay.
                Ok(Came::End) => die(),
                Ok(Came::Nothing) | Err(_) => return,
            }
        }
    }

    /// What is beside a request. The error says why it can't be had.
    pub(super) fn receive(&self, opened: &Opened<'_>) -> Result<Beside, String> {
        opened.take(|entry| {
            let mut inside = self.inside.lock();
            if !inside.mapped.contains_key(&entry.id) {
                self.drain(&mut inside);
            }
            let mapped = inside.mapped.get(&entry.id);
            let memory = mapped.and_then(|mapped| Memory::of_view(View::of(mapped), entry.length));
            memory.ok_or_else(|| {
                "the worker can't map its memory: it has no more descriptors, or no room for it".to_owned()
            })
        })
    }

    /// Whether something that was beside a request is in use, after its task.
    pub(super) fn holds_any(&self, beside: &[Entry]) -> bool {
        if beside.is_empty() {
            return false;
        }
        let inside = self.inside.lock();
        let is_held = |entry: &Entry| {
            inside
                .mapped
                .get(&entry.id)
                .is_none_or(|mapped| Arc::strong_count(mapped) > 1)
        };
        let holds = beside.iter().any(is_held);
        // ORDERING: Acquire pairs with the Release of the reference counts: what other threads have read comes before what the
        // parent writes when it knows of this.
        fence(Acquire);
        holds
    }

    /// Has the parent read what is beside a reply, which comes after this.
    pub(super) fn lend(&self, beside: &Beside) -> io::Result<()> {
        for memory in beside.iter() {
            let Some(segment) = memory.segment() else { continue };
            if !self.is_open() {
                return Err(Errno::BADF.into());
            }
            let here = Packet::Here(Entry {
                id: segment.id(),
                length: memory.bytes().len(),
            });
            self.inside.lock().lent.insert(segment.id(), Arc::clone(memory));
            let mapping = segment.mapping().as_fd();
            if let Err(error) = send(&self.socket, here, Some(mapping), SendFlags::empty()) {
                // The parent has nothing to give back.
                self.inside.lock().lent.remove(&segment.id());
                return Err(error);
            }
        }
        Ok(())
    }
}

fn identity(socket: &OwnedFd) -> io::Result<(u64, u64)> {
    let stat = fstat(socket)?;
    Ok((stat.st_dev, stat.st_ino))
}
