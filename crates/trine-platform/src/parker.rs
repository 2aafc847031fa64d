//! A thread that sleeps until somebody wakes it.
//!
//! A waiter sleeps here and not on a word of what it waits for: whoever wakes it holds a handle of the parker, and
//! what was waited for may be gone by then.

use crate::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::{Deadline, Futex};
use std::sync::Arc;

const EMPTY: u32 = 0;
const PARKED: u32 = 1;
const NOTIFIED: u32 = 2;

/// A handle of a thread's place to sleep.
///
/// It holds one token: [`unpark`](Self::unpark) sets it, [`park`](Self::park) waits for it and takes it. Tokens can
/// be left over from an earlier wait, so callers check their condition in a loop.
#[derive(Clone, Debug)]
pub struct Parker(Arc<Futex>);

#[cfg(not(trine_loom))]
thread_local!(static PARKER: Parker = Parker::new());
#[cfg(trine_loom)]
loom::thread_local!(static PARKER: Parker = Parker::new());

impl Parker {
    /// A place to sleep that belongs to whoever owns the value, not to a thread: one thread at a time may park here.
    #[allow(
        clippy::new_without_default,
        reason = "nobody wants one by default: a thread has its own"
    )]
    pub fn new() -> Self {
        Self(Arc::new(Futex::new(EMPTY)))
    }

    /// The calling thread's parker. Only this thread may call [`park`](Self::park) on it.
    pub fn current() -> Self {
        // A thread whose locals are gone (it waits in a destructor of another one) gets a parker for this wait.
        PARKER.try_with(Self::clone).unwrap_or_else(|_| Self::new())
    }

    /// Sleeps until the token is set, and takes it. May return early.
    pub fn park(&self) {
        if self.prepare() {
            self.0.wait(PARKED);
            self.take();
        }
    }

    /// [`park`](Self::park), but not beyond `deadline`. Whether it has passed is for the caller to ask.
    pub fn park_until(&self, deadline: &Deadline) {
        if self.prepare() {
            let _ = self.0.wait_until(PARKED, deadline);
            self.take();
        }
    }

    /// Sets the token, and wakes the thread if it sleeps. What the caller did before happens before `park` returns.
    pub fn unpark(&self) {
        // ORDERING: Release pairs with the Acquire of `prepare` and `take`. The swap is what makes check and sleep
        // safe: a sleeper that it does not see has not called `wait(PARKED)` yet, and will not sleep.
        if self.0.word().swap(NOTIFIED, Release) == PARKED {
            self.0.wake_one();
        }
    }

    /// The handle as a pointer, of which [`from_raw`](Self::from_raw) makes it again. It is not dropped.
    pub fn into_raw(self) -> *const () {
        Arc::into_raw(self.0).cast()
    }

    /// The handle that was made a pointer.
    ///
    /// # Safety
    ///
    /// It came from [`into_raw`](Self::into_raw), and is made a handle again once.
    pub unsafe fn from_raw(pointer: *const ()) -> Self {
        // SAFETY: passed on to the caller.
        Self(unsafe { Arc::from_raw(pointer.cast()) })
    }

    /// Announces a sleep. False if the token was there: it is taken then.
    fn prepare(&self) -> bool {
        // ORDERING: Acquire on failure pairs with the Release of `unpark`.
        if self
            .0
            .word()
            .compare_exchange(EMPTY, PARKED, Relaxed, Acquire)
            .is_ok()
        {
            return true;
        }
        self.take();
        false
    }

    /// Takes the token if it is there, and takes the announcement back if it is not.
    fn take(&self) {
        // ORDERING: Acquire pairs with the Release of `unpark`.
        self.0.word().swap(EMPTY, Acquire);
    }
}

#[cfg(test)]
mod models {
    use super::Parker;
    use crate::atomic::{AtomicU32, Ordering::Relaxed};
    use crate::{Deadline, model, thread};
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn unpark_is_not_lost() {
        model::check("parker::unpark_is_not_lost", || {
            let word = Arc::new(AtomicU32::new(0));
            let (parker, shared) = (Parker::current(), Arc::clone(&word));
            let waker = thread::spawn(move || {
                shared.store(1, Relaxed);
                parker.unpark();
            });
            while word.load(Relaxed) == 0 {
                Parker::current().park();
            }
            waker.join().expect("the waker does not panic");
        });
    }

    #[test]
    fn unpark_races_the_deadline() {
        model::check("parker::unpark_races_the_deadline", || {
            let word = Arc::new(AtomicU32::new(0));
            let (parker, shared) = (Parker::current(), Arc::clone(&word));
            let waker = thread::spawn(move || {
                shared.store(1, Relaxed);
                parker.unpark();
            });
            let clock = thread::spawn(model::expire_deadlines);
            let deadline = Deadline::after(Duration::from_millis(1));
            while word.load(Relaxed) == 0 && !deadline.has_passed() {
                Parker::current().park_until(&deadline);
            }
            waker.join().expect("the waker does not panic");
            clock.join().expect("the clock does not panic");
        });
    }
}
