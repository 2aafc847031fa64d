//! How the holder of a future waits for its task, and leaves word with it who is to be told.

use crate::blocking::Blocked;
use crate::owner::Waiting;
use crate::waiter::{Callbacks, Slot, Waiter};
use crate::waits::Wait;
use crate::{Future, Outcome, TaskError};
use trine_platform::{Deadline, Parker, spin_until};

/// How long somebody waits.
#[derive(Clone, Copy)]
pub(crate) enum Patience<'a> {
    Until(&'a Deadline),
    /// To the end, or until a deadlock is found.
    UnlessDeadlocked,
    /// To the end, whatever happens: the task uses memory of the one who waits.
    Unconditional,
}

impl<T> Future<T> {
    /// Waits for the end; false if the deadline has passed.
    ///
    /// # Errors
    ///
    /// A deadlock.
    #[cold]
    pub(crate) fn wait(&mut self, patience: Patience<'_>) -> Result<bool, TaskError> {
        let (deadline, waiting) = match patience {
            Patience::Until(deadline) => (Some(deadline), Waiting::Until(deadline)),
            Patience::UnlessDeadlocked | Patience::Unconditional => (None, Waiting::Untimed),
        };
        let mut parker = None;
        let mut wait = None;
        let mut blocked = None;
        // Once before each sleep is enough: the owner may look for a while itself.
        let mut is_asked = false;
        loop {
            if self.is_done() {
                return Ok(true);
            }
            if deadline.is_some_and(Deadline::has_passed) {
                if parker.is_some() {
                    self.forget_waiter();
                }
                return Ok(self.is_done());
            }
            // SAFETY: this is the future, by `&mut`.
            if !is_asked && unsafe { self.block().drive(waiting) } {
                continue;
            }
            is_asked = true;
            let Some(parker) = &parker else {
                // First, because then the one who ends the task need not know of this thread.
                if spin_until(|| self.is_done()) {
                    return Ok(true);
                }
                let current = Parker::current();
                if self.watch_by(|| Waiter::Thread(current.clone())) {
                    parker = Some(current);
                }
                continue;
            };
            if wait.is_none() && deadline.is_none() {
                // SAFETY: this is the future, by `&mut`, and it keeps the block that decides how it ends.
                let target = unsafe { self.block().deciding() };
                let sleeper = matches!(patience, Patience::UnlessDeadlocked).then_some(parker);
                // SAFETY: as above.
                wait = Some(unsafe { Wait::begin(target, sleeper) }?);
            }
            let blocked = blocked.get_or_insert_with(Blocked::begin);
            if blocked.lacks_substitute() {
                // The owner may have counted on another thread.
                is_asked = false;
                continue;
            }
            if let Some(deadlock) = wait.as_ref().and_then(Wait::deadlock) {
                return Err(deadlock);
            }
            // The owner, the hook or a lock may have slept on this thread's parker, and used up the token of a completion
            // that came since the state was looked at.
            if self.is_done() {
                return Ok(true);
            }
            let question = blocked.asks_again();
            match deadline.or(question.as_ref()) {
                None => parker.park(),
                Some(deadline) => parker.park_until(deadline),
            }
            is_asked = false;
        }
    }

    /// Has the one that `waiter` makes told of the end. False if the task has ended.
    #[inline]
    #[must_use]
    pub(crate) fn watch_by(&mut self, waiter: impl FnOnce() -> Waiter) -> bool {
        let now = self.state().load();
        if now.is_terminal() {
            return false;
        }
        if now.is_watched() {
            // PANIC: to make a waiter is to clone a waker, the user's code. Callbacks are in the slot only if it is given:
            // then it stays so until there is a waiter.
            return self.watch_anew(waiter());
        }
        let slot = Slot {
            waiter: waiter(),
            callbacks: None,
        };
        // SAFETY: the future's side of the block is alive.
        let place = &unsafe { self.block().header() }.slot;
        // SAFETY: a slot that was not given is the holder's (R2), and empty.
        unsafe { place.put(slot) };
        self.watch_slot()
    }

