//! What is asked of the system once.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

/// A number that is asked for once, and kept. Unlike a `OnceLock` it makes nobody wait: in a child that is forked off while
/// some thread asks, all would wait for ever, because that thread is not there. So several threads may ask at once.
pub(crate) struct Kept(AtomicU32);

const NOT_ASKED: u32 = 0;

// ORDERING: Relaxed, everywhere. Who finds the number needs nothing else that the one who asked has done in this program.
impl Kept {
    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new(NOT_ASKED))
    }

    /// The number, which `ask` finds out: the same each time. It is less than the largest there is.
    pub(crate) fn get_or(&self, ask: impl FnOnce() -> u32) -> u32 {
        match self.0.load(Relaxed) {
            NOT_ASKED => {
                let number = ask();
                self.0.store(number.saturating_add(1), Relaxed);
                number
            }
            kept => kept - 1,
        }
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::Kept;
    use std::sync::Barrier;
    use std::thread;

    #[test]
    fn the_number_is_asked_for_once() {
        let kept = Kept::new();
        assert_eq!([0, 1].map(|number| kept.get_or(|| number)), [0, 0]);
    }

    #[test]
    fn nobody_waits_for_another_one_who_asks() {
        let (kept, meeting) = (Kept::new(), Barrier::new(2));
        thread::scope(|scope| {
            scope.spawn(|| {
                kept.get_or(|| {
                    meeting.wait();
                    meeting.wait();
                    7
                })
            });
            meeting.wait();
            assert_eq!(kept.get_or(|| 7), 7);
            meeting.wait();
        });
    }
}
