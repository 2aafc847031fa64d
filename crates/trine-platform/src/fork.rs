//! Whether the process that runs is the one in which something was made.
//!
//! `fork()` copies memory and the calling thread: a pool is there in the child, and none of its threads. So whoever has
//! threads notes where it was made, and asks before it relies on them. Asking is one load: a handler that the system
//! calls in each child counts the forks.

use std::io;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

/// How many forks lie between the program's start and this process. Std's, in models too: the system raises it.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// The process in which this was made, told from those that were forked off it.
#[derive(Clone, Copy, Debug)]
pub struct HomeProcess(u32);

impl HomeProcess {
    /// The calling process.
    ///
    /// # Errors
    ///
    /// If the system has no memory for the handler that counts forks.
    pub fn current() -> io::Result<Self> {
        count_forks()?;
        Ok(Self(FORKS.load(Relaxed)))
    }

    /// Whether the calling process is still this one. False in a child that was forked off later, by whatever means.
    #[inline]
    pub fn is_here(self) -> bool {
        // ORDERING: Relaxed. The count changes only while a process has a single thread, the one that asks or one
        // that has started it.
        self.0 == FORKS.load(Relaxed)
    }
}

/// Has the system count the forks, from the first call on.
#[cfg(unix)]
fn count_forks() -> io::Result<()> {
    use crate::kept::Kept;

    extern "C" fn in_child() {
        FORKS.fetch_add(1, Relaxed);
        crate::spin::forget_spinning();
    }

    // Two threads may do it at once: then each fork counts twice, which is as good.
    static ERROR_OF_HANDLER: Kept = Kept::new();
    let error = ERROR_OF_HANDLER.get_or(|| {
        // SAFETY: the handler stays loaded for as long as this code, and does nothing but change atomic numbers, which
        // is allowed in a child of a process with many threads.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) }.cast_unsigned()
    });
    if error == 0 {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(error.cast_signed()))
    }
}

/// Where there is no `fork`, every process is its own home.
#[cfg(not(unix))]
fn count_forks() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::HomeProcess;

    #[test]
    fn a_process_is_at_home() {
        let home = HomeProcess::current().expect("there is memory for a handler");
        assert!(home.is_here());
    }
}
