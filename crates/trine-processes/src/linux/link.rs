//! The memory that the parent shares with one worker: two rings and slots, sealed so that nobody can change its size.
//!
//! The worker gets it through the [`wire`](super::wire): so no descriptor is inherited by others, no path leads to it, and none
//! is left open on either side.

use super::allocation::allocate;
use super::descriptors::beside_standard_streams;
use super::replies::Replies;
use super::ring::{Broken, Cursors, Reader, Ring, Writer};
use super::slot::{SLOTS, Slot};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};
use trine_lock::Lock;
use trine_platform::atomic::AtomicUsize;
use trine_platform::atomic::Ordering::Relaxed;

/// The words of one ring: 64 KiB, which the caches of a core hold.
const WORDS: usize = 64 * 1024 / size_of::<usize>();

/// So many tasks that travel together may be replied to before the parent hears how long they took: to look at the clock for each
/// would cost as much as some of them, and if they are long somebody else should have the rest.
const NOTED_TOGETHER: u32 = 16;

/// Nobody makes the memory smaller, so no access to it can fail; nor larger, nor takes that back.
const SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::SEAL);

/// What lies there. All zeros are its beginning.
#[repr(C)]
struct Layout {
    requests: Cursors,
    replies: Cursors,
    busy: BusyTime,
    slots: [Slot; SLOTS as usize],
    request_words: [AtomicUsize; WORDS],
    reply_words: [AtomicUsize; WORDS],
}

