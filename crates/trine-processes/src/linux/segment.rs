//! Memory of this process that others can read, and can neither write to nor change in size: a sealed memfd.
//!
//! To make it costs a page fault for each page, here and in each worker that maps it. So segments are kept when nobody uses
//! them any more, and workers keep what they have mapped until they are told.

use super::wire::Wire;
use crate::memory::KEPT;
use rustix::fs::{
    FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, ftruncate, memfd_create,
};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::process::{Resource, getrlimit};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, LazyLock, Weak};
use trine_lock::Lock;
use trine_platform::HomeProcess;

/// Nobody but who has mapped it before writes to it, and nobody makes it smaller or takes that back.
const SEALS: SealFlags = SealFlags::FUTURE_WRITE
    .union(SealFlags::SHRINK)
    .union(SealFlags::GROW)
    .union(SealFlags::SEAL);

/// How many segments there are at most, used or kept: each has a descriptor.
const MOST: usize = 64;

/// Shorter ones leave a quarter of them to those from here on, for which the way through the rings is far slower.
const LONG: usize = 256 << 10;

/// A segment that is in use.
pub(crate) struct Segment {
    /// `None` after its end only.
    mapping: Option<Mapping>,
    /// A worker has kept what it was given, beyond its task: it is not written to any more.
    is_held: AtomicBool,
}

/// The memory, mapped for writing.
pub(super) struct Mapping {
    id: u64,
    start: NonNull<u8>,
    room: usize,
    descriptor: OwnedFd,
    /// The workers that have mapped it.
    known_to: Lock<Vec<Weak<Wire>>>,
}

// SAFETY: memory that lives until this is dropped, for whoever has this.
unsafe impl Send for Mapping {}
// SAFETY: a shared reference gives the address only.
unsafe impl Sync for Mapping {}

#[derive(Default)]
struct Store {
    /// The oldest first.
    free: Vec<Mapping>,
    free_bytes: usize,
    /// How many there are, used or free. `take` may go a little beyond the limit, if many threads do so at once.
    count: usize,
    /// How many want that segments are kept.
    keepers: usize,
}

static STORE: LazyLock<Lock<Store>> = LazyLock::new(Lock::default);

/// The process that has the segments. In one that was forked off it they are the parent's.
static HOME: LazyLock<Option<HomeProcess>> = LazyLock::new(|| HomeProcess::current().ok());

fn is_home() -> bool {
    HOME.is_some_and(HomeProcess::is_here)
}

impl Segment {
    /// One with so much room, or up to twice as much. `None` if the system gives none, or there are too many.
    pub(crate) fn take(room: usize) -> Option<Self> {
        if !is_home() {
            return None;
        }
        let mut store = STORE.lock();
        if let Some(index) = store.fitting(room) {
            return Some(Self::new(store.remove(index)));
        }
        let most = if room < LONG { most() - most() / 4 } else { most() };
        let in_the_way = (store.count >= most && !store.free.is_empty()).then(|| store.remove(0));
        let has_room = store.count < most || in_the_way.is_some();
        drop(store);
        drop(in_the_way);
        if has_room {
            Mapping::new(room).ok().map(Self::new)
        } else {
            None
        }
    }

    fn new(mapping: Mapping) -> Self {
        Self {
            mapping: Some(mapping),
            is_held: AtomicBool::new(false),
        }
    }

    pub(super) fn mapping(&self) -> &Mapping {
        self.mapping.as_ref().expect("it is there until the end")
    }

    pub(crate) fn id(&self) -> u64 {
        self.mapping().id
    }

    pub(crate) fn start(&self) -> NonNull<u8> {
        self.mapping().start
    }

    /// A worker goes on reading it, for as long as it likes.
    pub(crate) fn set_held(&self) {
        // ORDERING: Relaxed: who does this gives back its reference afterwards, and who asks has the only one, so the count
        // of references orders them.
        self.is_held.store(true, Relaxed);
    }

    /// Whether who has the only reference may write.
    pub(crate) fn is_writable(&self) -> bool {
        // ORDERING: Relaxed: see `set_held`.
        !self.is_held.load(Relaxed) && is_home()
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        let Some(mapping) = self.mapping.take() else {
            return;
        };
        if !is_home() {
            // It is the other process's, which has the same memory.
            std::mem::forget(mapping);
            return;
        }
        if *self.is_held.get_mut() || mapping.room > KEPT {
            return;
        }
        let mut store = STORE.lock();
        if store.keepers == 0 {
            drop(store);
            return;
        }
        store.free_bytes += mapping.room;
        store.free.push(mapping);
        let mut surplus = Vec::new();
        while store.free_bytes > KEPT {
            surplus.push(store.remove(0));
        }
        drop(store);
        drop(surplus);
    }
}

