//! The stacks of a pool's threads: who owns which one, and all of them as thieves see them.

use crate::job::Job;
use crate::scope::Scope;
use crate::spares::SPARES;
use crate::stack::{Stack, Thief, stack};
use std::ptr::NonNull;
use std::thread;
use trine_lock::Lock;
use trine_platform::atomic::AtomicUsize;
use trine_platform::atomic::Ordering::Relaxed;

/// How many jobs a stack holds before it grows.
const CAPACITY: usize = 16;

/// One stack for each worker and each spare.
pub(crate) struct Stacks {
    thieves: Box<[Thief<Job>]>,
    /// Those that no thread owns, the ones of spares. A lock, because it is touched only when a thread starts or ends.
    unowned: Lock<Vec<NumberedStack>>,
    /// Stacks with this number or a higher one have never had an owner.
    used: AtomicUsize,
}

/// The stack of a thread.
pub(crate) struct NumberedStack {
    pub(crate) number: usize,
    pub(crate) stack: Stack<Job>,
}

impl Stacks {
    pub(crate) fn new(workers: usize) -> Self {
        let (mut stacks, thieves): (Vec<_>, Vec<_>) = (0..workers + SPARES as usize)
            .map(|number| {
                let (stack, thief) = stack(CAPACITY);
                (NumberedStack { number, stack }, thief)
            })
            .unzip();
        // The last one is given away first.
        stacks.reverse();
        Self {
            thieves: thieves.into(),
            unowned: Lock::new(stacks),
            used: AtomicUsize::new(0),
        }
    }

    /// A stack for a thread that starts. If there is none left, spares that were told to end are about to give theirs back: it
    /// waits for that, unless the caller `gives_up`.
    pub(crate) fn own(&self, gives_up: impl Fn() -> bool) -> Option<NumberedStack> {
        let stack = loop {
            if let Some(stack) = self.unowned.lock().pop() {
                break stack;
            }
            if gives_up() {
                return None;
            }
            thread::yield_now();
        };
        // ORDERING: Relaxed. A thief that does not see it yet is woken by a job on it, after a fence (`sleep.rs`).
        self.used.fetch_max(stack.number + 1, Relaxed);
        Some(stack)
    }

    /// Takes an empty stack back from a thread that ends.
    pub(crate) fn give_back(&self, stack: NumberedStack) {
        self.unowned.lock().push(stack);
    }

    /// Takes the oldest job of another thread than the one with this number, beginning with its neighbour.
    pub(crate) fn steal(&self, thief: usize) -> Option<NonNull<Job>> {
        self.others(thief).find_map(|victim| {
            victim.steal(|job| {
                // SAFETY: `steal` lets nobody else take the job meanwhile.
                if let Some(task) = unsafe { Job::scoped(job) } {
                    task.leaves();
                }
            })
        })
    }

    /// Takes a task of this scope from another thread.
    pub(crate) fn take(&self, thief: usize, scope: *const Scope<'static>) -> Option<NonNull<Job>> {
        self.others(thief).find_map(|victim| {
            victim.take(|job| {
                // SAFETY: `take` lets nobody else take the job meanwhile.
                let task = unsafe { Job::scoped(job) }.filter(|task| task.scope == scope);
                task.inspect(|task| task.leaves()).is_some()
            })
        })
    }

    pub(crate) fn are_empty(&self) -> bool {
        self.others(0).next().is_none()
    }

    /// The stacks with something on them.
    fn others(&self, thief: usize) -> impl Iterator<Item = &Thief<Job>> {
        // ORDERING: Relaxed, as in `own`.
        let used = self.used.load(Relaxed);
        (1..=used)
            .map(move |distance| &self.thieves[(thief + distance) % used])
            .filter(|victim| !victim.is_empty())
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{SPARES, Stacks};
    use std::cell::Cell;

    #[test]
    fn who_starts_waits_for_the_stack_of_a_spare_that_ends() {
        let stacks = Stacks::new(1);
        let all: Vec<_> = (0..=SPARES).map_while(|_| stacks.own(|| true)).collect();
        assert_eq!(all.len(), 1 + SPARES as usize);
        let ending = Cell::new(all.into_iter().next());
        let own = stacks.own(|| {
            ending
                .take()
                .into_iter()
                .for_each(|stack| stacks.give_back(stack));
            false
        });
        assert!(own.is_some());
        assert!(stacks.own(|| true).is_none());
    }
}
