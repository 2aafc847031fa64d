//! Dropping the user's values where a panic is under way.

use trine_future::catch_panic;

/// Drops something, as `drops` does, beside a panic that is under way, or is about to go on. If a destructor panics that ends here: two panics
/// at once would end the program.
///
/// Not inlined: a join would pay for it without a panic.
#[cold]
#[inline(never)]
pub(crate) fn drop_beside_panic(drops: impl FnOnce()) {
    // PANIC: see above. The place that is known stays that of the first panic.
    drop(catch_panic(drops));
}
