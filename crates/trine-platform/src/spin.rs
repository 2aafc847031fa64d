//! Looking for a moment before falling asleep.

use crate::atomic::AtomicU32;
use crate::atomic::Ordering::Relaxed;
use crate::crowd::{self, Yields};
use crate::kept::Kept;
use crate::{HomeProcess, global};
use std::cell::Cell;
use std::time::Duration;

/// For so long a thread looks before it sleeps, at most: to fall asleep and be woken on another processor costs several times
/// that. And one that waits for who is just being woken should not fall asleep as well, because then that one will wait for it: so
/// two threads that have no reason to sleep any more wake each other for ever. (A time and no number of looks: what those take
/// differs by a factor of three between machines.)
pub const PATIENCE: Duration = Duration::from_micros(20);

/// A model explores nothing new by looking again.
const IS_MODEL: bool = cfg!(trine_loom);

/// After so many looks, which take a microsecond or two, only those who have a processor to spare go on, and let others run on it
/// in between: the one that they wait for may have been woken there. That is a system call, so what comes then is seen later.
const QUICK_LOOKS: u32 = 16;

/// How many pauses there are between quick looks, at first fewer: who looks all the time keeps taking the cache line away from
/// who is about to write to it.
const PAUSES: u32 = 4;

global! {
    /// How many threads spin now.
    static SPINNING: AtomicU32 = AtomicU32::new(0);
}

thread_local! {
    /// This thread has woken another one since it spun last.
    static HAS_WOKEN: Cell<bool> = const { Cell::new(false) };
}

/// The calling thread wakes another one, which may be what it will wait for.
#[cfg(all(target_os = "linux", not(trine_loom)))]
pub(crate) fn note_wake() {
    let _ = HAS_WOKEN.try_with(|has_woken| has_woken.set(true));
}

/// Calls `look` until it is true, for [`PATIENCE`] at most. False if it has not been.
///
/// Spinning is for who has a processor to spare: there are always fewer threads that go on after the first looks than the
/// process may run at once, so that one is left for whoever does what they all wait for. On a single processor a thread lets others
/// run, and looks once. Who has woken a thread lets others run first: that one may have been put on this processor, and the quick
/// looks would only keep it from running. While other programs want the processors nobody lets others run.
pub fn spin_until(mut look: impl FnMut() -> bool) -> bool {
    if IS_MODEL {
        return false;
    }
    if processors() == 1 {
        return after_others(&mut look);
    }
    let has_woken = HAS_WOKEN.try_with(|has_woken| has_woken.replace(false)) == Ok(true);
    if has_woken && after_others(&mut look) {
        return true;
    }
    if look_quickly(&mut look) {
        return true;
    }
    let Some(_spinning) = Spinning::begin() else {
        return false;
    };
    let Some(mut yields) = Yields::begin() else {
        return false;
    };
    loop {
        let goes_on = yields.let_others_run();
        if look() {
            return true;
        }
        if !goes_on || yields.elapsed() > PATIENCE {
            return false;
        }
    }
}

/// After [`spin_until`] there are so many tasks. If those are very many, and there is a single processor, the calling thread goes on
/// letting others run, also if these compute: that is how the tasks were made.
pub fn note_found(tasks: impl FnOnce() -> usize) {
    if !IS_MODEL && processors() == 1 && tasks() >= crowd::WORTH_A_LONG_ONE {
        crowd::note_gain();
    }
}

/// [`spin_until`] for what takes longer than a system call: it lets others run first. The one that this waits for may have been
/// woken on this processor, and the quick looks would only keep it from running.
pub fn yield_and_spin_until(mut look: impl FnMut() -> bool) -> bool {
    if IS_MODEL {
        return false;
    }
    after_others(&mut look) || spin_until(look)
}

/// Lets others run, and looks once.
fn after_others(look: &mut impl FnMut() -> bool) -> bool {
    if let Some(mut yields) = Yields::begin() {
        yields.let_others_run();
    }
    look()
}

/// Calls `look` until it is true, for a microsecond or two at most. False if it has not been. On a single processor, and in a model,
/// it looks once.
pub fn spin_briefly(mut look: impl FnMut() -> bool) -> bool {
    if IS_MODEL || processors() == 1 {
        return look();
    }
    look_quickly(&mut look)
}

