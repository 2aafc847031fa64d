//! How workers without work fall asleep, and how work wakes them: one, and only if nobody is looking already.
//!
//! A worker is busy, searching, or asleep. Searching workers and sleepers are counted in one word. Sleepers wait for
//! permits, a counting semaphore: which one gets a permit does not matter for what follows.
//!
//! # No task is left while a worker sleeps
//!
//! A submitter pushes its task (P), passes a SeqCst fence (F1), and reads the counts (R). A worker announces that it
//! will sleep by changing the counts (A), passes a SeqCst fence (F2), and looks at the queues once more (Q).
//!
//! A worker that puts a job on its stack does the same, but often: F1 is a light fence there, and so F2 is a heavy one.
//! That is not needed while no job has ever been pushed in this pool: the first one notes it, and nobody pushes a job
//! before a heavy fence after that. So either who passes F2 reads the note, or A comes before R.
//!
//! - If R reads the counts from before A, then F1 precedes F2, and Q sees what P pushed: the worker does not sleep.
//! - If R reads A, it sees a sleeper. It wakes one, unless somebody searches.
//! - If it sees a searcher, that one has not announced yet, so by the first case it finds the task, or another task
//!   before it. In that case it stops searching. If it was the last one to search, that is an announcement as well: it
//!   passes F2, looks at the queues once more, and if there is something, wakes another one (`stop_searching`), which
//!   searches in its place.

use std::num::NonZeroU32;
use trine_platform::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use trine_platform::atomic::{AtomicBool, AtomicU32, fence};
use trine_platform::{AsymmetricFences, Futex};

/// One sleeper, in the lower part of the counts.
const SLEEPER: u32 = 1;
/// One searcher, in the part above.
const SEARCHER: u32 = 1 << 15;
/// In the uppermost bit: no job has been pushed in this pool.
const NO_JOBS: u32 = 1 << 31;
/// How many threads the counts have room for.
pub(crate) const MOST_THREADS: u32 = SEARCHER - 1;

fn sleepers(counts: u32) -> u32 {
    counts & (SEARCHER - 1)
}

fn searchers(counts: u32) -> u32 {
    (counts & !NO_JOBS) / SEARCHER
}

/// What tells sleepers from each other, as far as there are bits.
fn bit(number: usize) -> NonZeroU32 {
    NonZeroU32::new(1 << (number % u32::BITS as usize)).unwrap_or(NonZeroU32::MIN)
}

/// The sleeping and waking of a pool's workers.
pub(crate) struct Sleep {
    counts: AtomicU32,
    permits: Futex,
    /// The bit of the worker that fell asleep last, which is woken first: its caches are warm, and most likely it comes back on the
    /// processor that it has left just now. 0 if it was. A hint: it may be awake, and then another one is woken.
    last: AtomicU32,
    fences: AsymmetricFences,
    /// There is a job, or will be in a moment.
    has_jobs: AtomicBool,
}

impl Sleep {
    pub(crate) fn new() -> Self {
        Self {
            counts: AtomicU32::new(NO_JOBS),
            permits: Futex::new(0),
            last: AtomicU32::new(0),
            fences: AsymmetricFences::new(),
            has_jobs: AtomicBool::new(false),
        }
    }

    /// Work has been pushed: wakes a worker, unless one is searching already.
    pub(crate) fn notify(&self) {
        // ORDERING: F1 of the argument above.
        fence(SeqCst);
        self.wake_one();
    }

    /// A worker has put a job on its own stack: as `notify`, but cheap if all others are busy.
    #[inline]
    pub(crate) fn notify_of_job(&self) {
        // ORDERING: F1.
        self.fences.light();
        // ORDERING: R. Acquire pairs with the Release of `first_job`: this comes after the heavy fence there.
        if self.counts.load(Acquire) != 0 {
            self.wake_for_job();
        }
    }

    /// `notify_of_job`, if this is the first job, or somebody sleeps or searches.
    #[cold]
    fn wake_for_job(&self) {
        // ORDERING: Acquire, as in `notify_of_job`.
        if self.counts.load(Acquire) & NO_JOBS != 0 {
            self.first_job();
        }
        // ORDERING: R, after F1 or the heavy fence of `first_job`: there are sleepers, and nobody searches.
        if (SLEEPER..SEARCHER).contains(&self.counts.load(Relaxed)) {
            self.wake_one();
        }
    }

    fn first_job(&self) {
        // ORDERING: Relaxed, ordered by the fence, whose partner is the light one of `look_again`.
        self.has_jobs.store(true, Relaxed);
        self.fences.heavy();
        // ORDERING: Release pairs with the Acquires above.
        self.counts.fetch_and(!NO_JOBS, Release);
    }

