//! The socket between the parent and one worker, through which the descriptors of segments go.
//!
//! The worker gets its end as its standard input, which it replaces by an empty one, and says hello through it. Its end tells
//! the worker that the parent is gone. The parent says which segments there are and which are not any more, before the
//! request that needs it; the worker sends the descriptor of each that is beside its reply, before the reply.

use super::descriptors::beside_standard_streams;
use super::segment::Mapping;
use crate::beside::Beside;
use crate::memory::Memory;
use crate::message::Entry;
use rustix::fs::{fcntl_get_seals, fstat};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType, recvmsg, sendmsg, shutdown,
    socketpair,
};
use std::collections::{HashMap, HashSet};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use trine_lock::Lock;

/// What is said of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// From either side: this is its descriptor, and its length.
    Here(Entry),
    /// From the parent: one of its own is not any more. From the worker: it has not been able to map it.
    Forget(u64),
    /// From the parent: one of the worker's has been read.
    Return(u64),
    /// From the parent, first: this is the descriptor of the memory with the rings.
    Link,
    /// From the worker, first: it serves the parent through that memory. This is the identity of its image.
    Hello(u64),
}

/// How many descriptors the parent has for replies that it has not read, at most. No worker sends more: it has a reply with what
/// is beside it under way in some threads of the parent, and the rest in the ring.
const ARRIVED: usize = 256;

/// The length of a packet.
const LENGTH: usize = 3 * size_of::<u64>();

impl Packet {
    fn encode(self) -> [u8; LENGTH] {
        let words = match self {
            Self::Here(Entry { id, length }) => [0, id, length as u64],
            Self::Forget(id) => [1, id, 0],
            Self::Return(id) => [2, id, 0],
            Self::Link => [3, 0, 0],
            Self::Hello(identity) => [4, identity, 0],
        };
        let mut bytes = [0; LENGTH];
        for (place, word) in bytes.chunks_mut(size_of::<u64>()).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    fn decode(bytes: [u8; LENGTH]) -> Option<Self> {
        let mut words = [0; 3];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        match words {
            [0, id, length] => {
                let length = usize::try_from(length).ok()?;
                Some(Self::Here(Entry { id, length }))
            }
            [1, id, 0] => Some(Self::Forget(id)),
            [2, id, 0] => Some(Self::Return(id)),
            [3, 0, 0] => Some(Self::Link),
            [4, identity, 0] => Some(Self::Hello(identity)),
            _ => None,
        }
    }
}

/// Sends a packet. With `DONTWAIT` among the flags, it does not block.
pub(super) fn send(
    socket: &OwnedFd,
    packet: Packet,
    descriptor: Option<BorrowedFd<'_>>,
    flags: SendFlags,
) -> io::Result<()> {
    let bytes = packet.encode();
    let descriptors = descriptor.as_slice();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let sent = rustix::io::retry_on_intr(|| {
        sendmsg(
            socket,
            &[IoSlice::new(&bytes)],
            &mut control,
            SendFlags::NOSIGNAL | flags,
        )
    });
    Ok(sent.map(drop)?)
}

/// What has come through a socket.
pub(super) enum Came {
    Packet(Packet, Option<OwnedFd>),
    /// No packet.
    Nonsense,
    /// Nothing, so far.
    Nothing,
    /// The other side is gone.
    End,
}

/// Takes what has come, without waiting for it.
pub(super) fn receive(socket: &OwnedFd) -> io::Result<Came> {
    let mut bytes = [0; LENGTH];
    // For one descriptor: the kernel closes others.
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let came = rustix::io::retry_on_intr(|| {
        recvmsg(socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags)
    });
    let length = match came {
        Ok(came) => came.bytes,
        Err(Errno::AGAIN) => return Ok(Came::Nothing),
        Err(Errno::CONNRESET) => return Ok(Came::End),
        Err(error) => return Err(error.into()),
    };
    let mut descriptor = None;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            descriptor = descriptors.last();
        }
    }
    if length == 0 {
        return Ok(Came::End);
    }
    // Each is sent at once, and so comes at once.
    let packet = if length == LENGTH {
        Packet::decode(bytes)
    } else {
        None
    };
    Ok(packet.map_or(Came::Nonsense, |packet| Came::Packet(packet, descriptor)))
}

/// The parent's end. Nothing here blocks.
pub(crate) struct Wire {
    socket: OwnedFd,
    inside: Lock<Inside>,
}

#[derive(Default)]
struct Inside {
    /// The segments that the worker knows.
    known: HashSet<u64>,
    /// What the worker is still to be told.
    untold: Vec<Packet>,
    /// What has come for replies that are not read yet.
    arrived: HashMap<u64, OwnedFd>,
}

