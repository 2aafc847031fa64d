//! Which locks each thread holds, and since where: known to debug builds only.
//!
//! There, a thread that would wait for itself panics instead, and names both places. In a release build nothing of this
//! is left.

#[cfg(debug_assertions)]
pub(crate) use checked::{HeldLock, assert_not_held};
#[cfg(not(debug_assertions))]
pub(crate) use unchecked::{HeldLock, assert_not_held};

#[cfg(debug_assertions)]
mod checked {
    use crate::word::LockWord;
    use std::cell::RefCell;
    use std::panic::Location;
    use trine_platform::local;

    local! {
        /// The address of each lock that the thread holds, and where it was taken. A guard that is forgotten leaves its
        /// entry here, as it leaves its lock held.
        static HELD: RefCell<Vec<(usize, &'static Location<'static>)>> = RefCell::new(Vec::new());
    }

    /// The entry of a lock, for as long as this thread holds it.
    pub(crate) struct HeldLock(usize);

    impl HeldLock {
        #[track_caller]
        pub(crate) fn new(word: &LockWord) -> Self {
            let address = std::ptr::from_ref(word).addr();
            let location = Location::caller();
            // A thread that is ending has no list any more, and is not checked.
            let _ = HELD.try_with(|held| {
                let mut held = held.borrow_mut();
                held.retain(|(other, _)| *other != address);
                held.push((address, location));
            });
            Self(address)
        }
    }

    impl Drop for HeldLock {
        fn drop(&mut self) {
            let _ = HELD.try_with(|held| held.borrow_mut().retain(|(address, _)| *address != self.0));
        }
    }

    /// The calling thread is about to wait for this lock.
    #[track_caller]
    pub(crate) fn assert_not_held(word: &LockWord) {
        let address = std::ptr::from_ref(word).addr();
        let taken = HELD.try_with(|held| {
            let held = held.borrow();
            held.iter()
                .find(|(other, _)| *other == address)
                .map(|(_, location)| *location)
        });
        if let Ok(Some(taken)) = taken {
            panic!(
                "deadlock: at {} a thread waits for a lock that it has held since {taken}: drop that guard first",
                Location::caller()
            );
        }
    }
}

#[cfg(not(debug_assertions))]
mod unchecked {
    use crate::word::LockWord;

    pub(crate) struct HeldLock;

    impl HeldLock {
        #[inline]
        pub(crate) fn new(_: &LockWord) -> Self {
            Self
        }
    }

    #[inline]
    pub(crate) fn assert_not_held(_: &LockWord) {}
}
