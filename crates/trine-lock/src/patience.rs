//! Whether a task should look at a held lock for a while before it stands in line.
//!
//! It pays where the holder runs on another processor and soon lets go: to sleep and be woken costs several times as
//! much. It is a waste where the holder is suspended, or is another task of the same thread, which runs only when this one
//! returns. The lock does not know which it is. So each thread remembers whether looking was worth it of late: each
//! time that it was in vain doubles the number of waits that go without, until it is worth it again.

use std::cell::Cell;
use trine_platform::local;

/// How often that number doubles at most.
const MOST_DOUBLINGS: u32 = 8;

#[derive(Clone, Copy)]
struct Patience {
    /// How often looking was in vain since it was last worth it, as far as that counts.
    doublings: u32,
    /// How many waits are still to go without.
    rest: u32,
}

local! {
    static PATIENCE: Cell<Patience> = Cell::new(Patience { doublings: 0, rest: 0 });
}

/// Calls `look` and returns what it finds, unless it was in vain too often.
pub(crate) fn look<T>(look: impl FnOnce() -> Option<T>) -> Option<T> {
    let Patience { doublings, rest } = PATIENCE.with(Cell::get);
    let remember = |doublings, rest| PATIENCE.with(|patience| patience.set(Patience { doublings, rest }));
    if rest > 0 {
        remember(doublings, rest - 1);
        return None;
    }
    let found = look();
    let doublings = match found {
        Some(_) => 0,
        None => MOST_DOUBLINGS.min(doublings + 1),
    };
    remember(doublings, (1 << doublings) - 1);
    found
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::look;

    /// How many calls go by until there is a look, which finds `found`.
    fn calls_until_look(found: Option<()>) -> u32 {
        let (mut calls, mut has_looked) = (0, false);
        while !has_looked {
            calls += 1;
            look(|| {
                has_looked = true;
                found
            });
        }
        calls
    }

    #[test]
    fn looks_in_vain_get_rare() {
        calls_until_look(Some(()));
        let calls: Vec<u32> = (0..11).map(|_| calls_until_look(None)).collect();
        assert_eq!(calls, [1, 2, 4, 8, 16, 32, 64, 128, 256, 256, 256]);
    }

    #[test]
    fn a_look_that_finds_is_followed_by_another() {
        for _ in 0..5 {
            calls_until_look(None);
        }
        calls_until_look(Some(()));
        assert_eq!([Some(()), None].map(calls_until_look), [1, 1]);
    }
}
