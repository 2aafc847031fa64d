//! The entry of workers, which runs in every program that contains this crate, before its `main`.
//!
//! In a program that was not started as a worker it looks for one variable in the environment and returns.

use super::home::Home;
use super::mark::{self, Mark};
use super::serve;
use crate::build_error::Kind;
use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// Switches workers off, if it is set to `off`.
pub(super) const SWITCH: &str = "TRINE_PROCESSES";

/// The dynamic loader, or the C library's start code, calls the functions of this section.
#[used]
#[unsafe(link_section = ".init_array")]
static ENTRY: extern "C" fn() = enter;

static IS_WORKER: AtomicBool = AtomicBool::new(false);

/// In a worker: how many levels of pools there may be below it.
static LEVELS: AtomicU32 = AtomicU32::new(0);

/// The mark of a worker that enters in `main`.
static WAITING: OnceLock<Mark> = OnceLock::new();

extern "C" fn enter() {
    let Some(text) = env::var_os(mark::VARIABLE) else {
        return;
    };
    if is_switched_off() {
        return;
    }
    let mark = text.to_str().and_then(Mark::parse);
    // A library whose workers can't find it has none.
    let home = Home::of_this_copy().ok();
    let is_meant = mark.as_ref().is_none_or(|mark| home.as_ref() == Some(&mark.home));
    if !is_meant && home != Some(Home::Program) {
        // Another copy's worker. The program's own copy is the last to be asked.
        return;
    }
    // A task's own children must not become workers.
    // SAFETY: this runs before `main`, and in a worker in place of it. Threads of constructors that ran before
    // may use std's functions for the environment, which take its lock.
    unsafe { env::remove_var(mark::VARIABLE) };
    if runs_with_raised_rights() {
        return;
    }
    let mark = match mark {
        None => Err("the mark in the environment is not Trine's"),
        Some(_) if !is_meant => Err("the library whose worker this is to be was not loaded"),
        Some(mark) => Ok(mark),
    };
    if let Ok(mark) = &mark {
        mark.home.forget_preload();
        // ORDERING: Relaxed: see below.
        LEVELS.store(mark.levels, Relaxed);
    }
    // ORDERING: Relaxed: the flag is set before there is any other thread of ours, and carries no data.
    IS_WORKER.store(true, Relaxed);
    match mark {
        Ok(mark) if mark.in_main => {
            // So that `main` does not go on without the parent.
            serve::follow(&mark);
            let _ = WAITING.set(mark);
        }
        mark => serve::serve(mark),
    }
}

/// Serves, if this is a worker that enters in `main`.
pub(crate) fn enter_in_main() {
    if let Some(mark) = WAITING.get() {
        serve::serve(Ok(mark.clone()));
    }
}

/// How many levels of pools there may be below the workers of a pool that this process builds now, if its builder asks for
/// `asked`. An error if it can't have workers.
pub(super) fn levels_below_workers(asked: Option<u32>) -> Result<u32, Kind> {
    // Whoever can build a pool contains the entry, even if the linker is told to keep what is referred to only.
    std::hint::black_box(&raw const ENTRY);
    if is_switched_off() {
        return Err(Kind::Unsupported(
            "the environment variable TRINE_PROCESSES is `off`: this program has no worker processes",
        ));
    }
    if runs_with_raised_rights() {
        return Err(Kind::Unsupported(
            "a program that runs with raised rights (set-user-ID) has no workers",
        ));
    }
    // ORDERING: Relaxed: both were set before there was any thread of ours.
    if IS_WORKER.load(Relaxed) {
        let below = LEVELS.load(Relaxed).checked_sub(1).ok_or(Kind::Nested)?;
        return Ok(asked.map_or(below, |asked| asked.min(below)));
    }
    // Constructors may run before the entry, and a copy or version of this crate may have a worker that is another's.
    if has_mark() {
        return Err(Kind::Nested);
    }
    Ok(asked.unwrap_or(0))
}

/// Whether this process was started as a worker of any copy or version of this crate, which has not begun to serve yet.
fn has_mark() -> bool {
    env::vars_os().any(|(name, _)| mark::is_variable(name.as_bytes()))
}

fn is_switched_off() -> bool {
    env::var_os(SWITCH).is_some_and(|value| value == OsStr::new("off"))
}

/// Whether the program was started with more rights than its caller has: then the caller's environment does not
/// decide what it does, and it could not start itself again as a worker.
fn runs_with_raised_rights() -> bool {
    // SAFETY: reads a value that the kernel has given to the process.
    let secure = unsafe { libc::getauxval(libc::AT_SECURE) };
    secure != 0
}
