//! How one thread sleeps in memory that two processes share, until the other side has something for it.
//!
//! The sleeper announces itself and then looks once more; the other side makes its change and then looks for a sleeper. A
//! fence on each side between the two steps makes one of them see the other. So who finds nobody asleep makes no system
//! call.
//!
//! The other process can write to the word as it likes. With that it can keep the sleeper asleep, as it can by not
//! answering, or awake, as it can by ringing, and nothing else. (Code that knows of the sleeper can ask the kernel to have it sleep on another word,
//! `FUTEX_REQUEUE`: then nothing wakes it. So could it with a signal to the parent: it is no sandbox.)

use trine_platform::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use trine_platform::atomic::fence;
use trine_platform::{Deadline, SharedFutex};

const AWAKE: u32 = 0;
const ASLEEP: u32 = 1;
/// Asleep, and not to be woken by [`Alarm::ring`].
const SILENCED: u32 = 2;
/// Asleep, and to be woken by [`Alarm::ring`], but not by [`Alarm::ring_if_urgent`].
const DOZING: u32 = 3;
/// Awake, and not to doze the next time.
const RUNG: u32 = 4;

/// The place of one thread to sleep. All zeros are one where nobody sleeps.
#[repr(transparent)]
pub(super) struct Alarm(SharedFutex);

impl Alarm {
    #[cfg(test)]
    pub(super) fn new() -> Self {
        Self(SharedFutex::new(AWAKE))
    }

    /// Sleeps until [`ring`](Self::ring), unless `is_ready`. May return early.
    pub(super) fn sleep_unless(&self, is_ready: impl FnOnce() -> bool) {
        self.sleep(ASLEEP, is_ready);
    }

    /// Sleeps as one who was [silenced](Self::silence) by a thread that looks in its place now, until that one has
    /// [restored](Self::restore) the alarm and [`ring`](Self::ring) comes after that. May return early. `is_ready` says also
    /// whether nobody looks any more.
    pub(super) fn sleep_silenced_unless(&self, is_ready: impl FnOnce() -> bool) {
        self.sleep(SILENCED, is_ready);
    }

    /// Sleeps until [`ring_at_the_end`](Self::ring_at_the_end), or until the deadline, unless that came since the last time or
    /// it `is_over`. [`ring_if_urgent`](Self::ring_if_urgent) does not wake from it. May return early.
    pub(super) fn doze_unless(&self, deadline: &Deadline, is_over: impl FnOnce() -> bool) {
        let word = self.0.word();
        let dozes = word.compare_exchange(AWAKE, DOZING, Relaxed, Relaxed).is_ok();
        // ORDERING: as in `sleep`. And who finds that the other side has rung sees what that did before, by its fence.
        fence(SeqCst);
        if dozes && !is_over() {
            let _ = self.0.wait_until(DOZING, deadline);
            // ORDERING: pairs with the fences of who has rung, as above. It rings once, so what it did before must be seen now.
            fence(Acquire);
        }
        word.store(AWAKE, Relaxed);
    }

    fn sleep(&self, state: u32, is_ready: impl FnOnce() -> bool) {
        // ORDERING: the fence pairs with those of `ring` and `restore`: either `is_ready` sees what the other side did before, or
        // that side sees that this one is asleep.
        self.0.word().store(state, Relaxed);
        fence(SeqCst);
        if !is_ready() {
            self.0.wait(state);
        }
        self.0.word().store(AWAKE, Relaxed);
    }

    /// Whether there is somebody to wake. A hint: it may change at any time.
    pub(super) fn is_asleep(&self) -> bool {
        self.0.word().load(Relaxed) == ASLEEP
    }

    /// Wakes the sleeper, who then sees what the caller did before.
    pub(super) fn ring(&self) {
        // ORDERING: see `sleep`.
        fence(SeqCst);
        let _ = self.wakes_from(ASLEEP) || self.wakes_from(DOZING);
    }

    /// [`ring`](Self::ring), unless the sleeper dozes. The caller rings [at the end](Self::ring_at_the_end).
    pub(super) fn ring_if_urgent(&self) {
        // ORDERING: see `sleep`.
        fence(SeqCst);
        self.wakes_from(ASLEEP);
    }

    /// [`ring`](Self::ring), at the end of what one may doze meanwhile: who is awake now does not doze the next time.
    pub(super) fn ring_at_the_end(&self) {
        // ORDERING: pairs with the fence of `doze_unless`.
        fence(SeqCst);
        let is_awake = self.0.word().compare_exchange(AWAKE, RUNG, Relaxed, Relaxed);
        if is_awake.is_err() {
            self.ring();
        }
    }

    /// Wakes the sleeper if it sleeps like this.
    fn wakes_from(&self, state: u32) -> bool {
        let word = self.0.word();
        let wakes =
            word.load(Relaxed) == state && word.compare_exchange(state, AWAKE, Relaxed, Relaxed).is_ok();
        if wakes {
            self.0.wake_one();
        }
        wakes
    }

    /// Has the sleeper, if there is one, sleep on while the caller looks in its place, until [`restore`](Self::restore).
    pub(super) fn silence(&self) {
        let _ = self.0.word().compare_exchange(ASLEEP, SILENCED, Relaxed, Relaxed);
    }

    /// Ends [`silence`](Self::silence): the sleeper is woken from now on, and at once if there `is_something` for it. If it has
    /// been woken meanwhile, that stays so.
    pub(super) fn restore(&self, is_something: impl FnOnce() -> bool) {
        // ORDERING: the first fence pairs with that of `sleep_silenced_unless`: either that sees that the caller does not look
        // any more, or this sees that it sleeps. (No model misses it: loom's read-modify-writes see the newest value.) The second one pairs with
        // that of `ring`, as in `sleep_unless`.
        fence(SeqCst);
        let _ = self.0.word().compare_exchange(SILENCED, ASLEEP, Relaxed, Relaxed);
        fence(SeqCst);
        if is_something() {
            self.ring_in_any_case();
        }
    }

    /// Wakes the sleeper, whatever the word says: for the end of a process that may have written anything to it.
    pub(super) fn ring_in_any_case(&self) {
        // ORDERING: see `sleep_unless`.
        fence(SeqCst);
        self.0.word().swap(AWAKE, Relaxed);
        self.0.wake_all();
    }
}