fn look_quickly(look: &mut impl FnMut() -> bool) -> bool {
    (1..=QUICK_LOOKS).any(|turn| {
        (0..turn.min(PAUSES)).for_each(|_| crate::spin_loop());
        look()
    })
}

/// A thread that spins.
struct Spinning;

impl Spinning {
    fn begin() -> Option<Self> {
        // ORDERING: Relaxed, here and below. The count publishes nothing.
        let spinning = SPINNING.fetch_add(1, Relaxed) + 1;
        let spins = Self;
        (spinning < processors()).then_some(spins)
    }
}

impl Drop for Spinning {
    fn drop(&mut self) {
        SPINNING.fetch_sub(1, Relaxed);
    }
}

/// For a child that was forked off. It has none of the threads that have been counted: who forks does not spin.
#[cfg(unix)]
pub(crate) fn forget_spinning() {
    // Not in a model, whose number is there only while it is explored.
    if !IS_MODEL {
        // ORDERING: Relaxed. The child has a single thread.
        SPINNING.store(0, Relaxed);
    }
}

/// How many threads of this process can run at once, as it was at the first call.
fn processors() -> u32 {
    static PROCESSORS: Kept = Kept::new();
    PROCESSORS.get_or(|| {
        // From the first spinner on, children that are forked off forget. Without memory for that they only spin less.
        let _ = HomeProcess::current();
        u32::try_from(count_processors()).unwrap_or(u32::MAX)
    })
}

/// [`processors`](crate::processors). The calling thread may have to stay on one: then others may run on those that the main
/// thread has.
fn count_processors() -> usize {
    let here = crate::processors();
    #[cfg(target_os = "linux")]
    {
        use rustix::{process::getpid, thread::sched_getaffinity};
        let stays_here = || sched_getaffinity(None).is_ok_and(|own| own.count() == 1);
        if here == 1 && stays_here() {
            return sched_getaffinity(Some(getpid())).map_or(1, |main| main.count() as usize);
        }
    }
    here
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_succeeds_ends_the_spinning() {
        let mut looks = 0;
        let found = spin_until(|| {
            looks += 1;
            looks == 3
        });
        assert_eq!(looks, if found { 3 } else { 1 });
    }

    #[test]
    fn spinning_ends_without_success() {
        let mut looks = 0;
        assert!(!spin_until(|| {
            looks += 1;
            false
        }));
        assert!(looks > 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn who_has_woken_a_thread_lets_others_run_first_once() {
        crate::Futex::new(0).wake_one();
        assert!(HAS_WOKEN.replace(true));
        assert!(spin_until(|| true));
        assert!(processors() == 1 || !HAS_WOKEN.get());
    }

    #[test]
    fn who_lets_others_run_looks_once_after_that() {
        for found in [false, true] {
            let mut looks = 0;
            let mut look = || {
                looks += 1;
                found
            };
            assert_eq!(after_others(&mut look), found);
            assert_eq!(looks, 1);
        }
    }

    #[cfg(unix)]
    #[test]
    fn those_who_spin_when_a_process_forks_do_not_spin_in_the_child() {
        let spinning: Vec<_> = (1..processors()).map(|_| Spinning::begin()).collect();
        // SAFETY: the child changes numbers, and leaves by `_exit`.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let may_spin = processors() == 1 || Spinning::begin().is_some();
            // SAFETY: it only ends the process.
            unsafe { libc::_exit(i32::from(!may_spin)) }
        }
        drop(spinning);
        let mut status = -1;
        // SAFETY: the child is ours, and the place for its status is valid.
        let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!((waited, status), (child, 0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_that_stays_on_one_processor_knows_of_the_others() {
        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
        let all = count_processors();
        let pinned = std::thread::spawn(|| {
            let own = sched_getaffinity(None).expect("there are some");
            let mut first = CpuSet::new();
            first.set(
                (0..CpuSet::MAX_CPU)
                    .find(|processor| own.is_set(*processor))
                    .expect("there is one"),
            );
            sched_setaffinity(None, &first).expect("it is one of its own");
            count_processors()
        });
        assert_eq!(pinned.join().expect("it does not panic"), all);
    }

    #[test]
    fn one_processor_is_left_over() {
        let spinning: Vec<_> = (0..2 * processors()).filter_map(|_| Spinning::begin()).collect();
        assert!((spinning.len() as u32) < processors());
    }
}
