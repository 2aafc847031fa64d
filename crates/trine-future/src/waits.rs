//! Which tasks sleep until which other task ends, to find those that would wait for each other for ever.
//!
//! A thread that is about to sleep for a task while it runs one itself notes that here, for the task that it runs and for
//! those below it on its stack, which go on only after that one. A task waits for one other at most, so what it waits for in
//! the end is found by going from one to the next. Whoever closes a circle is the last one of it to go to sleep: it does
//! not, and gets an error instead.
//!
//! Only threads that have nothing else to do come here, and only those in untimed waits for one future: a timed wait ends
//! by itself, and a wait for several futures may be ended by any of them.

use crate::block::BlockPointer;
use crate::{TaskError, current};
use std::collections::BTreeMap;
use trine_lock::Lock;
use trine_platform::global;

global! {
    /// For each task that sleeps, the one that it sleeps for. A task that is in here runs on a thread that is in a wait, and
    /// its block is alive; so is that of the other one, because the waiting thread has its future.
    static WAITS: Lock<BTreeMap<BlockPointer, BlockPointer>> = Lock::new(BTreeMap::new());
}

/// The time during which the tasks on this thread's stack wait for another one.
pub(crate) struct Wait {
    waiting: Vec<BlockPointer>,
}

impl Wait {
    /// The tasks on this thread's stack wait for `target` from now on.
    ///
    /// # Errors
    ///
    /// If that one waits for one of them already.
    ///
    /// # Safety
    ///
    /// The caller has the future of `target` for as long as this lives.
    pub(crate) unsafe fn begin(target: BlockPointer) -> Result<Self, TaskError> {
        let waiting = current::stack();
        if !waiting.is_empty() {
            let mut waits = WAITS.lock();
            if let Some(circle) = find_circle(&waits, &waiting, target) {
                return Err(TaskError::deadlock(circle));
            }
            // Each on the stack waits for the one above it, the innermost for the target.
            let targets = std::iter::once(&target).chain(&waiting);
            waits.extend(waiting.iter().copied().zip(targets.copied()));
        }
        Ok(Self { waiting })
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if !self.waiting.is_empty() {
            let mut waits = WAITS.lock();
            for task in &self.waiting {
                waits.remove(task);
            }
        }
    }
}

/// The names of the tasks that would wait for each other if those in `waiting`, the innermost first, waited for `target`:
/// each waits for the next, and the last for the first.
fn find_circle(
    waits: &BTreeMap<BlockPointer, BlockPointer>,
    waiting: &[BlockPointer],
    target: BlockPointer,
) -> Option<Vec<&'static str>> {
    let mut circle = Vec::from_iter(waiting.first().copied());
    let mut next = target;
    loop {
        if let Some(depth) = waiting.iter().position(|&task| task == next) {
            // From there up to the innermost, which is the first of the circle, each waits for the one above it.
            circle.extend(waiting[1..=depth].iter().rev());
            // SAFETY: the tasks on this thread's stack are alive, and so are those that have been found in `waits`, and
            // what they wait for, as long as it is locked.
            return Some(circle.into_iter().map(|task| unsafe { task.name() }).collect());
        }
        circle.push(next);
        next = *waits.get(&next)?;
    }
}