impl Store {
    /// The smallest free one that has so much room, and not much more.
    fn fitting(&self, room: usize) -> Option<usize> {
        let free = self.free.iter().enumerate();
        let fitting = free.filter(|(_, mapping)| mapping.room >= room && mapping.room / 2 <= room);
        fitting
            .min_by_key(|(_, mapping)| mapping.room)
            .map(|(index, _)| index)
    }

    /// Takes a free one out.
    fn remove(&mut self, index: usize) -> Mapping {
        let mapping = self.free.remove(index);
        self.free_bytes -= mapping.room;
        mapping
    }
}

/// While there is one, segments are kept for later.
pub(crate) struct Keeper(());

impl Keeper {
    pub(crate) fn new() -> Self {
        STORE.lock().keepers += 1;
        Self(())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let mut store = STORE.lock();
        store.keepers -= 1;
        if store.keepers == 0 {
            store.free_bytes = 0;
            let free = std::mem::take(&mut store.free);
            drop(store);
            drop(free);
        }
    }
}

/// How many segments there may be, so that enough descriptors are left for others.
fn most() -> usize {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    MOST.min(usize::try_from(descriptors / 8).unwrap_or(MOST))
}

impl Mapping {
    fn new(room: usize) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let memory = memfd_create("trine-segment", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        let length = room as u64;
        // A signal would end the program if the memory were larger than its files may be.
        if getrlimit(Resource::Fsize)
            .current
            .is_some_and(|limit| limit < length)
        {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        ftruncate(&memory, length)?;
        // Now, because a page that can't be had later ends the process that touches it.
        fallocate(&memory, FallocateFlags::empty(), 0, length)?;
        let start = map(memory.as_fd(), room, ProtFlags::READ | ProtFlags::WRITE)?;
        let mapping = Self {
            // ORDERING: Relaxed: only the number itself matters.
            id: NEXT.fetch_add(1, Relaxed),
            start,
            room,
            descriptor: memory,
            known_to: Lock::default(),
        };
        STORE.lock().count += 1;
        fcntl_add_seals(&mapping.descriptor, SEALS)?;
        Ok(mapping)
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn room(&self) -> usize {
        self.room
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// A worker has mapped it, and is to be told of its end.
    pub(super) fn add_known_to(&self, worker: Weak<Wire>) {
        self.known_to.lock().push(worker);
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `new`, and nobody refers to it any more.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.room) };
        for worker in self.known_to.get_mut().drain(..) {
            if let Some(worker) = worker.upgrade() {
                worker.forget(self.id);
            }
        }
        STORE.lock().count -= 1;
    }
}

fn map(memory: BorrowedFd<'_>, length: usize, access: ProtFlags) -> io::Result<NonNull<u8>> {
    // All pages at once, because a fault for each costs more.
    let flags = MapFlags::SHARED | MapFlags::POPULATE;
    // SAFETY: a new mapping, at an address that the kernel chooses.
    let start = unsafe { mmap(ptr::null_mut(), length, access, flags, memory, 0) }?;
    NonNull::new(start.cast()).ok_or_else(|| io::Error::other("the kernel has mapped memory at address zero"))
}

/// In a worker: a segment of the parent's, mapped for reading.
pub(crate) struct Mapped {
    start: NonNull<u8>,
    room: usize,
}

// SAFETY: memory that nobody writes to while anybody has this.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

impl Mapped {
    pub(super) fn new(memory: BorrowedFd<'_>, room: usize) -> io::Result<Self> {
        let start = map(memory, room, ProtFlags::READ)?;
        Ok(Self { start, room })
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `new`, and nobody refers to it any more.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.room) };
    }
}

/// A use of a mapped segment.
pub(crate) struct View(Arc<Mapped>);

impl View {
    pub(super) fn of(mapped: &Arc<Mapped>) -> Self {
        Self(Arc::clone(mapped))
    }

    pub(crate) fn start(&self) -> NonNull<u8> {
        self.0.start
    }

    pub(crate) fn room(&self) -> usize {
        self.0.room
    }
}
