//! Memory that processes share, from the system.

use super::resource_limit::allow_file_of;
use super::signals::Blocked;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// Gives a new file of memory its size, and all of its pages. Now, because a page that can't be had later ends the process that
/// touches it.
pub(super) fn allocate(memory: &OwnedFd, bytes: usize) -> io::Result<()> {
    allow_file_of(bytes as u64)?;
    let bytes = libc::off64_t::try_from(bytes).map_err(|_| io::ErrorKind::FileTooLarge)?;
    // Before Linux 6.10 a signal that is handled meanwhile undoes all of it. With a timer, a profiler's for instance, a long one
    // would never end.
    let _blocked = Blocked::new();
    loop {
        // SAFETY: takes no pointer, and nobody has mapped the file.
        let allocated = unsafe { libc::fallocate64(memory.as_raw_fd(), 0, 0, bytes) };
        if allocated == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
