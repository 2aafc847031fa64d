//! A worker as the kernel sees it: a process that leads a group, told apart by a descriptor and not by its number.

use super::descriptors::beside_standard_streams;
use super::hello::Awaited;
use super::link::ParentEnd;
use super::mark::Mark;
use super::out_of_memory;
use super::start_command::{explain, start_command};
use super::stderr::Stderr;
use super::wire::Wire;
use crate::frames::Frames;
use crate::memory::Memory;
use crate::message::{Entry, Message};
use crate::settings::Settings;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, pidfd_send_signal, waitid,
};
use rustix::thread::{name, set_name};
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::ptr;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::thread;
use std::time::{Duration, Instant};
use trine_future::WorkerDeath;
use trine_lock::Lock;

/// A child of this process, for its attendant and whoever else may kill it.
pub(crate) struct Process {
    /// `None` once it has been waited for: its number may be another's then.
    child: Lock<Option<Child>>,
    pid: Pid,
    pidfd: OwnedFd,
    pub(super) stderr: Stderr,
    started: Instant,
    /// That the process has exited is known to the watcher.
    noticed: AtomicBool,
    pub(super) awaited: Lock<Awaited>,
    /// What it shares with its parent. `None` where there is no such memory: then ipc-channel carries everything.
    pub(super) link: Option<ParentEnd>,
    /// Where descriptors go. Its end tells the worker that this process is gone.
    wire: Arc<Wire>,
}

