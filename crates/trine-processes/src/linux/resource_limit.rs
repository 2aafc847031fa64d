//! How much of something the system lets this process have.
//!
//! Not by rustix, which takes what happens to be in memory for the answer where the system gives none: a program that locks itself in
//! (`seccomp`) may forbid the question.

use std::io;

#[cfg(target_env = "gnu")]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type Resource = libc::c_int;

/// The most that this process may have now. The largest number if there is no limit.
pub(super) fn limit_of(resource: Resource) -> io::Result<u64> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the place for the limit is valid.
    match unsafe { libc::getrlimit(resource, &raw mut limit) } {
        0 if limit.rlim_cur == libc::RLIM_INFINITY => Ok(u64::MAX),
        0 => Ok(limit.rlim_cur),
        _ => Err(io::Error::last_os_error()),
    }
}

/// An error if a file of so many bytes may be too large: a signal would end the program that makes one.
pub(super) fn allow_file_of(bytes: u64) -> io::Result<()> {
    if limit_of(libc::RLIMIT_FSIZE)? < bytes {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(())
}
