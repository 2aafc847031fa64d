//! The callers of joins, scopes and `map_slice` lend their frames, so these are not left by a panic before the work is over.

use crate::fixture::{hold, pool};
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use trine_fixture::{in_forked_child, in_own_process};
use trine_future::{BlockingHook, Substitute, set_blocking_hook};
use trine_threads::ThreadPool;

/// Whether a wait of `borrows`, for the only worker of its pool, which is held, is left by the panic of the thread's own hook.
fn is_left_by_a_panic(borrows: impl FnOnce(&ThreadPool)) -> bool {
    in_forked_child(|| {
        let pool = pool(1);
        forget(hold(&pool, 1));
        set_blocking_hook(Some(BlockingHook {
            begin: Box::new(|| resume_unwind(Box::new("as the test asks"))),
            substitute: Box::new(|| Substitute::Missing),
            end: Box::new(|| ()),
            runs_members: Box::new(|| false),
        }));
        let left = catch_unwind(AssertUnwindSafe(|| borrows(&pool))).is_err();
        forget(pool);
        left
    })
}

#[test]
fn a_wait_that_unwinds_ends_the_program() {
    in_own_process(|| {
        assert!(is_left_by_a_panic(|pool| drop(pool.spawn(|| ()).result())));
        assert!(!is_left_by_a_panic(|pool| _ = pool.join(|| (), || ())));
        assert!(!is_left_by_a_panic(|pool| pool.scope(|_| ())));
        assert!(!is_left_by_a_panic(|pool| _ = pool.map_slice(|()| (), &[()])));
    });
}
