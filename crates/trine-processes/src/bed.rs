//! Where an attendant sleeps.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use trine_platform::Parker;

/// The sleep of an attendant: on its thread's parker, or beside the replies of its worker. Whoever wakes it says so here, and then
/// makes sure that it looks, in both places.
pub(crate) struct Bed {
    pub(crate) parker: Parker,
    woken: AtomicBool,
}

impl Bed {
    /// That of the calling thread.
    pub(crate) fn new() -> Self {
        Self {
            parker: Parker::current(),
            woken: AtomicBool::new(false),
        }
    }

    pub(crate) fn wake(&self) {
        // ORDERING: Release pairs with the Acquire of `get_up`: the attendant sees what it was woken for.
        self.woken.store(true, Release);
        self.parker.unpark();
    }

    pub(crate) fn is_woken(&self) -> bool {
        // ORDERING: Acquire, as in `get_up`.
        self.woken.load(Acquire)
    }

    /// The attendant is awake, and is going to look at everything that it can be woken for.
    pub(crate) fn get_up(&self) {
        // ORDERING: Acquire pairs with the Release of `wake`.
        self.woken.swap(false, Acquire);
    }
}
