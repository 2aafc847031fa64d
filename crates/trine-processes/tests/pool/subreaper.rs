//! Who gets the children of the dead, and counts them.

use std::io;
use std::ptr;

/// While there is one, orphaned descendants of this process become its children.
pub(crate) struct Subreaper(());

impl Subreaper {
    pub(crate) fn new() -> Self {
        // SAFETY: takes no pointer.
        let set = unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
        assert_eq!(set, 0, "{}", io::Error::last_os_error());
        Self(())
    }

    /// Waits until there is no descendant of this process any more, and returns how many of them it got.
    pub(crate) fn wait_for_all(self) -> usize {
        let mut count = 0;
        loop {
            // SAFETY: the status is not asked for.
            if unsafe { libc::waitpid(-1, ptr::null_mut(), 0) } > 0 {
                count += 1;
                continue;
            }
            let error = io::Error::last_os_error();
            if error.raw_os_error() == Some(libc::ECHILD) {
                return count;
            }
        }
    }
}
