//! A pool of async tasks on tokio, behind the same [`Future`] as threads and processes.
//!
//! ```
//! use trine_async::AsyncPool;
//!
//! async fn length(text: &str) -> usize {
//!     text.len()
//! }
//!
//! let pool = AsyncPool::new()?;
//! let words = pool.submit(length, "to be or not to be");
//! let lengths: Result<Vec<usize>, _> = pool.map(length, ["a", "bcd", "ef"]).collect();
//! assert_eq!(words.result()?, 18);
//! assert_eq!(lengths?, [1, 3, 2]);
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
//!
//! Async tasks are for work that mostly waits: ten thousand of them can wait at once on one thread. A task that computes
//! for long, or that blocks its thread, holds up the others there: it belongs into a thread pool or a process pool.
//!
//! - [`spawn`](AsyncPool::spawn) takes a future, [`submit`](AsyncPool::submit) an `async fn` and its argument; both
//!   return a Trine future, which can be awaited on any runtime and waited for on any thread.
//!   [`map`](AsyncPool::map) is an iterator over results.
//! - The tasks run on a [runtime of the pool's own](AsyncPool::new) or on [the current one](AsyncPool::current).
//! - [`cancel`](trine_future::Future::cancel) really ends a task, at the next point where it awaits.
//! - A panic in a task is an error of its future. (Not with `panic = "abort"`: there it ends the program.)
//! - Dropping the pool runs the tasks to their end and joins the threads, like the end of a `with` block in Python;
//!   inside a runtime it doesn't wait, and [`shutdown_async`](AsyncPool::shutdown_async) does.
//!
//! # Don't block in async code
//!
//! [`result`](trine_future::Future::result), [`as_completed`](trine_future::as_completed) and
//! [`map`](AsyncPool::map) block the thread that they are called on. Inside a task they hold up all other tasks of that
//! thread; on a runtime with one thread they wait for ever for a task of the same runtime. There, `.await`.

mod build_error;
mod open_tasks;
mod pool;
mod task;

pub use build_error::BuildError;
pub use pool::{AsyncPool, MAP_IN_FLIGHT};
pub use trine_future::{Executor, Future, Pool, Shutdown, TaskError};
