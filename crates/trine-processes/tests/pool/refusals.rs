//! Functions of the C library in whose place are those of this executable, which can refuse.

use std::ffi::{CStr, c_void};
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::Relaxed};

type CreateThread = unsafe extern "C" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    extern "C" fn(*mut c_void) -> *mut c_void,
    *mut c_void,
) -> libc::c_int;

type Spawn = unsafe extern "C" fn(
    *mut libc::pid_t,
    *const libc::c_char,
    *const libc::posix_spawn_file_actions_t,
    *const libc::posix_spawnattr_t,
    *const *mut libc::c_char,
    *const *mut libc::c_char,
) -> libc::c_int;

type Allocate = unsafe extern "C" fn(libc::c_int, libc::c_int, libc::off64_t, libc::off64_t) -> libc::c_int;

/// So many threads can be made; then none.
static THREADS: AtomicU32 = AtomicU32::new(u32::MAX);

/// The error that starting a process gives. 0: it is started.
static SPAWN_ERROR: AtomicU32 = AtomicU32::new(0);

/// How many processes were refused.
static REFUSED: AtomicU32 = AtomicU32::new(0);

/// Whether a signal comes while the system gives memory to a file.
static SIGNALS_COME: AtomicBool = AtomicBool::new(false);

/// How often memory for a file was asked for since then.
static ASKED: AtomicU32 = AtomicU32::new(0);

/// The lowest descriptor of a file that memory was asked for.
static LOWEST: AtomicI32 = AtomicI32::new(libc::c_int::MAX);

/// From now on so many threads can be made.
pub(crate) fn allow_threads(threads: u32) {
    THREADS.store(threads, Relaxed);
}

/// From now on no process can be started, for that reason.
pub(crate) fn refuse_processes(error: libc::c_int) {
    SPAWN_ERROR.store(error.cast_unsigned(), Relaxed);
}

/// From now on processes can be started. Returns how many could not.
pub(crate) fn allow_processes() -> u32 {
    SPAWN_ERROR.store(0, Relaxed);
    REFUSED.swap(0, Relaxed)
}

/// From now on a file gets no memory from a thread that handles a signal, and each second time from another one.
pub(crate) fn interrupt_allocations() {
    SIGNALS_COME.store(true, Relaxed);
}

/// How often memory for a file was asked for since then.
pub(crate) fn allocations() -> u32 {
    ASKED.load(Relaxed)
}

/// The lowest descriptor of a file that memory was asked for.
pub(crate) fn lowest_of_memory() -> libc::c_int {
    LOWEST.load(Relaxed)
}

/// Whether the calling thread would handle a signal.
fn handles_signals() -> bool {
    // SAFETY: an empty set is one.
    let mut blocked = unsafe { mem::zeroed::<libc::sigset_t>() };
    // SAFETY: asks for the mask, and the place for it is valid.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), &raw mut blocked) };
    // SAFETY: the set was written.
    let is_blocked = unsafe { libc::sigismember(&raw const blocked, libc::SIGPROF) };
    is_blocked == 0
}

/// The function that would be called if there were none of that name here.
fn next(name: &CStr) -> *mut c_void {
    // SAFETY: the name ends with a zero.
    let function = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
    assert_ne!(function, ptr::null_mut());
    function
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    run: extern "C" fn(*mut c_void) -> *mut c_void,
    argument: *mut c_void,
) -> libc::c_int {
    let one_less = |threads: u32| match threads {
        u32::MAX => Some(u32::MAX),
        threads => threads.checked_sub(1),
    };
    if THREADS.fetch_update(Relaxed, Relaxed, one_less).is_err() {
        return libc::EAGAIN;
    }
    // SAFETY: it is the C library's function of this name, which is of this type.
    let create = unsafe { mem::transmute::<*mut c_void, CreateThread>(next(c"pthread_create")) };
    // SAFETY: the arguments are those of the caller.
    unsafe { create(thread, attributes, run, argument) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn posix_spawnp(
    pid: *mut libc::pid_t,
    file: *const libc::c_char,
    actions: *const libc::posix_spawn_file_actions_t,
    attributes: *const libc::posix_spawnattr_t,
    arguments: *const *mut libc::c_char,
    environment: *const *mut libc::c_char,
) -> libc::c_int {
    let error = SPAWN_ERROR.load(Relaxed);
    if error != 0 {
        REFUSED.fetch_add(1, Relaxed);
        return error.cast_signed();
    }
    // SAFETY: it is the C library's function of this name, which is of this type.
    let spawn = unsafe { mem::transmute::<*mut c_void, Spawn>(next(c"posix_spawnp")) };
    // SAFETY: the arguments are those of the caller.
    unsafe { spawn(pid, file, actions, attributes, arguments, environment) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fallocate64(
    file: libc::c_int,
    mode: libc::c_int,
    offset: libc::off64_t,
    length: libc::off64_t,
) -> libc::c_int {
    LOWEST.fetch_min(file, Relaxed);
    if SIGNALS_COME.load(Relaxed) && (ASKED.fetch_add(1, Relaxed).is_multiple_of(2) || handles_signals()) {
        // SAFETY: it is the calling thread's.
        let error = unsafe { libc::__errno_location() };
        // SAFETY: as above.
        unsafe { *error = libc::EINTR };
        return -1;
    }
    // SAFETY: it is the C library's function of this name, which is of this type.
    let allocate = unsafe { mem::transmute::<*mut c_void, Allocate>(next(c"fallocate64")) };
    // SAFETY: the arguments are those of the caller.
    unsafe { allocate(file, mode, offset, length) }
}
