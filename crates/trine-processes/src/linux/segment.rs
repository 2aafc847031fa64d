//! Memory of this process that others can read, and can neither write to nor change in size: a sealed memfd.
//!
//! To make it costs a page fault for each page, here and in each worker that maps it. So segments are kept when nobody uses
//! them any more, and workers keep what they have mapped until they are told.

use super::allocation::allocate;
use super::descriptors::beside_standard_streams;
use super::resource_limit::limit_of;
use super::wire::Wire;
use crate::memory::KEPT;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64};
use std::sync::{Arc, Weak};
use trine_lock::Lock;
use trine_platform::HomeProcess;

/// Nobody but who has mapped it before writes to it, and nobody makes it smaller or takes that back.
const SEALS: SealFlags = SealFlags::FUTURE_WRITE
    .union(SealFlags::SHRINK)
    .union(SealFlags::GROW)
    .union(SealFlags::SEAL);

/// How many segments there are at most, used or kept: each has a descriptor.
const MOST: usize = 64;
/// How many descriptors a process may have, if the system does not say.
const USUAL_DESCRIPTORS: u64 = 1024;

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
    store: &'static Store,
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

/// The segments of one process.
struct Store {
    home: HomeProcess,
    segments: Lock<Segments>,
}

#[derive(Default)]
struct Segments {
    /// The oldest first.
    free: Vec<Mapping>,
    free_bytes: usize,
    /// How many there are, used or free. `take` may go a little beyond the limit, if many threads do so at once.
    count: usize,
    /// How many want that segments are kept.
    keepers: usize,
}

impl Store {
    /// That of this process. `None` if there is no memory for a fork to be noticed.
    fn here() -> Option<&'static Self> {
        static CURRENT: AtomicPtr<Store> = AtomicPtr::new(ptr::null_mut());
        // ORDERING: Acquire, here and below, pairs with the Release.
        let mut current = CURRENT.load(Acquire);
        loop {
            // SAFETY: a store is never freed. One of the process that this one was forked off may be locked for ever, and is left alone.
            let known = unsafe { current.as_ref() };
            if let Some(store) = known.filter(|store| store.home.is_here()) {
                return Some(store);
            }
            let new = Box::new(Self {
                home: HomeProcess::current().ok()?,
                segments: Lock::default(),
            });
            let new = Box::into_raw(new);
            match CURRENT.compare_exchange(current, new, Release, Acquire) {
                Ok(_) => current = new,
                Err(other) => {
                    // SAFETY: nobody else has seen it.
                    drop(unsafe { Box::from_raw(new) });
                    current = other;
                }
            }
        }
    }
}

impl Segment {
    /// One with so much room, or up to twice as much. `None` if the system gives none, or there are too many.
    pub(crate) fn take(room: usize) -> Option<Self> {
        let store = Store::here()?;
        let mut segments = store.segments.lock();
        if let Some(index) = segments.fitting(room) {
            return Some(Self::new(segments.remove(index)));
        }
        let most = if room < LONG { most() - most() / 4 } else { most() };
        let in_the_way = (segments.count >= most && !segments.free.is_empty()).then(|| segments.remove(0));
        let has_room = segments.count < most || in_the_way.is_some();
        drop(segments);
        drop(in_the_way);
        if has_room {
            Mapping::new(store, room).ok().map(Self::new)
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
        !self.is_held.load(Relaxed) && self.mapping().store.home.is_here()
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        let Some(mapping) = self.mapping.take() else {
            return;
        };
        let store = mapping.store;
        if !store.home.is_here() {
            // It is the other process's, which has the same memory.
            std::mem::forget(mapping);
            return;
        }
        if *self.is_held.get_mut() || mapping.room > KEPT {
            return;
        }
        let mut segments = store.segments.lock();
        if segments.keepers == 0 {
            drop(segments);
            return;
        }
        segments.free_bytes += mapping.room;
        segments.free.push(mapping);
        let mut surplus = Vec::new();
        while segments.free_bytes > KEPT {
            surplus.push(segments.remove(0));
        }
        drop(segments);
        drop(surplus);
    }
}

impl Segments {
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
pub(crate) struct Keeper(Option<&'static Store>);

impl Keeper {
    pub(crate) fn new() -> Self {
        let store = Store::here();
        if let Some(store) = store {
            store.segments.lock().keepers += 1;
        }
        Self(store)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let Some(store) = self.0.filter(|store| store.home.is_here()) else {
            return;
        };
        let mut segments = store.segments.lock();
        segments.keepers -= 1;
        if segments.keepers == 0 {
            segments.free_bytes = 0;
            let free = std::mem::take(&mut segments.free);
            drop(segments);
            drop(free);
        }
    }
}

/// How many segments there may be, so that enough descriptors are left for others.
fn most() -> usize {
    let descriptors = limit_of(libc::RLIMIT_NOFILE).unwrap_or(USUAL_DESCRIPTORS);
    MOST.min(usize::try_from(descriptors / 8).unwrap_or(MOST))
}

impl Mapping {
    fn new(store: &'static Store, room: usize) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let memory = memfd_create("trine-segment", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        let memory = beside_standard_streams(memory)?;
        allocate(&memory, room)?;
        let start = map(memory.as_fd(), room, ProtFlags::READ | ProtFlags::WRITE)?;
        let mapping = Self {
            store,
            // ORDERING: Relaxed: only the number itself matters.
            id: NEXT.fetch_add(1, Relaxed),
            start,
            room,
            descriptor: memory,
            known_to: Lock::default(),
        };
        store.segments.lock().count += 1;
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
        if !self.store.home.is_here() {
            // The process that has made it may have been forked while it held the lock, and this one never frees it.
            return;
        }
        let mut known_to = self.known_to.lock();
        if known_to.len() == known_to.capacity() {
            // Those that are gone are swept out before the list grows.
            known_to.retain(|worker| worker.strong_count() > 0);
        }
        known_to.push(worker);
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
        self.store.segments.lock().count -= 1;
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

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::super::wire::Wire;
    use super::{Keeper, Mapping, Segment, Store};
    use std::sync::Arc;
    use trine_fixture::in_forked_child;

    /// Whoever has the lock at the time of the fork is not there to let go of it.
    #[test]
    fn a_forked_child_has_segments_of_its_own() {
        let _keeper = Keeper::new();
        let segment = Segment::take(1).unwrap();
        let locked = Store::here().unwrap().segments.lock();
        assert!(in_forked_child(|| {
            let _keeper = Keeper::new();
            let own = Segment::take(1).unwrap();
            own.is_writable() && !segment.is_writable()
        }));
        drop(locked);
        assert!(segment.is_writable());
    }

    #[test]
    fn a_segment_forgets_the_workers_that_are_gone() {
        let mapping = Mapping::new(Store::here().unwrap(), 1).unwrap();
        for _ in 0..1_000 {
            let wire = Arc::new(Wire::new().unwrap().0);
            mapping.add_known_to(Arc::downgrade(&wire));
        }
        assert!(mapping.known_to.lock().len() < 10);
    }
}
