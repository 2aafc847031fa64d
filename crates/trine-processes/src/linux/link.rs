//! The memory that the parent shares with one worker: two rings and a slot, sealed so that nobody can change its size.
//!
//! The worker gets it as its standard input, which it replaces by an empty one: so no descriptor is inherited by others, no
//! path leads to it, and none is left open on either side.

use super::ring::{Broken, Cursors, Reader, Ring, Writer};
use super::slot::Slot;
use rustix::fs::{
    FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, fcntl_get_seals, memfd_create,
};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::process::{Resource, getrlimit};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::{self, NonNull};
use trine_platform::atomic::AtomicUsize;

/// The words of one ring: 64 KiB, which the caches of a core hold.
const WORDS: usize = 64 * 1024 / size_of::<usize>();

/// Nobody makes the memory smaller, so no access to it can fail; nor larger, nor takes that back.
const SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::SEAL);

/// What lies there. All zeros are its beginning.
#[repr(C)]
struct Layout {
    requests: Cursors,
    replies: Cursors,
    slot: Slot,
    request_words: [AtomicUsize; WORDS],
    reply_words: [AtomicUsize; WORDS],
}

/// The memory, in this process.
struct Link(NonNull<Layout>);

// SAFETY: what is in a layout is atomic, so it is for any thread.
unsafe impl Send for Link {}
// SAFETY: as above.
unsafe impl Sync for Link {}

impl Link {
    fn map(memory: &OwnedFd) -> io::Result<Self> {
        // SAFETY: a new mapping, at an address that the kernel chooses.
        let mapping = unsafe {
            mmap(
                ptr::null_mut(),
                size_of::<Layout>(),
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                memory.as_fd(),
                0,
            )
        }?;
        NonNull::new(mapping.cast())
            .map(Self)
            .ok_or_else(|| io::Error::other("the kernel has mapped memory at address zero"))
    }

    fn layout(&self) -> &Layout {
        // SAFETY: the mapping is as long as a layout, lives as long as `self`, and can't shrink. It began as zeros, which
        // are a layout, and holds nothing but atomics, for which any bytes are valid.
        unsafe { self.0.as_ref() }
    }

    fn requests(&self) -> Ring<'_> {
        let Layout {
            requests,
            request_words,
            ..
        } = self.layout();
        Ring {
            cursors: requests,
            words: request_words,
        }
    }

    fn replies(&self) -> Ring<'_> {
        let Layout {
            replies, reply_words, ..
        } = self.layout();
        Ring {
            cursors: replies,
            words: reply_words,
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `map`, and nobody refers to it any more.
        let _ = unsafe { munmap(self.0.as_ptr().cast(), size_of::<Layout>()) };
    }
}

/// The parent's end.
pub(super) struct ParentEnd(Link);

impl ParentEnd {
    /// New memory, and what the worker finds it by: its standard input.
    pub(super) fn new() -> io::Result<(Self, OwnedFd)> {
        let memory = memfd_create("trine", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        let size = size_of::<Layout>() as u64;
        // A signal would end the program if the memory were larger than its files may be.
        if getrlimit(Resource::Fsize)
            .current
            .is_some_and(|limit| limit < size)
        {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        // Now, because a page that can't be had later ends the process that touches it.
        fallocate(&memory, FallocateFlags::empty(), 0, size)?;
        fcntl_add_seals(&memory, SEALS)?;
        Ok((Self(Link::map(&memory)?), memory))
    }

    /// Hands a message to the worker. Blocks while there is no room for it, unless `is_over`.
    pub(super) fn send(
        &self,
        writer: &mut Writer,
        request: &[u8],
        is_over: impl Fn() -> bool,
    ) -> Result<(), Broken> {
        self.0.layout().slot.offer();
        writer.write(self.0.requests(), request, is_over)
    }

    /// Takes a message of the worker. Blocks until there is one, or it `is_over`.
    pub(super) fn receive(&self, reader: &mut Reader, is_over: impl Fn() -> bool) -> Result<Vec<u8>, Broken> {
        reader.read(self.0.replies(), is_over)
    }

    /// Takes back what was handed to the worker. False if it has begun to run it.
    pub(super) fn revoke(&self) -> bool {
        self.0.layout().slot.revoke()
    }

    /// Has a thread that sends or receives look whether it is over.
    pub(super) fn interrupt(&self) {
        self.0.layout().requests.wake_all();
        self.0.layout().replies.wake_all();
    }
}

/// The worker's end.
pub(super) struct WorkerEnd {
    link: Link,
    reader: Reader,
    writer: Writer,
}

impl WorkerEnd {
    /// Takes the memory from standard input, and puts an empty one in its place.
    pub(super) fn take() -> io::Result<Self> {
        let memory = io::stdin().as_fd().try_clone_to_owned()?;
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        if !fcntl_get_seals(&memory)?.contains(SEALS) {
            return Err(io::Error::other(
                "standard input is not what the parent gives to a worker",
            ));
        }
        Ok(Self {
            link: Link::map(&memory)?,
            reader: Reader::default(),
            writer: Writer::default(),
        })
    }

    /// Blocks until the parent hands over a message, and takes it.
    pub(super) fn receive(&mut self) -> Result<Vec<u8>, Broken> {
        self.reader.read(self.link.requests(), || false)
    }

    /// Whether the task that has been received may run.
    pub(super) fn claim(&self) -> bool {
        self.link.layout().slot.claim()
    }

    /// Sends a message to the parent. Blocks while there is no room for it.
    pub(super) fn send(&mut self, reply: &[u8]) -> Result<(), Broken> {
        self.writer.write(self.link.replies(), reply, || false)
    }
}
