//! What a pool does when one of its threads is about to sleep in a wait.

use std::cell::RefCell;
use std::sync::OnceLock;

/// Functions that a pool sets on its own threads, to put another one in the place of one that sleeps.
pub struct BlockingHook {
    /// Called before the thread sleeps in a wait of this crate. True if another one is in its place: then whoever waits for
    /// one of several tasks leaves them to that one. If not, it runs those of its own pool, which it would wait for in vain.
    pub begin: Box<dyn Fn() -> bool>,
    /// Called once it is awake for good.
    pub end: Box<dyn Fn()>,
    /// The thread is in the place of another one. It runs the members of its own pool at once: were another thread put in its
    /// place, and so on, a tree of tasks that each wait for the first of some would take a thread for each of its inner nodes.
    pub is_substitute: bool,
}

thread_local! {
    static HOOK: RefCell<Option<BlockingHook>> = const { RefCell::new(None) };
}

/// For executors: sets the calling thread's hook, or takes it away.
///
/// ```
/// use trine_future::{BlockingHook, set_blocking_hook};
///
/// set_blocking_hook(Some(BlockingHook { begin: Box::new(|| false), end: Box::new(|| ()), is_substitute: false }));
/// ```
pub fn set_blocking_hook(hook: Option<BlockingHook>) {
    // What the old one held is dropped after it was replaced: that may wait, and call the hook.
    drop(HOOK.replace(hook));
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

/// Whether the calling thread is in the place of another one.
pub(crate) fn is_substitute() -> bool {
    call(|hook| hook.is_substitute).unwrap_or(false)
}

/// The time during which a thread may be asleep in a wait.
pub(crate) struct Blocked {
    /// Whether another thread is in its place. `None`: it belongs to no pool that could have one.
    pub(crate) is_replaced: Option<bool>,
}

impl Blocked {
    pub(crate) fn begin() -> Self {
        if cfg!(debug_assertions)
            && let Some(observer) = OBSERVER.get()
        {
            observer();
        }
        Self {
            is_replaced: call(|hook| (hook.begin)()),
        }
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
