//! Who is still at work in a pool: what its end waits for.
//!
//! Whoever begins to lead does so while an attendant is there whose worker has a process. So once all have left, nobody comes.

use trine_lock::Lock;
use trine_platform::{Deadline, Parker};

/// The attendants, from the beginning of the pool, and the leaders: threads that look for replies in the place of attendants, and
/// may have a task in hand.
pub(super) struct Attendance(Lock<Present>);

struct Present {
    attendants: usize,
    leaders: usize,
    /// The threads that wait for all to leave.
    closers: Vec<Parker>,
}

impl Attendance {
    pub(super) fn new(attendants: usize) -> Self {
        Self(Lock::new(Present {
            attendants,
            leaders: 0,
            closers: Vec::new(),
        }))
    }

    /// The calling thread leads, until that is dropped.
    pub(super) fn lead(&self) -> Leading<'_> {
        self.0.lock().leaders += 1;
        Leading(self)
    }

    /// So many attendants leave. True if they are the last.
    pub(super) fn leave(&self, attendants: usize) -> bool {
        self.change(|present| {
            present.attendants -= attendants;
            present.attendants == 0
        })
    }

    fn change<R>(&self, change: impl FnOnce(&mut Present) -> R) -> R {
        let mut present = self.0.lock();
        let result = change(&mut present);
        let closers = if present.is_empty() {
            std::mem::take(&mut present.closers)
        } else {
            Vec::new()
        };
        drop(present);
        closers.iter().for_each(Parker::unpark);
        result
    }

    /// Blocks until all have left. False if the deadline has passed before.
    pub(super) fn wait(&self, deadline: Option<&Deadline>) -> bool {
        let parker = Parker::current();
        let mut present = self.0.lock();
        while !present.is_empty() {
            if deadline.is_some_and(Deadline::has_passed) {
                return false;
            }
            present.closers.push(parker.clone());
            drop(present);
            match deadline {
                None => parker.park(),
                Some(deadline) => parker.park_until(deadline),
            }
            present = self.0.lock();
        }
        true
    }
}

impl Present {
    fn is_empty(&self) -> bool {
        self.attendants + self.leaders == 0
    }
}

/// A thread that leads.
pub(super) struct Leading<'a>(&'a Attendance);

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        self.0.change(|present| present.leaders -= 1);
    }
}

#[cfg(test)]
#[path = "attendance_models.rs"]
mod models;
