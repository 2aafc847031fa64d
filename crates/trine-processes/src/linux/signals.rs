//! The signals of a thread of Trine while it talks to a worker.

use std::mem::MaybeUninit;

/// While it lives, no signal is delivered to this thread.
///
/// A handler of the program must not interrupt ipc-channel in the middle of a message. Callbacks and new processes
/// must not see the blocked signals: what they start would inherit them.
pub(super) struct Blocked {
    before: libc::sigset_t,
}

impl Blocked {
    pub(super) fn new() -> Self {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: the pointer is valid for a write of a signal set.
        unsafe { libc::sigfillset(all.as_mut_ptr()) };
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: the pointer is valid for a write of a signal set.
        unsafe { libc::sigemptyset(before.as_mut_ptr()) };
        // SAFETY: the first set is initialised by `sigfillset`, the second is valid for a write.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) };
        // SAFETY: it was initialised by `sigemptyset`, in case that a sandbox forbids the call after that.
        let before = unsafe { before.assume_init() };
        Self { before }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: the set was written by `pthread_sigmask`; null says that the mask in between is not asked for.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, std::ptr::null_mut()) };
    }
}

/// Keeps these from this thread, and from those that it starts.
pub(super) fn block(signals: &[libc::c_int]) {
    change(libc::SIG_BLOCK, signals);
}

/// Lets these through to this thread.
pub(super) fn unblock(signals: &[libc::c_int]) {
    change(libc::SIG_UNBLOCK, signals);
}

fn change(how: libc::c_int, signals: &[libc::c_int]) {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the pointer is valid for a write of a signal set.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    for signal in signals {
        // SAFETY: the set is initialised by `sigemptyset`.
        unsafe { libc::sigaddset(set.as_mut_ptr(), *signal) };
    }
    // SAFETY: the set is initialised; null says that the mask from before is not asked for.
    unsafe { libc::pthread_sigmask(how, set.as_ptr(), std::ptr::null_mut()) };
}
