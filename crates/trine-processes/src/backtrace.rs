//! The backtrace of a panic in a worker, for its error.

use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::panic;

thread_local! {
    /// That of the last panic on this thread. Names are looked up when it is written as text.
    static LAST: RefCell<Option<Backtrace>> = const { RefCell::new(None) };
}

/// Has the backtraces of panics noted from now on. The hook before it still runs, and prints.
pub(crate) fn note_all() {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let _ = LAST.try_with(|last| last.replace(Some(Backtrace::force_capture())));
        previous(info);
    }));
}

/// What a task caught itself before is not the panic that ends it.
pub(crate) fn forget() {
    LAST.take();
}

/// The backtrace of the panic that was just caught. Empty if the task has replaced the hook.
pub(crate) fn take() -> String {
    LAST.take()
        .map_or_else(String::new, |backtrace| backtrace.to_string())
}
