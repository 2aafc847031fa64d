//! What Rust's start code, which does not run in a worker, does beside: it has a stack overflow say so before it ends the process.

use super::resource_limit::limit_of;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use std::io;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const MESSAGE: &str = "\ntrine: the task has overflowed its stack\n";

/// How far from the end of the stack an access is taken for an overflow.
const NEAR: usize = 64 * 1024;

/// The end of this thread's stack, its lowest address.
static END: AtomicUsize = AtomicUsize::new(0);

/// From now on an overflow of the calling thread's stack is announced on standard error. Where it can't be told, nothing changes.
pub(super) fn announce() {
    // Whatever a constructor of the program has set counts.
    if !has_default_action(libc::SIGSEGV) {
        return;
    }
    if let Some(end) = stack_end()
        && set_alternative_stack().is_ok()
    {
        // ORDERING: Relaxed: the handler runs on this thread.
        END.store(end, Relaxed);
        handle(libc::SIGSEGV);
    }
}

fn has_default_action(signal: libc::c_int) -> bool {
    // SAFETY: zeros are an action.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: null says that the action is not changed; the place for the present one is valid.
    let asked = unsafe { libc::sigaction(signal, ptr::null(), &raw mut action) };
    asked == 0 && action.sa_sigaction == libc::SIG_DFL
}

/// Where the main thread's stack can't grow any more. The C library would read `/proc/self/maps` to find out.
fn stack_end() -> Option<usize> {
    // SAFETY: reads a value that the kernel has given to the process.
    let name = unsafe { libc::getauxval(libc::AT_EXECFN) } as usize;
    // It ends nowhere if there is no limit.
    let size = limit_of(libc::RLIMIT_STACK)
        .ok()
        .filter(|size| *size < u64::MAX)?;
    let size = usize::try_from(size).ok()?;
    // The kernel puts the name of the executable at the beginning of the stack.
    (name != 0).then(|| name.saturating_sub(size))
}

/// The handler can't run on a stack that is full.
fn set_alternative_stack() -> io::Result<()> {
    let size = libc::SIGSTKSZ.max(NEAR);
    // From the system, which gives pages only to what is used. It is never given back: the thread lives as long as the process.
    // SAFETY: a new mapping, at an address that the kernel chooses.
    let memory = unsafe {
        mmap_anonymous(
            ptr::null_mut(),
            size,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::PRIVATE,
        )
    }?;
    let stack = libc::stack_t {
        ss_sp: memory,
        ss_flags: 0,
        ss_size: size,
    };
    // SAFETY: the memory is nobody else's, for ever.
    if unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn handle(signal: libc::c_int) {
    let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = say_and_die;
    // SAFETY: zeros are an action.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = handler as libc::sighandler_t;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: the handler is one that is given the three arguments, and only makes calls that are async-signal-safe.
    unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
}

extern "C" fn say_and_die(signal: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel gives a handler of this kind a valid description of the signal.
    let info = unsafe { &*info };
    // SAFETY: this signal has an address.
    let address = unsafe { info.si_addr() }.addr();
    // ORDERING: Relaxed: see `announce`.
    if address.abs_diff(END.load(Relaxed)) < NEAR {
        // SAFETY: the bytes are valid.
        unsafe { libc::write(libc::STDERR_FILENO, MESSAGE.as_ptr().cast(), MESSAGE.len()) };
    }
    // SAFETY: async-signal-safe.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
    // It is blocked until this returns, and ends the process then.
    // SAFETY: async-signal-safe.
    unsafe { libc::raise(signal) };
}
