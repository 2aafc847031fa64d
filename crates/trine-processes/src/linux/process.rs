//! A worker as the kernel sees it: a process that leads a group, told apart by a descriptor and not by its number.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, pidfd_send_signal, waitid,
};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A child of this process that has not been waited for.
pub(super) struct Process {
    child: Child,
    pid: Pid,
    pidfd: OwnedFd,
}

impl Process {
    /// Starts this executable again, with a variable in its environment.
    ///
    /// The calling thread must live as long as the process: the kernel tells the process of the death of the
    /// thread that started it.
    pub(super) fn start(variable: &str, value: &str) -> io::Result<Self> {
        // The image that runs here, even if its file was replaced or deleted meanwhile.
        let mut command = Command::new("/proc/self/exe");
        if let Some(name) = std::env::args_os().next() {
            command.arg0(name);
        }
        let mut child = command
            .env(variable, value)
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()?;
        let pid = Pid::from_child(&child);
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => Ok(Self { child, pid, pidfd }),
            Err(error) => {
                // Without a descriptor nothing could be waited for with a deadline.
                let _ = child.kill();
                let _ = child.wait();
                Err(error.into())
            }
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Readable once the process has exited.
    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    pub(super) fn has_exited(&self) -> bool {
        self.exits_within(Duration::ZERO)
    }

    fn exits_within(&self, time: Duration) -> bool {
        !poll_until(
            &mut [PollFd::new(&self.pidfd, PollFlags::IN)],
            Instant::now() + time,
        )
        .is_empty()
    }

    /// Kills the process and all that it has started and left in its group.
    pub(super) fn kill(&self) {
        // Only an unreaped leader keeps the group's number from being given to another. It is gone if this
        // program ignores SIGCHLD.
        let unreaped = waitid(
            WaitId::PidFd(self.pidfd.as_fd()),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG,
        );
        if unreaped.is_ok() {
            let _ = kill_process_group(self.pid, Signal::KILL);
        }
        // It may have left its group.
        let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
    }

    /// Waits for the process, but not longer than `grace`, kills what is left of its group, and reaps it.
    /// `None` if its status was lost, because this program ignores SIGCHLD.
    pub(super) fn reap(mut self, grace: Duration) -> Option<ExitStatus> {
        self.exits_within(grace);
        self.kill();
        self.child.wait().ok()
    }
}

/// Waits until one of the descriptors is ready, or the deadline has passed. Returns the indexes of the ready ones.
pub(super) fn poll_until(descriptors: &mut [PollFd<'_>], deadline: Instant) -> Vec<usize> {
    loop {
        let time = deadline.saturating_duration_since(Instant::now()).try_into().ok();
        match poll(descriptors, time.as_ref()) {
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            // Only a lack of memory in the kernel is left, which passes.
            Err(_) => std::thread::yield_now(),
        }
    }
    let ready =
        |(index, descriptor): (usize, &PollFd<'_>)| (!descriptor.revents().is_empty()).then_some(index);
    descriptors.iter().enumerate().filter_map(ready).collect()
}