    /// Whether there is something to do after all. The caller has announced that it does not search any more.
    fn look_again(&self, nothing_to_do: impl FnOnce() -> bool) -> bool {
        // ORDERING: pairs with the heavy fence of `first_job`: either this reads the note, or whoever comes after that
        // fence reads the announcement.
        self.fences.light();
        if self.has_jobs.load(Relaxed) {
            // ORDERING: F2, for those who pass light fences.
            self.fences.heavy();
        } else {
            // ORDERING: F2.
            fence(SeqCst);
        }
        !nothing_to_do()
    }

    /// Wakes a worker, unless one is searching.
    #[cold]
    fn wake_one(&self) {
        let woken = self.counts.fetch_update(AcqRel, Relaxed, |counts| {
            // The one who is woken searches: counted from now on, so that a burst of work wakes one worker, not all.
            (searchers(counts) == 0 && sleepers(counts) > 0).then(|| counts - SLEEPER + SEARCHER)
        });
        if woken.is_ok() {
            self.permit(1);
        }
    }

    /// Wakes every sleeper. The caller has changed what `nothing_to_do` of `sleep` looks at.
    pub(crate) fn notify_all(&self) {
        // ORDERING: F1.
        fence(SeqCst);
        let woken = self.counts.fetch_update(AcqRel, Relaxed, |counts| {
            let sleepers = sleepers(counts);
            (sleepers > 0).then(|| counts - sleepers * SLEEPER + sleepers * SEARCHER)
        });
        if let Ok(before) = woken {
            self.permit(sleepers(before));
        }
    }

    /// The calling worker begins to search.
    pub(crate) fn start_searching(&self) {
        // ORDERING: Relaxed. A submitter that sees this searcher relies on its later announcement (A) alone.
        self.counts.fetch_add(SEARCHER, Relaxed);
    }

    /// The calling worker has found work, or gives up: if nobody else searches and there is more to do, another one is
    /// woken. `nothing_to_do` looks at the queues.
    pub(crate) fn stop_searching(&self, nothing_to_do: impl FnOnce() -> bool) {
        // ORDERING: A of the argument above; AcqRel, so that the next searcher sees what this one saw.
        let before = self.counts.fetch_sub(SEARCHER, AcqRel);
        // Without a sleeper there is nobody to be woken; who falls asleep later looks for itself.
        if searchers(before) == 1 && sleepers(before) > 0 && self.look_again(nothing_to_do) {
            self.wake_one();
        }
    }

    /// The calling searcher, the worker with this number, sleeps until there may be work, and searches again then. It does not
    /// sleep unless `nothing_to_do`, which looks at the queues.
    pub(crate) fn sleep(&self, number: usize, nothing_to_do: impl FnOnce() -> bool) {
        // ORDERING: A of the argument above.
        self.counts.fetch_sub(SEARCHER - SLEEPER, AcqRel);
        if self.look_again(nothing_to_do) && self.stay_awake() {
            return;
        }
        loop {
            // ORDERING: Acquire pairs with the Release of `permit`.
            let taken = self
                .permits
                .word()
                .fetch_update(Acquire, Relaxed, |permits| permits.checked_sub(1));
            if taken.is_ok() {
                return;
            }
            let bit = self.note_last(number);
            self.permits.wait_as(0, bit);
        }
    }

    /// The worker with this number is the one that falls asleep last. Returns what it is to sleep as.
    pub(crate) fn note_last(&self, number: usize) -> NonZeroU32 {
        let bit = bit(number);
        // ORDERING: Relaxed, here and in `permit`. It is a hint.
        self.last.store(bit.get(), Relaxed);
        bit
    }

    /// Takes the announcement back. False if somebody has counted this sleeper as woken: a permit is on its way.
    fn stay_awake(&self) -> bool {
        self.counts
            .fetch_update(AcqRel, Relaxed, |counts| {
                (sleepers(counts) > 0).then(|| counts - SLEEPER + SEARCHER)
            })
            .is_ok()
    }

    fn permit(&self, workers: u32) {
        // ORDERING: Release pairs with the Acquire of `sleep`.
        self.permits.word().fetch_add(workers, Release);
        if workers == 1 {
            let last = NonZeroU32::new(self.last.swap(0, Relaxed));
            if !last.is_some_and(|last| self.permits.wake_one_as(last)) {
                self.permits.wake_one();
            }
        } else {
            self.permits.wake_all();
        }
    }
}
