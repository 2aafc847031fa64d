//! The entry of workers, which runs in every program that contains this crate, before its `main`.
//!
//! In a program that was not started as a worker it looks for one variable in the environment and returns.

use super::{MARK, serve};
use std::env;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The dynamic loader, or the C library's start code, calls the functions of this section.
#[used]
#[unsafe(link_section = ".init_array")]
static ENTRY: extern "C" fn() = enter;

static IS_WORKER: AtomicBool = AtomicBool::new(false);

extern "C" fn enter() {
    let Some(mark) = env::var_os(MARK) else { return };
    // A task's own children must not become workers.
    // SAFETY: this runs before `main`, and in a worker in place of it. Threads of constructors that ran before
    // may use std's functions for the environment, which take its lock.
    unsafe { env::remove_var(MARK) };
    if runs_with_raised_rights() {
        return;
    }
    // ORDERING: Relaxed: the flag is set before there is any other thread of ours, and carries no data.
    IS_WORKER.store(true, Relaxed);
    serve::serve(&mark)
}

/// Whether this process is a worker, or is about to become one: constructors may run before the entry.
pub(crate) fn is_worker() -> bool {
    // Whoever can build a pool contains the entry, even if the linker is told to keep what is referred to only.
    std::hint::black_box(&raw const ENTRY);
    IS_WORKER.load(Relaxed) || env::var_os(MARK).is_some()
}

/// Whether the program was started with more rights than its caller has: then the caller's environment does not
/// decide what it does, and it could not start itself again as a worker.
pub(crate) fn runs_with_raised_rights() -> bool {
    // SAFETY: reads a value that the kernel has given to the process.
    let secure = unsafe { libc::getauxval(libc::AT_SECURE) };
    secure != 0
}
