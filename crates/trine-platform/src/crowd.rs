//! Whether others want the processors.
//!
//! A thread that yields lets whoever is there run first. If that is a thread that it waits for, or one that looks for something
//! as it does, this is what it wants. If it is one that computes, most often another program's, its whole turn is lost, some
//! milliseconds: hundreds of times what it costs to sleep and be woken, because who is woken comes before those who have run. So
//! after long yields nobody yields for a while, in the whole process; if the next one takes long again, for twice as long.
//!
//! On a single processor a thread that submits a million tasks computes, too. Whoever sleeps in between is woken for each few of
//! them, which takes about as long as to make them and run them. So who finds very many after a yield says so, and it may have been long.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// A yield that took longer has let somebody compute. Threads that work hand in hand seldom take so long, and one that computes
/// has a turn of at least about as much.
const LONG: Duration = Duration::from_millis(1);

/// So many short yields make up for a long one. Two that nothing makes up for are no accident.
const FOR_A_LONG_ONE: u32 = 8;

/// To be woken for so many tasks, or few at a time, takes longer than the turn in which they were made.
pub(crate) const WORTH_A_LONG_ONE: usize = 1024;

/// For how many milliseconds nobody yields then, the first time and at most.
const FIRST_PAUSE: u32 = 4;
const LONGEST_PAUSE: u32 = 512;

static CROWD: Crowd = Crowd::new();

/// The processors, as the threads of this process have found them.
struct Crowd {
    /// How many short yields would make up for the long ones.
    owed: AtomicU32,
    /// Nobody yields until then, in milliseconds.
    until: AtomicU32,
    /// How long that was, when it began.
    pause: AtomicU32,
}

// ORDERING: Relaxed, everywhere: the numbers publish nothing, and if two threads change one at once either is right.
impl Crowd {
    const fn new() -> Self {
        Self {
            owed: AtomicU32::new(0),
            until: AtomicU32::new(0),
            pause: AtomicU32::new(0),
        }
    }

    /// Whether it is not worth yielding at this time.
    fn is_there(&self, now: u32) -> bool {
        // Also where the milliseconds begin anew, after 49 days. And more than the longest pause is left for a thread that looked
        // at the clock before another one began it.
        let left = self.until.load(Relaxed).wrapping_sub(now);
        self.pause.load(Relaxed) > 0 && (1..=2 * LONGEST_PAUSE).contains(&left)
    }

    /// A yield was short.
    fn note_short(&self) {
        let owed = self.owed.load(Relaxed);
        if owed > 0 {
            self.owed.store(owed - 1, Relaxed);
        }
    }

    /// Yields that took long were worth it.
    fn note_gain(&self) {
        self.owed.store(0, Relaxed);
        self.pause.store(0, Relaxed);
    }

    /// A yield took long that has ended now.
    fn note_long(&self, now: u32) {
        if self.is_there(now) {
            // It had begun before.
            return;
        }
        if self.owed.load(Relaxed) == 0 {
            self.owed.store(FOR_A_LONG_ONE, Relaxed);
            return;
        }
        // The next one decides at once.
        self.owed.store(FOR_A_LONG_ONE, Relaxed);
        let before = self.pause.load(Relaxed);
        let since = now.wrapping_sub(self.until.load(Relaxed));
        let pause = if before > 0 && since <= 2 * before {
            (2 * before).min(LONGEST_PAUSE)
        } else {
            FIRST_PAUSE
        };
        self.pause.store(pause, Relaxed);
        self.until.store(now.wrapping_add(pause), Relaxed);
    }
}

/// A thread that yields, some times.
pub(crate) struct Yields {
    begun: Instant,
    /// The end of the last one.
    since: Instant,
}

impl Yields {
    /// `None` while it is not worth yielding.
    pub(crate) fn begin() -> Option<Self> {
        let now = Instant::now();
        let yields = Self {
            begun: now,
            since: now,
        };
        (!CROWD.is_there(milliseconds(now))).then_some(yields)
    }

    /// Lets others run. False if that took long, so that it is not worth doing again.
    pub(crate) fn let_others_run(&mut self) -> bool {
        std::thread::yield_now();
        let now = Instant::now();
        let is_short = now.saturating_duration_since(self.since) < LONG;
        self.since = now;
        if is_short {
            CROWD.note_short();
        } else {
            CROWD.note_long(milliseconds(now));
        }
        is_short
    }

    /// How long they have taken together.
    pub(crate) fn elapsed(&self) -> Duration {
        self.since.saturating_duration_since(self.begun)
    }
}

/// While the calling thread let others run, these have made very many tasks.
pub(crate) fn note_gain() {
    CROWD.note_gain();
}

/// How many have passed since the first call.
fn milliseconds(now: Instant) -> u32 {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    let begin = *BEGIN.get_or_init(|| now);
    // They begin anew after 49 days.
    now.saturating_duration_since(begin).as_millis() as u32
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{Crowd, FIRST_PAUSE, FOR_A_LONG_ONE, LONGEST_PAUSE};

    #[test]
    fn nobody_yields_for_a_while_after_long_ones() {
        let crowd = Crowd::new();
        assert!(!crowd.is_there(0));
        crowd.note_long(99);
        crowd.note_short();
        assert!(!crowd.is_there(99));
        crowd.note_long(100);
        assert!(crowd.is_there(100) && crowd.is_there(99 + FIRST_PAUSE));
        assert!(!crowd.is_there(100 + FIRST_PAUSE));
    }

    #[test]
    fn a_long_one_among_many_is_an_accident() {
        let crowd = Crowd::new();
        for now in 0..100 {
            crowd.note_long(now);
            assert!(!crowd.is_there(now));
            (0..FOR_A_LONG_ONE).for_each(|_| crowd.note_short());
        }
    }

    #[test]
    fn long_ones_that_were_worth_it_do_not_count() {
        let crowd = Crowd::new();
        for now in 0..100 {
            crowd.note_long(now);
            crowd.note_gain();
            assert!(!crowd.is_there(now));
        }
    }

    #[test]
    fn the_pauses_get_longer_as_long_as_it_is_crowded() {
        let crowd = Crowd::new();
        let mut now = 100;
        let mut pause = FIRST_PAUSE;
        crowd.note_long(now);
        for _ in 0..20 {
            crowd.note_long(now);
            assert!(crowd.is_there(now + pause - 1) && !crowd.is_there(now + pause));
            now += pause + pause / 2;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
        now += 10 * LONGEST_PAUSE;
        crowd.note_long(now);
        assert!(!crowd.is_there(now + FIRST_PAUSE));
    }

    #[test]
    fn who_looked_at_the_clock_before_the_longest_pause_began_does_not_end_it() {
        let crowd = Crowd::new();
        let mut now = 100;
        crowd.note_long(now);
        let mut pause = FIRST_PAUSE;
        while pause < LONGEST_PAUSE {
            crowd.note_long(now);
            now += pause;
            pause *= 2;
        }
        crowd.note_long(now);
        crowd.note_long(now - 1);
        assert!(crowd.is_there(now + LONGEST_PAUSE - 1));
    }

    #[test]
    fn milliseconds_may_begin_anew() {
        let crowd = Crowd::new();
        let now = u32::MAX - 1;
        crowd.note_long(now);
        crowd.note_long(now);
        assert!(crowd.is_there(now) && crowd.is_there(0) && !crowd.is_there(now.wrapping_add(FIRST_PAUSE)));
    }
}
