//! How the holder of a future waits for its task, and leaves word with it who is to be told.

use crate::blocking::Blocked;
use crate::owner::Waiting;
use crate::slot::SlotCell;
use crate::snapshot::Part;
use crate::waiter::{Callbacks, Waiter};
use crate::waits::Wait;
use crate::{Future, Outcome, TaskError, deferred};
use trine_platform::{Deadline, Experience, Parker, local, spin_briefly, spin_until};

local! {
    /// Whether it was worth it for async code to look for the end of a thread's task.
    static EXPERIENCE: Experience = Experience::new();
}

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
            if !is_asked {
                // SAFETY: this is the future, by `&mut`.
                let has_run = unsafe { self.block().drive(waiting) };
                is_asked = !has_run;
                // Also who has looked for a while may have seen the end.
                continue;
            }
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
            // The hook or a lock may have slept on this thread's parker, and used up the token of a completion that came since
            // the state was looked at.
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

    /// Whether the task has ended, after a look at it for a moment where that may be worth it: for async code that has not left a waker yet.
    pub(crate) fn ends_soon(&self) -> bool {
        let now = self.state().load();
        if now.is_terminal() || now.is_given(Part::Waiter) {
            return now.is_terminal();
        }
        // SAFETY: this is the future.
        let is_run = unsafe { self.block().header() }.vtable.is_run;
        let look = || spin_briefly(|| self.is_done()).then_some(());
        is_run && EXPERIENCE.with(|experience| experience.look(look)).is_some()
    }

    /// Has the one that `waiter` makes told of the end. False if the task has ended.
    #[inline]
    #[must_use]
    pub(crate) fn watch_by(&mut self, waiter: impl FnOnce() -> Waiter) -> bool {
        let now = self.state().load();
        if now.is_terminal() {
            return false;
        }
        if now.is_given(Part::Waiter) {
            // PANIC: to make a waiter is to clone a waker, the user's code. Nothing has changed yet.
            return self.watch_anew(waiter());
        }
        self.watch_ungiven(waiter())
    }

    /// `watch_by`, if somebody is to be told already.
    #[cold]
    fn watch_anew(&mut self, waiter: Waiter) -> bool {
        if self.empty_given_slot() {
            return self.watch_ungiven(waiter);
        }
        waiter.dismiss();
        false
    }

    /// Gives the waiter to the completer. False if the task has ended.
    #[inline]
    fn watch_ungiven(&mut self, waiter: Waiter) -> bool {
        // SAFETY: a waiter that was not given, or was taken back, is the holder's (R2).
        unsafe { self.slot().put_waiter(waiter) };
        if self.state().give(Part::Waiter) {
            return true;
        }
        self.watched_too_late();
        false
    }

    /// The task has ended before its completer could see the waiter.
    #[cold]
    fn watched_too_late(&mut self) {
        // SAFETY: it could not be given away (R2).
        unsafe { self.slot().take_waiter() }.dismiss();
    }

    /// Takes away the one who would be told of the end.
    pub(crate) fn forget_waiter(&mut self) {
        if self.state().load().is_given(Part::Waiter) {
            self.empty_given_slot();
        }
    }

    /// Takes back a waiter that was given. False if the task has ended.
    #[cold]
    fn empty_given_slot(&mut self) -> bool {
        if !self.state().take_back(Part::Waiter) {
            return false;
        }
        // SAFETY: it has been taken back (R2).
        unsafe { self.slot().take_waiter() }.dismiss();
        true
    }

    /// Has `callback` called at the end: at once, if the task has ended.
    pub(crate) fn add_callback(&mut self, callback: impl FnOnce(Outcome) + Send + 'static) {
        let Some(callbacks) = self.reclaim_callbacks() else {
            let outcome = self.outcome();
            crate::failure::contain(|| callback(outcome));
            return;
        };
        let mut callbacks = callbacks.unwrap_or_default();
        callbacks.0.push(Box::new(callback));
        // SAFETY: they are the holder's (R2).
        unsafe { self.slot().put_callbacks(callbacks) };
        if self.state().give(Part::Callbacks) {
            return;
        }
        // The task has ended before its completer could see them.
        // SAFETY: they could not be given away (R2).
        if let Some(callbacks) = unsafe { self.slot().take_callbacks() } {
            deferred::call(*callbacks, self.outcome());
        }
    }

    /// Takes the callbacks away. None are left if the task has ended.
    pub(crate) fn take_callbacks(&mut self) -> Callbacks {
        let callbacks = self.reclaim_callbacks().flatten();
        callbacks.map(|callbacks| *callbacks).unwrap_or_default()
    }

    /// The callbacks that were added, which are the holder's again. `None` if the task has ended.
    fn reclaim_callbacks(&mut self) -> Option<Option<Box<Callbacks>>> {
        let now = self.state().load();
        if !now.is_given(Part::Callbacks) {
            return (!now.is_terminal()).then_some(None);
        }
        // SAFETY: they have been taken back (R2).
        self.state()
            .take_back(Part::Callbacks)
            .then(|| unsafe { self.slot().take_callbacks() })
    }

    fn slot(&self) -> &SlotCell {
        // SAFETY: the future's side of the block is alive.
        &unsafe { self.block().header() }.slot
    }

    /// How the task ended. It has.
    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::of(self.state().load().phase())
    }
}
