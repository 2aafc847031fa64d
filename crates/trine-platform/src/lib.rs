//! The seam of Trine: everything that loom has to replace in order to check the crates above it.
//!
//! This crate is the only one that names loom, and the only one in which `cfg(trine_loom)` chooses between two
//! implementations. The crates above use its types unconditionally, so that what the models check is what ships.
//! Its interface has the shape of loom's where the two differ: cells are accessed through closures or tracked
//! pointers, and thread locals and statics are declared through macros.
//!
//! It is internal: no promise is made about its interface between versions.

mod asymmetric;
mod cell;
mod crowd;
mod deadline;
mod experience;
mod fork;
mod futex;
mod kept;
mod leak;
pub mod model;
mod parker;
mod pointers;
mod prefetch;
mod spin;
pub mod turn;
mod workers;

pub use asymmetric::AsymmetricFences;
pub use cell::{MutPtr, UnsafeCell};
pub use deadline::Deadline;
pub use experience::Experience;
pub use fork::HomeProcess;
#[cfg(all(not(trine_loom), target_os = "linux"))]
pub use futex::FutexOf;
#[cfg(any(trine_loom, target_os = "linux"))]
pub use futex::SharedFutex;
pub use futex::{Futex, TimedOut};
pub use leak::LeakCheck;
pub use parker::Parker;
pub use pointers::AtomicPointers;
pub use prefetch::prefetch_for_write;
pub use spin::{PATIENCE, note_found, spin_briefly, spin_until, yield_and_spin_until};
pub use workers::{MOST_WORKERS, WORKERS_VARIABLE, default_workers, processors};

/// Atomic integers and the fence: std's, or loom's in a model.
pub mod atomic {
    #[cfg(trine_loom)]
    pub use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, fence};
    #[cfg(not(trine_loom))]
    pub use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, fence};

    pub use std::sync::atomic::Ordering;
}

/// Starting threads and yielding: std's, or loom's in a model.
pub mod thread {
    #[cfg(trine_loom)]
    pub use loom::thread::{JoinHandle, spawn, yield_now};
    #[cfg(not(trine_loom))]
    pub use std::thread::{JoinHandle, spawn, yield_now};
}

/// Tells the processor, or the model, that the caller spins.
pub fn spin_loop() {
    #[cfg(trine_loom)]
    loom::thread::yield_now();
    #[cfg(not(trine_loom))]
    std::hint::spin_loop();
}

/// Asserts, in a model, that the caller is the last one to touch `word`: every earlier access happens before this.
///
/// Loom does not see that memory is freed while another thread still accesses it. Calling this before each
/// deallocation makes it see: an access that is not ordered before the call fails the model.
pub fn assert_exclusive(word: &mut atomic::AtomicU32) {
    #[cfg(trine_loom)]
    word.with_mut(|_| ());
    #[cfg(not(trine_loom))]
    let _ = word;
}

/// Declares a function `const`, but for models: loom's types can't be made in constants.
#[macro_export]
macro_rules! const_fn {
    ($(#[$attribute:meta])* $visibility:vis fn $($rest:tt)*) => {
        #[cfg(not(trine_loom))]
        $(#[$attribute])* $visibility const fn $($rest)*
        #[cfg(trine_loom)]
        $(#[$attribute])* $visibility fn $($rest)*
    };
}

/// Declares a static whose value is made anew for each execution of a model.
#[macro_export]
macro_rules! global {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = $value:expr;) => {
        #[cfg(not(trine_loom))]
        $(#[$attribute])* static $name: $type = $value;
        #[cfg(trine_loom)]
        $crate::loom::lazy_static! { $(#[$attribute])* static ref $name: $type = $value; }
    };
}

/// Declares a thread local whose value is made anew for each thread of each execution of a model.
#[macro_export]
macro_rules! local {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = $value:expr;) => {
        #[cfg(not(trine_loom))]
        ::std::thread_local! { $(#[$attribute])* static $name: $type = const { $value }; }
        #[cfg(trine_loom)]
        $crate::loom::thread_local! { $(#[$attribute])* static $name: $type = $value; }
    };
}

#[cfg(trine_loom)]
#[doc(hidden)]
pub use loom;