impl Wire {
    /// A new socket, and the worker's end of it. It is a stream, because the kernel lets ten messages wait in others.
    pub(super) fn new() -> io::Result<(Self, OwnedFd)> {
        let (socket, end) = socketpair(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        let socket = beside_standard_streams(socket)?;
        let inside = Lock::default();
        Ok((Self { socket, inside }, beside_standard_streams(end)?))
    }

    /// Gives the worker the memory with the rings. To be done before it is started.
    pub(super) fn send_link(&self, memory: &OwnedFd) -> io::Result<()> {
        send(
            &self.socket,
            Packet::Link,
            Some(memory.as_fd()),
            SendFlags::DONTWAIT,
        )
    }

    /// Has the worker find that its parent is gone.
    pub(super) fn hang_up(&self) {
        let _ = shutdown(&self.socket, Shutdown::Both);
    }

    /// The identity in the worker's hello. `None` if nothing has come so far.
    pub(super) fn receive_hello(&self) -> io::Result<Option<u64>> {
        match receive(&self.socket)? {
            Came::Packet(Packet::Hello(identity), _) => Ok(Some(identity)),
            Came::Packet(..) | Came::Nonsense => Err(io::Error::other("it is not what a worker says")),
            Came::Nothing => Ok(None),
            Came::End => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Has the worker know these segments.
    pub(super) fn introduce(self: &Arc<Self>, beside: &Beside) -> io::Result<()> {
        for segment in beside.iter().filter_map(|memory| memory.segment()) {
            self.introduce_one(segment.mapping())?;
        }
        Ok(())
    }

    fn introduce_one(self: &Arc<Self>, mapping: &Mapping) -> io::Result<()> {
        let mut inside = self.inside.lock();
        // It may not have been able to map it. A worker that goes on saying so keeps nobody here.
        for _ in 0..ARRIVED {
            if inside.arrived.len() == ARRIVED || !self.take_one(&mut inside) {
                break;
            }
        }
        if inside.known.contains(&mapping.id()) {
            return Ok(());
        }
        self.tell(&mut inside)?;
        let here = Packet::Here(Entry {
            id: mapping.id(),
            length: mapping.room(),
        });
        send(&self.socket, here, Some(mapping.as_fd()), SendFlags::DONTWAIT)?;
        inside.known.insert(mapping.id());
        drop(inside);
        mapping.add_known_to(Arc::downgrade(self));
        Ok(())
    }

    /// A segment of this process is not any more.
    pub(super) fn forget(&self, id: u64) {
        let mut inside = self.inside.lock();
        inside.known.remove(&id);
        inside.untold.push(Packet::Forget(id));
        // What can't be told now is told before the next segment.
        let _ = self.tell(&mut inside);
    }

    fn tell(&self, inside: &mut Inside) -> io::Result<()> {
        while let Some(packet) = inside.untold.first() {
            send(&self.socket, *packet, None, SendFlags::DONTWAIT)?;
            inside.untold.remove(0);
        }
        Ok(())
    }

    /// Copies what is beside a reply that has come. The worker may use its segment again then. The error says what is wrong.
    pub(super) fn collect(&self, entry: Entry) -> Result<Memory, String> {
        let mut inside = self.inside.lock();
        let descriptor = self.take_arrived(&mut inside, entry.id);
        drop(inside);
        let memory = descriptor
            .ok_or_else(|| {
                "its memory has not come, or this program has no descriptor left for it".to_owned()
            })
            .and_then(|descriptor| copy(descriptor, entry.length));
        let mut inside = self.inside.lock();
        inside.untold.push(Packet::Return(entry.id));
        let _ = self.tell(&mut inside);
        memory
    }

    /// The descriptor of that segment of the worker's. It has been sent before it is asked for.
    fn take_arrived(&self, inside: &mut Inside, id: u64) -> Option<OwnedFd> {
        while !inside.arrived.contains_key(&id) && inside.arrived.len() < ARRIVED {
            if !self.take_one(inside) {
                break;
            }
        }
        inside.arrived.remove(&id)
    }

    /// Takes a packet of the worker's. False if there is none.
    fn take_one(&self, inside: &mut Inside) -> bool {
        match receive(&self.socket) {
            Ok(Came::Packet(Packet::Here(entry), Some(descriptor))) => {
                inside.arrived.insert(entry.id, descriptor);
            }
            Ok(Came::Packet(Packet::Forget(id), _)) => {
                inside.known.remove(&id);
            }
            Ok(Came::Packet(..) | Came::Nonsense) => {}
            Ok(Came::Nothing | Came::End) | Err(_) => return false,
        }
        true
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Copies memory of a worker's, which may be anything and change meanwhile: the kernel copies, so nothing here looks at it
/// before.
fn copy(descriptor: OwnedFd, length: usize) -> Result<Memory, String> {
    let wrong = |error: Errno| format!("its memory can't be read: {error}");
    // Other files have no seals, and reading them might block.
    fcntl_get_seals(&descriptor).map_err(wrong)?;
    let stat = fstat(&descriptor).map_err(wrong)?;
    let there = u64::try_from(stat.st_blocks)
        .unwrap_or_default()
        .saturating_mul(512);
    // So that the worker can't have the parent take more memory than it has taken itself.
    if there < length as u64 {
        return Err(format!(
            "its memory is shorter than the {length} bytes that it claims"
        ));
    }
    let mut memory =
        Memory::try_for_overwrite(length).ok_or_else(|| format!("there is no memory for {length} bytes"))?;
    let mut rest = memory.get_mut().unwrap_or_default();
    let mut offset = 0;
    while !rest.is_empty() {
        match rustix::io::retry_on_intr(|| rustix::io::pread(&descriptor, &mut *rest, offset))
            .map_err(wrong)?
        {
            0 => return Err("its memory has become shorter".to_owned()),
            read => {
                rest = &mut rest[read..];
                offset += read as u64;
            }
        }
    }
    Ok(memory)
}

#[cfg(all(test, not(trine_loom)))]
#[path = "wire_tests.rs"]
mod tests;
