//! Blocking on what Trine knows nothing of.

use trine_future::while_blocked;

/// Calls `call`, which may block for long, and has a spare thread take the worker's place meanwhile.
///
/// A worker that waits for a future gives up its place by itself. Wrap other calls in this that block for longer than it
/// takes to start a thread (some 100 µs), or that wait for what only another task of the pool provides: locks, channels,
/// sockets, other pools. There are at most [`SPARES`](crate::SPARES) spares, and a nested call adds another one. On a
/// thread that belongs to no pool it is a call.
///
/// ```
/// use std::sync::mpsc;
/// use trine_threads::{ThreadPool, blocking};
///
/// let pool = ThreadPool::new(1)?;
/// let (sender, receiver) = mpsc::channel();
/// let waits = pool.spawn(move || blocking(|| receiver.recv()));
/// // Without `blocking` the only worker would wait for ever for this one.
/// let provides = pool.spawn(move || sender.send("a value"));
/// assert_eq!(waits.result()??, "a value");
/// # provides.result()??;
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[doc(alias("block_in_place", "ManagedBlocker"))]
pub fn blocking<R>(call: impl FnOnce() -> R) -> R {
    while_blocked(call)
}
