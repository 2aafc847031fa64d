//! A pool of async tasks on tokio, behind the same [`Future`] as threads and processes.
//!
//! ```
//! use trine_async::AsyncPool;
//!
//! async fn length(text: &str) -> usize {
//!     text.len()
//! }
//!
//! let pool = AsyncPool::new(2)?;
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
//!   [`map`](AsyncPool::map) is an iterator over results, or a stream of them.
//! - The tasks run on a [runtime of the pool's own](AsyncPool::new) or on [the current one](AsyncPool::current).
//! - [`cancel`](trine_future::Future::cancel) really ends a task, at the next point where it awaits.
//! - [`scope`] runs tasks that borrow, and that all end with it.
//! - A panic in a task is an error of its future. (Not with `panic = "abort"`: there it ends the program.)
//! - Dropping the pool runs the tasks to their end and joins the threads, like the end of a `with` block in Python;
//!   inside a runtime it doesn't wait, and [`shutdown_async`](AsyncPool::shutdown_async) does.
//!
//! # Options and looks inside
//!
//! | you want | use |
//! |---|---|
//! | other workers, names, a hook for failures that nobody saw | [`AsyncPool::builder`] |
//! | at most so many tasks in flight, and submitters slowed down | [`AsyncPoolBuilder::in_flight_limit`] |
//! | a task not to wait for room, or to be given back | [`Submission::try_submit`], [`Submission::submit_async`] |
//! | a task to end after some time | [`Submission::timeout`] |
//! | to call something that blocks | [`AsyncPool::run_blocking`], [`AsyncPool::blocking`] |
//! | to end the pool within a time, and to know what became of its tasks | [`AsyncPool::shutdown_timeout`] |
//! | to know how much is queued, running, done | [`AsyncPool::stats`] |
//!
//! # Don't block in async code
//!
//! [`result`](trine_future::Future::result), [`as_completed`](trine_future::as_completed) and
//! [`map`](AsyncPool::map) block the thread that they are called on. Inside a task they hold up all other tasks of that
//! thread; on a runtime with one thread they wait for ever for a task of the same runtime. There, `.await`, or use what is
//! made for async code: [`into_stream`](trine_future::AsCompleted::into_stream),
//! [`wait_async`](trine_future::wait_async), [`join_async`](trine_future::TaskGroup::join_async). In a debug build a
//! wait of Trine's that blocks a thread of a tokio runtime is told to the [failure
//! hook](trine_future::set_failure_hook), with the name of the task and of the thread.
//!
//! A pool does not cross a `fork()`: in the child it has no threads, refuses every task, and is dropped without waiting.

mod async_code;
mod blocked;
mod blocking;
mod build_error;
mod builder;
mod entry;
mod handle;
mod limit;
mod map;
mod open_tasks;
mod pool;
mod refusal;
mod report_panic;
mod scope;
mod shared;
mod shutdown;
mod spawned;
mod stats;
mod stop;
mod submission;
mod task;

pub use blocking::Blocking;
pub use build_error::BuildError;
pub use builder::AsyncPoolBuilder;
pub use handle::Handle;
pub use limit::WhenFull;
pub use map::MAP_IN_FLIGHT;
pub use pool::AsyncPool;
pub use scope::{Scope, Scoped, scope};
pub use stats::Stats;
pub use submission::Submission;
pub use trine_future::{Executor, Future, Pool, Rejected, Shutdown, ShutdownReport, TaskError};