impl Process {
    /// Starts this executable again, with a mark in its environment, and with a socket as its standard input, through which the
    /// memory of the link comes.
    ///
    /// The calling thread must live as long as the process: the kernel tells the process of the death of the
    /// thread that started it.
    pub(super) fn start(
        mark: &Mark,
        index: usize,
        link: Option<(ParentEnd, OwnedFd)>,
        settings: &Settings,
        awaited: Awaited,
    ) -> Result<Self, String> {
        let (wire, stdin) = Wire::new().map_err(|error| format!("the system gives no socket: {error}"))?;
        let link = match link {
            Some((link, memory)) => {
                let sent = wire.send_link(&memory);
                sent.map_err(|error| format!("the shared memory can't be sent: {error}"))?;
                Some(link)
            }
            None => None,
        };
        let started = start_command(settings, index, mark, Stdio::from(stdin)).spawn();
        let mut child = started.map_err(|error| explain(settings, &error))?;
        let pid = Pid::from_child(&child);
        let descriptors = pidfd_open(pid, PidfdFlags::empty()).map_err(io::Error::from);
        let descriptors = descriptors.and_then(|pidfd| {
            let stderr = child.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
            Ok((
                beside_standard_streams(pidfd)?,
                beside_standard_streams(stderr.into())?,
            ))
        });
        let (pidfd, stderr) = match descriptors {
            Ok(descriptors) => descriptors,
            Err(error) => {
                // Without a descriptor nothing could be waited for with a deadline. If it can't be killed either, it ends when it seems to
                // it that its parent is gone.
                drop(wire);
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!(
                    "the system gives no descriptor of a process (pidfd_open, since Linux 5.3): {error}"
                ));
            }
        };
        Ok(Self {
            child: Lock::new(Some(child)),
            pid,
            pidfd,
            stderr: Stderr::new(stderr, &settings.forwarder),
            started: Instant::now(),
            noticed: AtomicBool::new(false),
            awaited: Lock::new(awaited),
            link,
            wire: Arc::new(wire),
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }

    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// The bytes of its resident set. `None` once it is gone, or without `/proc`.
    pub(crate) fn memory(&self) -> Option<u64> {
        // Held, so that the number is not given to another process meanwhile.
        let child = self.child.lock();
        child.as_ref()?;
        let sizes = fs::read_to_string(format!("/proc/{}/statm", self.pid())).ok()?;
        let pages: u64 = sizes.split_whitespace().nth(1)?.parse().ok()?;
        pages.checked_mul(rustix::param::page_size() as u64)
    }

    /// Hands it a call, if there is room for that at once, and returns the call's number. `oldest` is the first call that it has
    /// and has not answered.
    pub(crate) fn hand(&self, request: &Message, oldest: Option<u32>) -> Option<u32> {
        let link = self.link.as_ref()?;
        self.wire.introduce(request.beside()).ok()?;
        link.try_hand(request.bytes(), oldest)
    }

    /// Has it know what is beside a request. Blocks while there is no room for that; false if it can't be.
    pub(super) fn introduce(&self, request: &Message) -> bool {
        loop {
            match self.wire.introduce(request.beside()) {
                Ok(()) => return true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !self.is_noticed() => {
                    let room = PollFd::from_borrowed_fd(self.wire.as_fd(), PollFlags::OUT);
                    poll_for(&mut [room, PollFd::new(&self.pidfd, PollFlags::IN)], None);
                }
                // Its descriptors are on their way to others, who take them in a moment.
                Err(error) if error.raw_os_error() == Some(libc::ETOOMANYREFS) && !self.is_noticed() => {
                    thread::sleep(Duration::from_millis(1));
                }
                Err(_) => return false,
            }
        }
    }

    /// Copies what is beside a reply of its.
    pub(crate) fn collect(&self, entry: Entry) -> Result<Memory, String> {
        self.wire.collect(entry)
    }

    /// The number of a call that its attendant will send. It has no other one.
    pub(crate) fn announce(&self) -> u32 {
        self.link.as_ref().map_or(0, ParentEnd::begin_streaming)
    }

    /// The call that was announced is not sent, because it was taken back.
    pub(super) fn renounce(&self) {
        if let Some(link) = &self.link {
            link.end_streaming();
        }
    }

    /// Takes back what it has not begun of a call. Returns how many tasks it has, the first ones; `None` if there is nothing to be
    /// had back, or it can't be asked.
    pub(crate) fn take_back(&self, call: u32) -> Option<u32> {
        self.link.as_ref()?.revoke(call)
    }

    /// How long it has been at tasks so far, by its own word. `None` if it can't say so.
    pub(crate) fn busy(&self) -> Option<Duration> {
        self.link.as_ref().map(ParentEnd::busy)
    }

    /// Has it look for calls.
    pub(crate) fn wake(&self) {
        if let Some(link) = &self.link {
            link.wake_worker();
        }
    }

    /// Wakes its attendant from its [sleep](super::Worker::sleep_unless).
    pub(crate) fn wake_attendant(&self) {
        if let Some(link) = &self.link {
            link.replies().wake();
        }
    }

    /// Waits for replies for some microseconds, in the place of its attendant. Nothing, if another thread does.
    pub(crate) fn receive_as_leader<R>(&self, tell: impl FnOnce(Frames) -> R) -> Option<R> {
        self.link.as_ref()?.replies().receive_as_leader(tell)
    }

    /// Waits until it has said hello through the wire, and returns the identity of its image; or until it has exited: if it says
    /// nothing, the watcher sees to that.
    pub(super) fn receive_hello(&self) -> io::Result<u64> {
        let mut is_connected = true;
        loop {
            let mut descriptors = vec![PollFd::new(&self.pidfd, PollFlags::IN)];
            if is_connected {
                descriptors.push(PollFd::from_borrowed_fd(self.wire.as_fd(), PollFlags::IN));
            }
            let has_exited = poll_for(&mut descriptors, None).contains(&0);
            match self.wire.receive_hello() {
                Ok(Some(identity)) => return Ok(identity),
                Ok(None) => {}
                // One that exits closes its end, too, a moment before it has exited.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => is_connected = false,
                Err(error) => return Err(error),
            }
            if has_exited {
                self.awaited.lock().give_up();
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Whether it has not said hello yet.
    pub(crate) fn is_awaited(&self) -> bool {
        self.awaited.lock().is_open()
    }

    /// Readable once the process has exited.
    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Whether the watcher has seen that the process has exited.
    pub(super) fn is_noticed(&self) -> bool {
        // ORDERING: Acquire pairs with the Release of `notice`: what the process has written before its end is seen.
        self.noticed.load(Acquire)
    }

    /// The process has exited. What it has started is killed, and its attendant told, if that waits for it.
    pub(super) fn notice(&self) {
        // ORDERING: Release pairs with the Acquire of `is_noticed`.
        self.noticed.store(true, Release);
        self.kill();
        self.awaited.lock().give_up();
        if let Some(link) = &self.link {
            link.interrupt();
        }
    }

    /// Whether it was stopped by a signal, and nobody has had it go on.
    pub(crate) fn is_halted(&self) -> bool {
        let stopped = WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        waitid(WaitId::PidFd(self.pidfd.as_fd()), stopped).is_ok_and(|status| status.is_some())
    }

    fn exits_within(&self, time: Duration) -> bool {
        !poll_until(
            &mut [PollFd::new(&self.pidfd, PollFlags::IN)],
            Instant::now() + time,
        )
        .is_empty()
    }

    /// Kills the process and all that it has started and left in its group. Nothing, once it has been reaped.
    pub(crate) fn kill(&self) {
        let child = self.child.lock();
        if child.is_some() {
            self.kill_unreaped();
        }
    }

    /// The caller holds the lock of the child, which has not been waited for.
    fn kill_unreaped(&self) {
        if !self.kill_group_by_descriptor() {
            // Only an unreaped leader keeps the group's number from being given to another. It is gone if this
            // program ignores SIGCHLD, or waits for whatever child ends.
            let unreaped = waitid(
                WaitId::PidFd(self.pidfd.as_fd()),
                WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG,
            );
            if unreaped.is_ok() {
                let _ = kill_process_group(self.pid, Signal::KILL);
            }
        }
        // It may have left its group.
        if !matches!(
            pidfd_send_signal(&self.pidfd, Signal::KILL),
            Ok(()) | Err(Errno::SRCH)
        ) {
            // This program has given up the right to do so. The worker does it itself when its parent is gone, as it seems then.
            self.wire.hang_up();
        }
    }

    /// Kills the group that the process leads, or has led before somebody else reaped it. False where that can't be done, as before
    /// Linux 6.9.
    fn kill_group_by_descriptor(&self) -> bool {
        const PROCESS_GROUP: libc::c_uint = 1 << 2;
        // SAFETY: the descriptor is one of a process. Null says that the system describes the signal.
        let sent = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.pidfd.as_raw_fd(),
                libc::SIGKILL,
                ptr::null::<libc::siginfo_t>(),
                PROCESS_GROUP,
            )
        };
        // Nobody may be left in it.
        sent == 0 || io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH)
    }

    /// Waits for the process, but not longer than `grace`, kills what is left of its group, and reaps it. Its status is
    /// unknown if this program ignores SIGCHLD.
    pub(super) fn reap(&self, grace: Duration) -> WorkerDeath {
        let exited = self.exits_within(grace);
        let mut child = self.child.lock();
        let status = match &mut *child {
            Some(running) => {
                self.kill_unreaped();
                running.wait().ok()
            }
            None => None,
        };
        *child = None;
        drop(child);
        let was_killed = status.is_some_and(|status| status.signal() == Some(libc::SIGKILL));
        WorkerDeath {
            pid: self.pid(),
            status,
            out_of_memory: exited && was_killed && out_of_memory::explains_a_kill(),
            stderr: self.stderr.finish(),
        }
    }
}

/// What the kernel calls this process, up to 15 bytes of it. It was started under the name `exe`.
pub(super) fn be_named(name: &str) {
    if let Ok(name) = CString::new(name) {
        // Only people read it.
        let _ = set_name(&name);
    }
}

/// What [`be_named`] has called this process. The main thread's, which runs the tasks.
pub(crate) fn worker_name() -> String {
    let name = name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// When to ask again, if the system does not wait for so many descriptors.
const RETRY: Duration = Duration::from_millis(1);

/// Looks at each descriptor by itself. True if one is ready.
fn poll_each(descriptors: &mut [PollFd<'_>]) -> bool {
    let at_once = Timespec::default();
    let is_ready =
        |descriptor| poll(slice::from_mut(descriptor), Some(&at_once)).is_ok_and(|ready| ready > 0);
    descriptors
        .iter_mut()
        .map(is_ready)
        .fold(false, |any, is_ready| any | is_ready)
}

/// Waits until one of the descriptors is ready, or the deadline has passed. Returns the indexes of the ready ones.
pub(super) fn poll_until(descriptors: &mut [PollFd<'_>], deadline: Instant) -> Vec<usize> {
    poll_for(descriptors, Some(deadline))
}

/// [`poll_until`], with or without a deadline.
pub(super) fn poll_for(descriptors: &mut [PollFd<'_>], deadline: Option<Instant>) -> Vec<usize> {
    loop {
        let time =
            deadline.and_then(|deadline| deadline.saturating_duration_since(Instant::now()).try_into().ok());
        match poll(descriptors, time.as_ref()) {
            Ok(_) => break,
            Err(Errno::INTR) => {}
            // The kernel lacks memory, or there are more than this program may have by now (`RLIMIT_NOFILE`).
            Err(_) => {
                let is_over = deadline.is_some_and(|deadline| deadline <= Instant::now());
                if poll_each(descriptors) || is_over {
                    break;
                }
                thread::sleep(RETRY);
            }
        }
    }
    let ready =
        |(index, descriptor): (usize, &PollFd<'_>)| (!descriptor.revents().is_empty()).then_some(index);
    descriptors.iter().enumerate().filter_map(ready).collect()
}
