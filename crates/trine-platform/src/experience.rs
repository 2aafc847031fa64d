//! Whether a task should look for a while before it waits for what others do.
//!
//! It pays where these run on another processor and are soon done: to sleep and be woken costs several times as
//! much. It is a waste where they are suspended, or are another task of the same thread, which runs only when this one
//! returns. Who looks does not know which it is. So each thread remembers whether looking was worth it of late: each
//! time that it was in vain doubles the number of waits that go without, until it is worth it again.

use std::cell::Cell;

/// How often that number doubles at most.
const MOST_DOUBLINGS: u32 = 8;

/// What a thread remembers of one kind of waits.
#[derive(Debug)]
pub struct Experience(Cell<Memory>);

#[derive(Clone, Copy, Debug)]
struct Memory {
    /// How often looking was in vain since it was last worth it, as far as that counts.
    doublings: u32,
    /// How many waits are still to go without.
    rest: u32,
}

impl Experience {
    #[allow(clippy::new_without_default, reason = "it is made by constants alone")]
    /// It has not looked yet.
    pub const fn new() -> Self {
        Self(Cell::new(Memory {
            doublings: 0,
            rest: 0,
        }))
    }

    /// Calls `look` and returns what it finds, unless it was in vain too often.
    pub fn look<T>(&self, look: impl FnOnce() -> Option<T>) -> Option<T> {
        let Memory { doublings, rest } = self.0.get();
        if rest > 0 {
            let rest = rest - 1;
            self.0.set(Memory { doublings, rest });
            return None;
        }
        let found = look();
        let doublings = match found {
            Some(_) => 0,
            None => MOST_DOUBLINGS.min(doublings + 1),
        };
        let rest = (1 << doublings) - 1;
        self.0.set(Memory { doublings, rest });
        found
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::Experience;

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