    /// `watch_by`, if somebody is to be told already, or callbacks are to be called.
    #[cold]
    fn watch_anew(&mut self, waiter: Waiter) -> bool {
        if !self.empty_given_slot() {
            waiter.dismiss();
            return false;
        }
        // SAFETY: the slot is the holder's now (R2).
        unsafe { self.block().with_slot(|slot| slot.waiter = waiter) };
        self.watch_slot()
    }

    /// Gives the slot, with a waiter in it, to the completer. False if the task has ended.
    #[inline]
    fn watch_slot(&mut self) -> bool {
        if self.state().watch() {
            return true;
        }
        self.watched_too_late();
        false
    }

    /// The task has ended before its completer could see what is in the slot.
    #[cold]
    fn watched_too_late(&mut self) {
        // SAFETY: the slot could not be given away (R2).
        let mut slot = unsafe { self.block().take_slot() };
        std::mem::take(&mut slot.waiter).dismiss();
        slot.notify(self.outcome());
    }

    /// Takes away the one who would be told of the end.
    pub(crate) fn forget_waiter(&mut self) {
        if !self.empty_slot() {
            return;
        }
        // SAFETY: the slot is the holder's now (R2).
        let has_callbacks = unsafe { self.block().with_slot(|slot| slot.callbacks.is_some()) };
        if has_callbacks && let Err(slot) = self.give_slot() {
            slot.notify(self.outcome());
        }
    }

    /// Has `callback` called at the end: at once, if the task has ended.
    pub(crate) fn add_callback(&mut self, callback: impl FnOnce(Outcome) + Send + 'static) {
        if !self.reclaim_slot() {
            let outcome = self.outcome();
            crate::failure::contain(|| callback(outcome));
            return;
        }
        // SAFETY: the slot has been taken back, or never given (R2).
        unsafe {
            self.block()
                .with_slot(|slot| slot.callbacks.get_or_insert_default().0.push(Box::new(callback)))
        };
        if let Err(slot) = self.give_slot() {
            slot.notify(self.outcome());
        }
    }

    /// Takes the callbacks away, and the one who would be told of the end. None are left if the task has ended.
    pub(crate) fn take_callbacks(&mut self) -> Callbacks {
        if !self.reclaim_slot() {
            return Callbacks::default();
        }
        // SAFETY: the slot has been taken back, or never given (R2).
        let slot = unsafe { self.block().take_slot() };
        slot.waiter.dismiss();
        slot.callbacks.map(|callbacks| *callbacks).unwrap_or_default()
    }

    /// Makes the slot the holder's, without a waiter in it. False if the task has ended.
    #[inline]
    fn empty_slot(&mut self) -> bool {
        let now = self.state().load();
        if now.is_watched() && !now.is_terminal() {
            return self.empty_given_slot();
        }
        // A slot that was not given has no waiter.
        !now.is_terminal()
    }

    #[cold]
    fn empty_given_slot(&mut self) -> bool {
        if !self.reclaim_slot() {
            return false;
        }
        // SAFETY: the slot has been taken back (R2).
        let before = unsafe { self.block().with_slot(|slot| std::mem::take(&mut slot.waiter)) };
        before.dismiss();
        true
    }

    /// Makes the slot the holder's. False if the task has ended: then it is the completer's, or of no use.
    fn reclaim_slot(&mut self) -> bool {
        let state = self.state();
        let now = state.load();
        !now.is_terminal() && (!now.is_watched() || state.unwatch())
    }

    /// Gives the slot to the completer. If the task has ended meanwhile, its end did not see what is in the slot:
    /// that comes back, to be notified here.
    fn give_slot(&mut self) -> Result<(), Slot> {
        if self.state().watch() {
            return Ok(());
        }
        // SAFETY: the slot could not be given away (R2).
        Err(unsafe { self.block().take_slot() })
    }

    /// How the task ended. It has.
    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::of(self.state().load().phase())
    }
}
