//! Whether a task should look for a while before it waits for what others do.
//!
//! It pays where these run on another processor and are soon done: to sleep and be woken costs several times as
//! much. It is a waste where they are suspended, or are another task of the same thread, which runs only when this one
//! returns. Who looks does not know which it is. So each thread remembers whether looking was worth it of late: each
//! time that it was in vain doubles the number of waits that go without, until it is worth it again.
//!
//! Who finds each time never waits, so the other tasks of its thread, and the clock, would get no turn: so one of many goes without, too.

use std::cell::Cell;

/// How often that number doubles at most.
const MOST_DOUBLINGS: u32 = 8;

/// So many looks in a row may find. What else the thread has to do waits for less than a millisecond then, and one wake-up for so many costs little.
const MOST_FOUND: u32 = 512;

/// What a thread remembers of one kind of waits.
#[derive(Debug)]
pub struct Experience(Cell<Memory>);

#[derive(Clone, Copy, Debug)]
struct Memory {
    /// How often looking was in vain since it was last worth it, as far as that counts.
    doublings: u32,
    /// How many looks have found since a wait went without.
    found: u32,
    /// How many waits are still to go without.
    rest: u32,
}

impl Experience {
    /// It has not looked yet.
    #[allow(clippy::new_without_default, reason = "it is made in constants alone")]
    pub const fn new() -> Self {
        Self(Cell::new(Memory {
            doublings: 0,
            found: 0,
            rest: 0,
        }))
    }

    /// Calls `look` and returns what it finds, unless it was in vain too often.
    pub fn look<T>(&self, look: impl FnOnce() -> Option<T>) -> Option<T> {
        let mut memory = self.0.get();
        if memory.rest > 0 {
            memory.rest -= 1;
            memory.found = 0;
            self.0.set(memory);
            return None;
        }
        let result = look();
        if result.is_some() {
            memory.doublings = 0;
            memory.found += 1;
            memory.rest = u32::from(memory.found == MOST_FOUND);
        } else {
            memory.doublings = MOST_DOUBLINGS.min(memory.doublings + 1);
            memory.rest = (1 << memory.doublings) - 1;
        }
        self.0.set(memory);
        result
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{Experience, MOST_FOUND};

    /// How many calls go by until there is a look, which finds `found`.
    fn calls_until_look(experience: &Experience, found: Option<()>) -> u32 {
        let (mut calls, mut has_looked) = (0, false);
        while !has_looked {
            calls += 1;
            experience.look(|| {
                has_looked = true;
                found
            });
        }
        calls
    }

    #[test]
    fn looks_in_vain_get_rare() {
        let experience = Experience::new();
        let calls: Vec<u32> = (0..11).map(|_| calls_until_look(&experience, None)).collect();
        assert_eq!(calls, [1, 2, 4, 8, 16, 32, 64, 128, 256, 256, 256]);
    }

    #[test]
    fn who_finds_each_time_goes_without_now_and_then() {
        let experience = Experience::new();
        assert_eq!(calls_until_look(&experience, Some(())), 1);
        for _ in 0..3 {
            for _ in 1..MOST_FOUND {
                assert_eq!(calls_until_look(&experience, Some(())), 1);
            }
            assert_eq!(calls_until_look(&experience, Some(())), 2);
        }
    }

    #[test]
    fn a_look_that_finds_is_followed_by_another() {
        let experience = Experience::new();
        for _ in 0..5 {
            calls_until_look(&experience, None);
        }
        calls_until_look(&experience, Some(()));
        let calls = [Some(()), None].map(|found| calls_until_look(&experience, found));
        assert_eq!(calls, [1, 1]);
    }
}
