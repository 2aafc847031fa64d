//! Descriptors that nobody takes for a standard stream.

use rustix::io::fcntl_dupfd_cloexec;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// Gives it another number, if it has that of a standard stream: a program may have closed some of these, and what it prints would go
/// there.
pub(super) fn beside_standard_streams(descriptor: OwnedFd) -> io::Result<OwnedFd> {
    if descriptor.as_raw_fd() > libc::STDERR_FILENO {
        return Ok(descriptor);
    }
    Ok(fcntl_dupfd_cloexec(descriptor, libc::STDERR_FILENO + 1)?)
}