/// How long the worker has been at tasks so far, in nanoseconds. On a cache line of its own.
#[repr(C, align(128))]
struct BusyTime(AtomicUsize);

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

    fn slot(&self, call: u32) -> &Slot {
        &self.layout().slots[call as usize % SLOTS as usize]
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
pub(super) struct ParentEnd {
    link: Link,
    sender: Lock<Sender>,
    reader: Lock<Reader>,
}

#[derive(Default)]
struct Sender {
    writer: Writer,
    /// The number of calls so far.
    calls: u32,
    /// A call has its number, and is not in the ring yet.
    is_streaming: bool,
}

impl ParentEnd {
    /// New memory, and its descriptor, for the worker.
    pub(super) fn new() -> io::Result<(Self, OwnedFd)> {
        let memory = memfd_create("trine", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        let memory = beside_standard_streams(memory)?;
        allocate(&memory, size_of::<Layout>())?;
        fcntl_add_seals(&memory, SEALS)?;
        let link = Link::map(&memory)?;
        let (sender, reader) = (Lock::default(), Lock::default());
        Ok((Self { link, sender, reader }, memory))
    }

    /// Hands a call to the worker, and returns its number, if there is room for it now. The worker sees it at the latest after
    /// [`wake_worker`](Self::wake_worker). `oldest` is the first call that the worker has and has not answered.
    pub(super) fn try_hand(&self, request: &[u8], oldest: Option<u32>) -> Option<u32> {
        let mut sender = self.sender.try_lock()?;
        let call = sender.calls;
        let has_slot = oldest.is_none_or(|oldest| call.wrapping_sub(oldest) < SLOTS);
        if sender.is_streaming || !has_slot {
            return None;
        }
        // Offered first, because the worker may see it at once.
        self.slot(call).offer(call);
        // Nonsense in the ring is found out by who writes in any case.
        if sender.writer.try_write(self.link.requests(), request) != Ok(true) {
            return None;
        }
        sender.calls = call.wrapping_add(1);
        Some(call)
    }

    /// Has the worker look for calls.
    pub(super) fn wake_worker(&self) {
        self.link.layout().requests.wake_reader();
    }

    /// Gives a number to a call of any length, which is then [streamed](Self::stream). The worker has no other one.
    pub(super) fn begin_streaming(&self) -> u32 {
        let mut sender = self.sender.lock();
        let call = sender.calls;
        sender.calls = call.wrapping_add(1);
        sender.is_streaming = true;
        self.slot(call).offer(call);
        call
    }

    /// The call that was to be streamed is not: it was taken back. So the next one has its number.
    pub(super) fn end_streaming(&self) {
        let mut sender = self.sender.lock();
        sender.is_streaming = false;
        sender.calls = sender.calls.wrapping_sub(1);
    }

    /// Writes a message of any length, which is a call that has its number, or none. Blocks while there is no room for it,
    /// unless `is_over`.
    pub(super) fn stream(&self, request: &[u8], is_over: impl Fn() -> bool) -> Result<(), Broken> {
        let mut sender = self.sender.lock();
        sender.is_streaming = false;
        sender.writer.write(self.link.requests(), request, is_over)
    }

    /// What the worker replies.
    pub(super) fn replies(&self) -> Replies<'_> {
        Replies {
            ring: self.link.replies(),
            reader: &self.reader,
        }
    }

    /// How long the worker has been at tasks so far, by its own word. Where addresses have 4 bytes it begins anew after 4 s.
    pub(super) fn busy(&self) -> Duration {
        // ORDERING: Relaxed: it is a number. Whoever has read a reply sees what was noted before that was written.
        let nanoseconds = self.link.layout().busy.0.load(Relaxed);
        Duration::from_nanos(nanoseconds as u64)
    }

    /// Takes back what the worker has not begun of a call. Returns how many of its tasks it has, the first ones; `None` if there
    /// is nothing to be had back.
    #[must_use]
    pub(super) fn revoke(&self, call: u32) -> Option<u32> {
        self.slot(call).revoke(call)
    }

    /// Has a thread that sends or receives look whether it is over.
    pub(super) fn interrupt(&self) {
        self.link.layout().requests.wake_all();
        self.link.layout().replies.wake_all();
    }

    fn slot(&self, call: u32) -> &Slot {
        self.link.slot(call)
    }
}

/// The worker's end.
pub(super) struct WorkerEnd {
    link: Link,
    reader: Reader,
    writer: Writer,
    /// The number of the next call.
    call: u32,
    /// How long the worker has been at tasks, up to `since`, when it began what it is at now.
    busy: Duration,
    since: Instant,
    /// How many replies have been sent since then.
    unnoted: u32,
}

impl WorkerEnd {
    /// Maps what has come from the parent.
    pub(super) fn new(memory: &OwnedFd) -> io::Result<Self> {
        if !fcntl_get_seals(memory)?.contains(SEALS) {
            return Err(io::Error::other("it is not what the parent gives to a worker"));
        }
        let link = Link::map(memory)?;
        // A task may fork, and return in the child as well: that would be a second worker in the same rings, and ends here instead,
        // unless the system forbids to say so.
        // SAFETY: the range is the mapping, and what becomes of it in a child changes nothing for this process.
        let _ = unsafe { madvise(link.0.as_ptr().cast(), size_of::<Layout>(), Advice::LinuxDontFork) };
        Ok(Self {
            link,
            reader: Reader::default(),
            writer: Writer::default(),
            call: 0,
            busy: Duration::ZERO,
            since: Instant::now(),
            unnoted: 0,
        })
    }

    /// Blocks until the parent hands over a message, and takes it into `message`, whose memory is used again.
    pub(super) fn receive(&mut self, message: &mut Vec<u8>) -> Result<(), Broken> {
        let waits = !self.reader.has_some(self.link.requests());
        self.reader.read_into(message, self.link.requests(), || false)?;
        if waits {
            self.since = Instant::now();
        }
        Ok(())
    }

    /// Notes how long the worker has been at tasks, of which one or several have ended now.
    fn note_busy_time(&mut self) {
        let now = Instant::now();
        self.busy += now - self.since;
        self.since = now;
        self.unnoted = 0;
        // ORDERING: Relaxed: see `ParentEnd::busy`.
        let busy = &self.link.layout().busy.0;
        busy.store(self.busy.as_nanos() as usize, Relaxed);
    }

    /// The number of the call that has been received. To be asked once for each.
    pub(super) fn next_call(&mut self) -> u32 {
        let call = self.call;
        self.call = call.wrapping_add(1);
        call
    }

    /// Whether the next task of the call may run, which has begun so many.
    pub(super) fn claim(&self, call: u32, begun: u32) -> bool {
        self.link.slot(call).claim(call, begun)
    }

    /// Sends a message to the parent, as soon as another one is sent at the latest. Blocks while there is no room for it.
    pub(super) fn send_soon(&mut self, reply: &[u8]) -> Result<(), Broken> {
        let ring = self.link.replies();
        if !self.writer.try_write(ring, reply)? {
            self.note_busy_time();
            return self.send_when_there_is_room(reply);
        }
        ring.cursors.reader_alarm().ring_if_urgent();
        self.unnoted += 1;
        if self.unnoted == NOTED_TOGETHER {
            self.note_busy_time();
        }
        Ok(())
    }

    /// Has the parent see what was sent: this was the last for now.
    pub(super) fn wake_parent(&mut self) {
        self.note_busy_time();
        self.link.replies().cursors.reader_alarm().ring_at_the_end();
    }

    /// Sends a message to the parent. Blocks while there is no room for it.
    pub(super) fn send(&mut self, reply: &[u8]) -> Result<(), Broken> {
        self.note_busy_time();
        let ring = self.link.replies();
        if !self.writer.try_write(ring, reply)? {
            return self.send_when_there_is_room(reply);
        }
        self.writer
            .look_and_wake_reader(ring, || self.reader.has_some(self.link.requests()));
        Ok(())
    }

    /// Sends what there is no room for yet. The busy time has been noted: if the parent gets no processor, what comes next does not
    /// take longer for that.
    fn send_when_there_is_room(&mut self, reply: &[u8]) -> Result<(), Broken> {
        let ring = self.link.replies();
        // Who dozes has much to read.
        ring.cursors.wake_reader();
        self.writer.write(ring, reply, || false)?;
        self.since = Instant::now();
        Ok(())
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{NOTED_TOGETHER, ParentEnd, WorkerEnd};
    use std::thread;
    use std::time::{Duration, Instant};

    #[test]
    fn a_call_that_was_announced_and_taken_back_leaves_its_number_to_the_next_one() {
        let (parent, memory) = ParentEnd::new().expect("there is memory");
        let mut worker = WorkerEnd::new(&memory).expect("it can be mapped");
        let announced = parent.begin_streaming();
        assert_eq!(parent.try_hand(b"another one", None), None);
        assert_eq!(parent.revoke(announced), Some(0));
        parent.end_streaming();
        let handed = parent.try_hand(b"the next one", None).expect("there is room");
        let mut message = Vec::new();
        worker.receive(&mut message).expect("it is there");
        assert_eq!(message, b"the next one");
        let call = worker.next_call();
        assert_eq!(call, handed);
        assert!(worker.claim(call, 0));
    }
    #[test]
    fn the_parent_sees_how_long_the_worker_has_been_busy() {
        let (parent, memory) = ParentEnd::new().expect("there is memory");
        let mut worker = WorkerEnd::new(&memory).expect("it can be mapped");
        let mut message = Vec::new();
        let mut before = parent.busy();
        for _ in 0..3 {
            parent.try_hand(b"a call", None).expect("there is room");
            worker.receive(&mut message).expect("it is there");
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(1) {}
            worker.send(b"a reply").expect("there is room");
            assert!(parent.busy() - before >= Duration::from_millis(1));
            before = parent.busy();
        }
        for _ in 0..NOTED_TOGETHER {
            assert_eq!(parent.busy(), before);
            worker.send_soon(b"a reply").expect("there is room");
        }
        assert!(parent.busy() > before);
    }

    #[test]
    fn while_the_worker_waits_for_room_it_is_not_busy() {
        let (parent, memory) = ParentEnd::new().expect("there is memory");
        let mut worker = WorkerEnd::new(&memory).expect("it can be mapped");
        // There is no room for two of them.
        let reply = vec![0; 40 * 1024];
        worker.send(&reply).expect("there is room");
        let first = parent.busy();
        thread::scope(|scope| {
            let sends = scope.spawn(|| {
                worker.send(&reply).expect("the parent is there");
                worker.send(b"the last reply").expect("the parent is there");
            });
            while parent.busy() == first {}
            // Now the worker sends the second one, until the first one is read.
            let noted = parent.busy();
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(10) {}
            let read = Instant::now();
            for _ in 0..2 {
                assert_eq!(parent.replies().receive(|| false), Ok(reply.clone()));
            }
            sends.join().expect("it has sent all of them");
            assert!(parent.busy() - noted <= read.elapsed());
        });
    }
}
