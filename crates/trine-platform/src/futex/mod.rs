//! The one way to sleep: a word that threads wait on.
//!
//! Three files implement the contract below: `linux.rs` is the system call, `portable.rs` does it with std's
//! condition variable for other systems, `model.rs` with loom's for the models.

#[cfg(all(not(trine_loom), target_os = "linux"))]
mod linux;
#[cfg(trine_loom)]
mod model;
#[cfg(all(not(trine_loom), any(not(target_os = "linux"), test)))]
#[cfg_attr(
    target_os = "linux",
    allow(dead_code, unreachable_pub, reason = "here only the tests below use it")
)]
mod portable;

/// A wait ended because its deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut;

#[cfg(all(not(trine_loom), target_os = "linux"))]
pub use linux::{Futex, FutexOf, SharedFutex};
#[cfg(trine_loom)]
pub(crate) use model::Gate;
#[cfg(trine_loom)]
pub use model::{Futex, SharedFutex};
/// A 32-bit word that threads can sleep on. The contract that all its implementations keep:
///
/// - F1: `wait(expected)` returns at once unless the word reads `expected`; the check and falling asleep are one
///   step with respect to `wake_one` and `wake_all`.
/// - F2: `wait` may return at any time for no reason. Callers loop.
/// - F3: `wait` and `wake` order nothing. Callers publish with the word's own Release and Acquire.
/// - F4: waking costs a system call. Callers wake only when somebody may be asleep.
/// - F5: `wake_one_as(bit)` wakes one of those who sleep in `wait_as` with this bit, or says that there is none. A system that
///   can't tell them apart wakes any one, and says that it has.
#[cfg(all(not(trine_loom), not(target_os = "linux")))]
pub use portable::Futex;

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{TimedOut, portable};
    use crate::Deadline;
    use std::num::NonZeroU32;
    use std::sync::Arc;
    use std::sync::atomic::Ordering::{Acquire, Release};
    use std::time::Duration;

    /// The same tests for every implementation that runs outside of a model.
    macro_rules! contract {
        ($module:ident, $futex:ty) => {
            mod $module {
                use super::*;

                #[test]
                fn wait_returns_when_the_word_differs() {
                    let futex = <$futex>::new(1);
                    futex.wait(0);
                    assert_eq!(futex.wait_until(0, &Deadline::after(Duration::MAX)), Ok(()));
                }

                #[test]
                fn a_wait_ends_at_its_deadline() {
                    let futex = <$futex>::new(0);
                    let deadline = Deadline::after(Duration::from_millis(1));
                    while futex.wait_until(0, &deadline) != Err(TimedOut) {}
                    assert!(deadline.has_passed());
                }

                #[test]
                fn a_wake_ends_a_wait() {
                    ends_a_wait(|futex| futex.wait(0), |futex| futex.wake_all());
                }

                #[test]
                fn a_wake_of_those_with_a_bit_ends_their_wait() {
                    let bit = NonZeroU32::MIN;
                    ends_a_wait(
                        move |futex| futex.wait_as(0, bit),
                        move |futex| while !futex.wake_one_as(bit) && futex.word().load(Acquire) == 1 {},
                    );
                }

                fn ends_a_wait(wait: impl Fn(&$futex), wake: impl Fn(&$futex) + Send + 'static) {
                    let futex = Arc::new(<$futex>::new(0));
                    let waker = Arc::clone(&futex);
                    let thread = std::thread::spawn(move || {
                        waker.word().store(1, Release);
                        wake(&waker);
                    });
                    while futex.word().load(Acquire) == 0 {
                        wait(&futex);
                    }
                    futex.word().store(2, Release);
                    thread.join().expect("the waker does not panic");
                }
            }
        };
    }

    contract!(shipped, super::super::Futex);
    #[cfg(target_os = "linux")]
    contract!(shared, super::super::SharedFutex);
    contract!(other_systems, super::portable::Futex);
}
