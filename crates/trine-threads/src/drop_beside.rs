//! Dropping the user's values where a panic is under way.

use std::panic::{AssertUnwindSafe, catch_unwind};
use trine_future::catch_panic;

/// Drops something, as `drops` does, beside a panic that is under way, or is about to go on. If a destructor panics that ends here: two panics
/// at once would end the program.
///
/// Not inlined: a join would pay for it without a panic.
#[cold]
#[inline(never)]
pub(crate) fn drop_beside_panic(drops: impl FnOnce()) {
    // PANIC: see above. Not by `catch_panic`, after which the place of the first panic would not be known any more.
    if let Err(another) = catch_unwind(AssertUnwindSafe(drops)) {
        // PANIC: what it has panicked with has a destructor, too. The place that is noted by now is not that of the first panic.
        drop(catch_panic(|| drop(another)));
    }
}
