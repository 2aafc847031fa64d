//! Which pools' replies a thread takes, so that what it calls meanwhile does not wait for it.
//!
//! Who takes replies ends tasks, and so calls wakers and failure hooks. These may end the pool, whose end waits for all who take its replies.

use super::Shared;
use std::cell::RefCell;

thread_local! {
    /// The innermost last: what this thread calls for one pool may wait for a result of another one. Never dereferenced.
    static POOLS: RefCell<Vec<*const Shared>> = const { RefCell::new(Vec::new()) };
}

impl Shared {
    /// Whether the calling thread takes replies of this pool.
    pub(crate) fn is_taken_here(&self) -> bool {
        let is_here = |pools: &RefCell<Vec<_>>| pools.borrow().contains(&std::ptr::from_ref(self));
        POOLS.try_with(is_here).unwrap_or(false)
    }
}

/// The time during which the calling thread takes replies.
pub(crate) struct Taking(());

impl Taking {
    /// `None` where the thread's locals are gone: nobody would know of it.
    pub(crate) fn begin(shared: &Shared) -> Option<Self> {
        let begun = POOLS.try_with(|pools| pools.borrow_mut().push(shared));
        begun.ok().map(|()| Self(()))
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        let _ = POOLS.try_with(|pools| pools.borrow_mut().pop());
    }
}
