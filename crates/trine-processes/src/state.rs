//! What a worker keeps from task to task. Initializer and tasks run on the same thread.

use std::any::Any;
use std::cell::RefCell;

thread_local! {
    static STATE: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
}

/// Makes `state` that of this worker.
pub(crate) fn set<S: 'static>(state: S) {
    STATE.set(Some(Box::new(state)));
}

/// Calls `function` with the state of this worker.
pub(crate) fn with<S: 'static, R>(function: impl FnOnce(&mut S) -> R) -> R {
    STATE.with_borrow_mut(
        |state| match state.as_deref_mut().and_then(|state| state.downcast_mut()) {
            Some(state) => function(state),
            None => unreachable!("the initializer of this worker's pool has made a state of this type"),
        },
    )
}
