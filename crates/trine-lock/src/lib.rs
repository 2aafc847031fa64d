//! A lock that owns its data: blocking, timed and async acquisition of one word.
//!
//! ```
//! use trine_lock::Lock;
//!
//! static HITS: Lock<u64> = Lock::new(0);
//!
//! *HITS.lock() += 1;
//! assert_eq!(*HITS.lock(), 1);
//! ```
//!
//! The value is reached through a guard and in no other way, so that forgetting to lock does not compile. A lock
//! costs 4 bytes, allocates nothing while nobody waits, and can stand in a `static`.
//!
//! # Which way to wait
//!
//! | | waits by | use it |
//! |---|---|---|
//! | [`lock`](Lock::lock) | blocking the thread | in threads; in async code too where the lock is held for a moment and never across an `.await` |
//! | [`try_lock`](Lock::try_lock) | not at all | where there is something else to do |
//! | [`lock_timeout`](Lock::lock_timeout) | blocking the thread, for so long | where waiting longer is an error that you can report |
//! | [`lock_async`](Lock::lock_async) | suspending the task | in async code where the lock is held across an `.await`, or for long |
//!
//! All of them can be mixed on one lock. The async way needs no particular runtime.
//!
//! # What it does not do
//!
//! - **No poison.** A panic while the lock is held unlocks it, and the next one sees the value as the panic left it,
//!   perhaps half changed. Where that matters, change a copy and put it in place at the end.
//! - **No reentrancy.** A thread or task that locks what it holds already waits for ever. A build with debug assertions
//!   panics where a thread does so, and names both places.
//!
//! # Fairness
//!
//! A lock that is free goes to whoever comes by, which is several times as fast as taking turns. Those who find it held
//! look again for a moment and then stand in line, threads and tasks in the same one. From then on each of them is
//! **passed over at most 100 times**: so often may those who came later hold the lock first. Then it is reserved for
//! the first in line, and nobody else can take it.
//!
//! # Memory ordering
//!
//! Acquiring is an Acquire operation and unlocking a Release operation: what happened before an unlock happens before
//! what follows the next acquisition. An attempt that fails orders nothing.

mod bucket;
mod bucket_lock;
mod guard;
mod held_locks;
mod line;
mod lock;
mod lock_async;
mod mapped;
mod state;
mod waiters;
mod word;

#[cfg(test)]
mod block_on;
#[cfg(test)]
mod models;
#[cfg(all(test, not(trine_loom)))]
mod tests;
#[cfg(test)]
mod transitions;

pub use guard::{AsyncLockGuard, LockGuard};
pub use lock::Lock;
pub use lock_async::LockAsync;
pub use mapped::{MappedAsyncLockGuard, MappedLockGuard};
