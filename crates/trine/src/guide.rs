//! Several tasks at once: which of `map`, `as_completed`, `TaskGroup`, `wait` and `scope` to use for what.
//!
//! | you have | use | results come | after a failure | if you stop early |
//! |---|---|---|---|---|
//! | one function and many inputs | [`map`](#map) | in the order of the inputs | it stands in its own place, and the rest goes on | what has not started is cancelled |
//! | different tasks, and something to do with each result | [`as_completed`](#as_completed) | as they end | it is that future's, and the rest goes on | the rest runs, and nobody gets its results |
//! | tasks that are worth nothing without each other | [`TaskGroup`](#taskgroup) | in the order of submission, or as they end | the rest is cancelled, and one error names all failures | what has not started is cancelled |
//! | futures that you want to keep, and a moment to wait for | [`wait`](#wait) | not at all: it says which have ended | it ends the wait, if you say so | nothing happens to them |
//! | data on the caller's stack | borrows from the stack: scope, join (thread pool) | | | |
//!
//! All but the last take tasks of any pools. For one task there is no need for any of them:
//! [`result`](crate::Future::result) blocks, `.await` does not, [`shared`](crate::Future::shared) lets many wait for the
//! same task, and [`on_done`](crate::Future::on_done) calls back.
//!
//! # `map`
//!
//! A loop over inputs, whose turns run side by side. Only a bounded number of tasks is submitted ahead, so the input
//! may be endless, and what is not asked for is not computed.
//!
//! ```
//! use trine::ThreadPool;
//!
//! fn word_count(page: &str) -> usize {
//!     page.split_whitespace().count()
//! }
//!
//! let pool = ThreadPool::new(2)?;
//! let pages = ["to be", "or not to be", "that is the question"];
//!
//! let counts: Vec<usize> = pool.map(word_count, pages).collect::<Result<_, _>>()?;
//! assert_eq!(counts, [2, 4, 4]);
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
//!
//! `collect` into a `Result` stops at the first failure. To have the others nevertheless, collect into a `Vec` of results.
//!
//! # `as_completed`
//!
//! [`as_completed`](crate::as_completed) is for results that you handle one by one, the quickest first. Give each
//! future a key that says which one it is. [`timeout`](crate::AsCompleted::timeout) sets an end to the whole loop.
//!
//! ```
//! use trine::{ThreadPool, as_completed};
//!
//! let pool = ThreadPool::new(2)?;
//! let futures = [
//!     ("length", pool.spawn(|| "trine".len())),
//!     ("squares", pool.spawn(|| (0..10).map(|number| number * number).sum())),
//!     ("bug", pool.spawn(|| "many".parse().unwrap())),
//! ];
//! let mut sum = 0;
//! for (name, future) in as_completed(futures) {
//!     match future.result() {
//!         Ok(number) => sum += number,
//!         Err(error) => println!("{name}: {error}"), // the others still come
//!     }
//! }
//! assert_eq!(sum, 5 + 285);
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
//!
//! With `future.result()?` the loop ends at the first failure, and the other tasks run on. If they should not, use a
//! group.
//!
//! # `TaskGroup`
//!
//! A [`TaskGroup`](crate::TaskGroup) is all or nothing: `join` gives every value, or an error. The first failure cancels
//! what has not started, and [`fallible`](crate::TaskGroup::fallible) counts an `Err` that a task returns as a failure,
//! too. [`limit`](crate::TaskGroup::limit) keeps the number of tasks under way small.
//!
//! ```
//! use trine::{TaskGroup, ThreadPool};
//!
//! let pool = ThreadPool::new(2)?;
//!
//! let mut group = TaskGroup::fallible().limit(8);
//! for text in ["3", "5", "8"] {
//!     group.start_fallible(|| pool.submit(str::parse::<u32>, text));
//! }
//! assert_eq!(group.join()?, [3, 5, 8]);
//!
//! let mut group = TaskGroup::fallible();
//! for text in ["3", "many"] {
//!     group.start_fallible(|| pool.submit(str::parse::<u32>, text));
//! }
//! assert_eq!(group.join().unwrap_err().failures[0].0, 1);
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
//!
//! # `wait`
//!
//! [`wait`](crate::wait) borrows the futures and leaves them to you: to wait again, to take results, to cancel. It is for
//! decisions: has one ended, has one failed, have all ended in time?
//!
//! ```
//! use std::time::Duration;
//! use trine::{Promise, ThreadPool, Until, wait};
//!
//! let pool = ThreadPool::new(2)?;
//! let (_promise, never) = Promise::new();
//! let mut mirrors = [never, pool.spawn(|| "from the second mirror")];
//!
//! let waited = wait(&mut mirrors, Until::FirstCompleted, Duration::from_secs(60));
//! for &late in &waited.pending {
//!     mirrors[late].cancel();
//! }
//! let [first, second] = mirrors;
//! assert_eq!(waited.done, [1]);
//! assert_eq!(second.result()?, "from the second mirror");
//! assert!(first.is_cancelled());
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
