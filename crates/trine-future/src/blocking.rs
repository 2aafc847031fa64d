//! What a pool does when one of its threads is about to sleep in a wait.

use crate::failure::contain;
use std::cell::RefCell;
use std::sync::OnceLock;
use std::time::Duration;
use trine_platform::Deadline;

/// Functions that a pool sets on its own threads, to put another one in the place of one that sleeps.
pub struct BlockingHook {
    /// Called before the thread sleeps in a wait of this crate.
    pub begin: Box<dyn Fn() -> Substitute>,
    /// Called now and then while the thread sleeps, as long as its substitute is [`Coming`](Substitute::Coming).
    pub substitute: Box<dyn Fn() -> Substitute>,
    /// Called once it is awake for good.
    pub end: Box<dyn Fn()>,
    /// Whether the thread, when it waits for one of several tasks, runs those of its own pool although another one of them may be
    /// done before, instead of having another thread put in its place.
    pub runs_members: Box<dyn Fn() -> bool>,
}

/// Whether another thread is in the place of one that sleeps in a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Substitute {
    /// One is.
    Here,
    /// One is being started. It may turn out not to come.
    Coming,
    /// None is. The thread runs what it waits for itself, if that is of its own pool: it would wait in vain.
    Missing,
}

/// After how long a sleeper asks again whether its substitute has come.
const PATIENCE: Duration = Duration::from_millis(10);

thread_local! {
    static HOOK: RefCell<Option<BlockingHook>> = const { RefCell::new(None) };
}

/// For executors: sets the calling thread's hook, or takes it away.
///
/// ```
/// use trine_future::{BlockingHook, Substitute, set_blocking_hook};
///
/// set_blocking_hook(Some(BlockingHook {
///     begin: Box::new(|| Substitute::Missing),
///     substitute: Box::new(|| Substitute::Missing),
///     end: Box::new(|| ()),
///     runs_members: Box::new(|| false),
/// }));
/// ```
pub fn set_blocking_hook(hook: Option<BlockingHook>) {
    // What the old one held is dropped after it was replaced: that may wait, and call the hook.
    let before = HOOK.replace(hook);
    // PANIC: its destructor is the user's code. The thread of a pool that ends has more to do.
    contain(|| drop(before));
}

static OBSERVER: OnceLock<fn()> = OnceLock::new();

/// For executors whose threads must not block: sets a function that is called in debug builds, on whatever thread is about
/// to sleep in a wait of this crate. It is set once for the whole program: later calls change nothing.
///
/// ```
/// trine_future::set_wait_observer(|| ());
/// ```
pub fn set_wait_observer(observer: fn()) {
    let _ = OBSERVER.set(observer);
}

/// For executors that sleep in a wait of their own: runs `wait` between the two functions of the calling thread's hook.
///
/// ```
/// let mut slept = false;
/// trine_future::while_blocked(|| slept = true);
/// assert!(slept);
/// ```
pub fn while_blocked<R>(wait: impl FnOnce() -> R) -> R {
    let _blocked = Blocked::begin();
    wait()
}

/// Whether the calling thread runs tasks while it waits for one of several. One of no pool is asked by their pools.
pub(crate) fn runs_members() -> bool {
    call(|hook| (hook.runs_members)()).unwrap_or(true)
}

/// The time during which a thread may be asleep in a wait.
pub(crate) struct Blocked {
    /// As far as the thread has been told. `Here`, too, if none is and it knows that.
    substitute: Substitute,
}

impl Blocked {
    pub(crate) fn begin() -> Self {
        if cfg!(debug_assertions)
            && let Some(observer) = OBSERVER.get()
        {
            observer();
        }
        Self {
            substitute: call(|hook| (hook.begin)()).unwrap_or(Substitute::Here),
        }
    }

    /// Whether it turns out that there should be another thread in its place, and is none. That is said once.
    pub(crate) fn lacks_substitute(&mut self) -> bool {
        if self.substitute == Substitute::Coming {
            self.substitute = call(|hook| (hook.substitute)()).unwrap_or(Substitute::Here);
        }
        let lacks = self.substitute == Substitute::Missing;
        if lacks {
            self.substitute = Substitute::Here;
        }
        lacks
    }

    /// When a thread that sleeps without a time-out has to ask again, if it has to.
    pub(crate) fn asks_again(&self) -> Option<Deadline> {
        (self.substitute == Substitute::Coming).then(|| Deadline::after(PATIENCE))
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        call(|hook| (hook.end)());
    }
}

/// `None`: the thread has no hook. One whose locals are gone belongs to no pool any more.
fn call<R>(function: impl FnOnce(&BlockingHook) -> R) -> Option<R> {
    HOOK.try_with(|hook| hook.borrow().as_ref().map(function)).ok()?
}
