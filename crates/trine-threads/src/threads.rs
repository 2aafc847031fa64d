//! The threads that have to be joined.

use crate::closing::wait_for_zero;
use std::thread::JoinHandle;
use trine_lock::Lock;
use trine_platform::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use trine_platform::{Deadline, Futex, HomeProcess};

/// The handles of a pool's threads. They are joined, not only waited for, so that the destructors of their thread locals
/// have run when a shutdown returns.
pub(crate) struct Threads {
    /// A lock, because it is touched only when a thread starts and when the pool ends.
    handles: Lock<Vec<JoinHandle<()>>>,
    /// The number of threads that were added and have not been joined. Several may join at once, each some.
    unjoined: Futex,
    home: HomeProcess,
}

impl Threads {
    pub(crate) fn new(home: HomeProcess) -> Self {
        Self {
            handles: Lock::new(Vec::new()),
            unjoined: Futex::new(0),
            home,
        }
    }

    /// Takes the handle of a thread that was started. Joins nothing: the caller may be a worker about to sleep, and hold
    /// what a destructor of an ended thread wants.
    pub(crate) fn add(&self, thread: JoinHandle<()>) {
        // ORDERING: Relaxed. Nothing is published; the handle is behind the lock.
        self.unjoined.word().fetch_add(1, Relaxed);
        self.handles.lock().push(thread);
    }

    /// Joins the threads that have left the pool, for one that leaves it too: it holds nothing any more, and if destructors
    /// of theirs block, nobody waits but a thread that has nothing to do. So there are never more handles than threads that
    /// were alive at once.
    pub(crate) fn join_ended(&self) {
        let ended: Vec<_> = self
            .handles
            .lock()
            .extract_if(.., |thread| thread.is_finished())
            .collect();
        ended.into_iter().for_each(|thread| self.join(thread));
    }

    /// Whether all threads of a pool have ended and been joined. A thread that may add another one has not.
    pub(crate) fn are_joined(&self) -> bool {
        // ORDERING: Acquire pairs with the Release of `join`.
        self.unjoined.word().load(Acquire) == 0
    }

    /// Joins all threads, which have ended or are about to. Others may be joining some: that is waited for until `deadline`.
    pub(crate) fn join_all(&self, deadline: Option<&Deadline>) {
        loop {
            // Not in the condition of the loop: the lock would be held while joining.
            let thread = self.handles.lock().pop();
            match thread {
                Some(thread) => self.join(thread),
                None => break,
            }
        }
        wait_for_zero(&self.unjoined, deadline);
    }

    fn join(&self, thread: JoinHandle<()>) {
        // A thread of the pool catches every panic of the user's code, so there is none to pass on.
        let _ = thread.join();
        // ORDERING: AcqRel, so that whoever reads zero sees what the joined threads did.
        if self.unjoined.word().fetch_sub(1, AcqRel) == 1 {
            self.unjoined.wake_all();
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if !self.home.is_here() {
            // These threads are in another process. The system's part of a handle means nothing here.
            std::mem::forget(std::mem::take(&mut *self.handles.lock()));
        }
    }
}
