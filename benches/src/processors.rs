//! Threads that must overlap each get a processor of their own. Left to the system, they often share one for a whole
//! sample, and it is the luck of the placement that is measured.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Whether the calling thread has one processor to run on, as in the lane of that name.
pub fn is_one_core() -> bool {
    usable().count() == 1
}

/// The numbers of the processors that the calling thread may use.
pub(crate) fn usable() -> impl Iterator<Item = usize> {
    let allowed = sched_getaffinity(None).expect("a thread can ask for its own processors");
    (0..CpuSet::MAX_CPU).filter(move |&processor| allowed.is_set(processor))
}

/// While it lives, the thread that made it stays on one processor.
pub(crate) struct Pinned {
    before: CpuSet,
}

impl Pinned {
    /// Keeps the calling thread on the processor of this number, counting those that it may use, around and around.
    pub(crate) fn to(number: usize) -> Self {
        let before = sched_getaffinity(None).expect("a thread can ask for its own processors");
        let usable: Vec<usize> = usable().collect();
        let mut one = CpuSet::new();
        one.set(usable[number % usable.len()]);
        sched_setaffinity(None, &one).expect("a thread can choose among its own processors");
        Self { before }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        sched_setaffinity(None, &self.before).expect("a thread can go back to its own processors");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_on_one_processor_and_then_on_all() {
        let now = || sched_getaffinity(None).expect("it is allowed");
        let before = now();
        for number in 0..before.count() as usize + 1 {
            let pinned = Pinned::to(number);
            assert_eq!(now().count(), 1);
            drop(pinned);
            assert_eq!(now(), before);
        }
    }
}
