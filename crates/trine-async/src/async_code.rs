//! Whether the calling code is polled by tokio, so that it must not block.

use std::task::{Context, Poll, Waker};
use tokio::task::coop::poll_proceed;

/// More than tokio lets a task do before it has to yield.
const BUDGET: usize = 1024;

/// Whether tokio polls the calling code, and other tasks stand still while it blocks. False inside `spawn_blocking` and
/// `block_in_place`, and outside of runtimes.
///
/// Tokio tells only by panicking whether it lets a thread block. But what it polls has a budget, what may block has none:
/// so this spends it, and gives it back. Code inside `tokio::task::unconstrained` has no budget either, and is not
/// recognised.
pub(crate) fn is_async_code() -> bool {
    let mut context = Context::from_waker(Waker::noop());
    let mut spent = Vec::new();
    let is_limited = loop {
        match poll_proceed(&mut context) {
            Poll::Pending => break true,
            Poll::Ready(_) if spent.len() == BUDGET => break false,
            Poll::Ready(unit) => spent.push(unit),
        }
    };
    // Each gives back what there was before it, so the first one comes last.
    while spent.pop().is_some() {}
    is_limited
}
