//! A work-stealing thread pool whose tasks can wait for each other.
//!
//! ```
//! use trine_threads::ThreadPool;
//!
//! let pool = ThreadPool::new(4)?;
//! let words = pool.submit(|text: &str| text.split(' ').count(), "to be or not to be");
//! let lengths: Result<Vec<usize>, _> = pool.map(str::len, ["a", "bcd", "ef"]).collect();
//! assert_eq!(words.result()?, 6);
//! assert_eq!(lengths?, [1, 3, 2]);
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
//!
//! Threads are for work in one process: I/O that blocks, computations that share memory. A task that may crash, or
//! that has to be stopped from outside, belongs into a process pool.
//!
//! - [`submit`](ThreadPool::submit) takes a function and its argument, [`spawn`](ThreadPool::spawn) a closure; both
//!   return a [`Future`](trine_future::Future). [`map`](ThreadPool::map) is an iterator over results.
//! - [`join`](ThreadPool::join) runs two closures side by side, [`scope`](ThreadPool::scope) any number of them. These may
//!   borrow from the caller, who waits for them.
//! - A panic in a task is an error of its future. The worker goes on. (Not with `panic = "abort"`: there it ends the
//!   program.)
//! - Tasks submitted from outside start in the order of submission; a task's own tasks start on its worker, newest
//!   first, and other workers steal the oldest.
//! - Dropping the pool runs what is queued and joins the threads, like the end of a `with` block in Python.
//!
//! # Waiting inside a task
//!
//! A task may submit tasks to its own pool (through a [`Handle`]) and wait for them, on every worker at once, without a
//! deadlock: an untimed wait for a task that nobody has started runs it on the spot, as the ends of joins and scopes do
//! with what is their own, and while a worker sleeps in a wait of Trine's, a spare thread takes its place: at most
//! [`SPARES`] in a pool.

mod blocks;
mod build_error;
mod countdown;
mod elsewhere;
mod handle;
mod job;
mod join;
mod latch;
mod pool;
mod queues;
mod scope;
mod sleep;
mod spares;
mod stack;
mod stacks;
mod worker;

pub use build_error::BuildError;
pub use handle::Handle;
pub use pool::ThreadPool;
pub use scope::Scope;
pub use spares::SPARES;

#[cfg(test)]
mod models;
