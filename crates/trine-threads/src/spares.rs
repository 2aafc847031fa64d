//! Threads that stand in for workers that sleep in a wait.

use trine_future::Substitute;
use trine_platform::atomic::AtomicU32;
use trine_platform::atomic::Ordering::{Acquire, Relaxed, Release};

/// How many spare threads a pool has at most. Workers that sleep in waits beyond this number are not replaced.
///
/// ```
/// use trine_threads::{SPARES, ThreadPool};
///
/// let pool = ThreadPool::new(1)?;
/// if pool.stats().spares == SPARES as usize {
///     eprintln!("tasks that wait have used up the spare threads");
/// }
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub const SPARES: u32 = 64;

/// One spare, in the upper 8 bits of the counts. The lower ones count sleepers: a thread more than once, if its waits are
/// nested, so there may be more of them than threads.
const SPARE: u32 = 1 << 24;

/// The numbers of threads that sleep in a wait, and of spares. A pool wants as many spares as sleepers.
pub(crate) struct Spares {
    counts: AtomicU32,
    /// How many spares are counted and do not take tasks yet: their threads may be refused, and their initializers fail.
    starting: AtomicU32,
    /// Threads have an initializer. So one that is wanted later may not come, and a sleeper who has been told that there are enough has to
    /// ask again.
    may_fail: bool,
}

fn blocked(counts: u32) -> u32 {
    counts & (SPARE - 1)
}

fn spares(counts: u32) -> u32 {
    counts / SPARE
}

// ORDERING: what is not said otherwise is Relaxed. The counts decide how many threads there are and publish nothing.
impl Spares {
    pub(crate) fn new(may_fail: bool) -> Self {
        Self {
            counts: AtomicU32::new(0),
            starting: AtomicU32::new(0),
            may_fail,
        }
    }

    /// A thread of the pool goes to sleep in a wait. True if the caller has to start a spare.
    #[must_use]
    pub(crate) fn block(&self) -> bool {
        let wants_spare = |counts| spares(counts) <= blocked(counts) && spares(counts) < SPARES;
        let before = self.update(|counts| {
            Some(if wants_spare(counts) {
                counts + 1 + SPARE
            } else {
                counts + 1
            })
        });
        before.is_some_and(wants_spare)
    }

    /// Whether there is one for each sleeper.
    pub(crate) fn are_enough(&self) -> bool {
        let counts = self.counts.load(Relaxed);
        spares(counts) >= blocked(counts)
    }

    /// Whether there is one for the sleeper who asks.
    pub(crate) fn substitute(&self) -> Substitute {
        // ORDERING: Acquire, and before the counts: pairs with the Release of `has_started`. Who sees that none is starting any more
        // sees which of them are gone.
        let is_starting = self.starting.load(Acquire) > 0;
        match (self.are_enough(), is_starting || self.may_fail) {
            (false, _) => Substitute::Missing,
            (true, true) => Substitute::Coming,
            (true, false) => Substitute::Here,
        }
    }

    /// The caller starts a spare, which is counted.
    pub(crate) fn starts(&self) {
        self.starting.fetch_add(1, Relaxed);
    }

    /// It is known whether the spare takes tasks. If not, it `is_gone`.
    pub(crate) fn has_started(&self) {
        // ORDERING: Release pairs with the Acquire of `substitute`.
        self.starting.fetch_sub(1, Release);
    }

    /// Whether the next sleeper gets one, as far as one can tell.
    pub(crate) fn may_be_more(&self) -> bool {
        self.are_enough() && spares(self.counts.load(Relaxed)) < SPARES
    }

    /// Whether there are so many that the others are left to waits which can't do without. A tree of tasks that each wait for the first
    /// of some would use up all of them, one for each of its inner nodes, before it comes to its leaves.
    pub(crate) fn are_many(&self) -> bool {
        spares(self.counts.load(Relaxed)) >= SPARES / 4
    }

    /// It is awake again.
    pub(crate) fn unblock(&self) {
        self.counts.fetch_sub(1, Relaxed);
    }

    /// A spare is not there: it could not be started, or it left because the pool ends.
    pub(crate) fn is_gone(&self) {
        self.counts.fetch_sub(SPARE, Relaxed);
    }

    /// Asked by a spare between two tasks. True if there are more spares than sleepers: it is not counted any more,
    /// and has to end.
    #[must_use]
    pub(crate) fn retire(&self) -> bool {
        self.update(|counts| (spares(counts) > blocked(counts)).then(|| counts - SPARE))
            .is_some()
    }

    /// The number of spares.
    pub(crate) fn number(&self) -> usize {
        spares(self.counts.load(Relaxed)) as usize
    }

    fn update(&self, change: impl Fn(u32) -> Option<u32>) -> Option<u32> {
        self.counts.fetch_update(Relaxed, Relaxed, change).ok()
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{SPARES, Spares};
    use trine_future::Substitute;

    #[test]
    fn each_sleeper_starts_a_spare_up_to_the_bound() {
        let spares = Spares::new(false);
        for started in 0..SPARES as usize {
            assert_eq!(spares.number(), started);
            assert!(spares.may_be_more() && spares.block());
        }
        assert!(!spares.may_be_more() && !spares.block());
        assert_eq!(spares.number(), SPARES as usize);
    }

    #[test]
    fn a_spare_that_has_not_left_is_there_for_the_next_sleeper() {
        let spares = Spares::new(false);
        assert!(spares.block());
        assert!(!spares.retire());
        spares.unblock();
        assert!(!spares.block());
        spares.unblock();
        assert!(spares.retire());
        assert_eq!(spares.number(), 0);
        assert!(spares.block());
    }

    #[test]
    fn a_spare_that_starts_is_coming_until_it_is_known_to_take_tasks() {
        let spares = Spares::new(false);
        assert!(spares.block());
        spares.starts();
        assert_eq!(spares.substitute(), Substitute::Coming);
        spares.has_started();
        assert_eq!(spares.substitute(), Substitute::Here);
    }

    #[test]
    fn a_sleeper_asks_again_where_the_next_spare_may_fail() {
        for (may_fail, substitute) in [(false, Substitute::Here), (true, Substitute::Coming)] {
            let spares = Spares::new(may_fail);
            assert!(spares.block());
            assert_eq!(spares.substitute(), substitute);
            // One more sleeps, and its spare fails: there is one too few.
            assert!(spares.block());
            spares.is_gone();
            assert_eq!(spares.substitute(), Substitute::Missing);
        }
    }
}
