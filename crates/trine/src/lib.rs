//! Trine is `concurrent.futures` for Rust: threads, worker processes and async tasks behind one [`Future`](struct@Future).
//! You pick the model that fits the work by changing one line, and wait for all three in one [`as_completed`] loop.
//! A panic, a crash or a cancelled task is a value that you get, never a pool that breaks.
//!
//! ```
//! use trine::{AsyncPool, ProcessPool, ThreadPool, as_completed};
//!
//! fn count_words(text: &str) -> usize {
//!     text.split_whitespace().count()
//! }
//!
//! fn sum_of_squares(below: usize) -> usize {
//!     (0..below).map(|number| number * number).sum()
//! }
//!
//! async fn fetch(page: usize) -> usize {
//!     std::future::ready(page).await // your client's request
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//!     let threads = ThreadPool::new(2)?;
//!     let processes = ProcessPool::new(2)?;
//!     let tasks = AsyncPool::new(2)?;
//!
//!     let futures = [
//!         ("words", threads.submit(count_words, "to be or not to be")),
//!         ("squares", processes.submit(sum_of_squares, 10_000)),
//!         ("page", tasks.submit(fetch, 7)),
//!     ];
//!     for (name, future) in as_completed(futures) {
//!         println!("{name}: {}", future.result()?);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Which model
//!
//! | the work | the pool | why |
//! |---|---|---|
//! | blocks: files, locks, a database driver | [`ThreadPool`] | a blocked thread costs little, and shares memory |
//! | computes | [`ThreadPool`] | threads do run in parallel here, and nothing is copied |
//! | computes in code that may crash, leak, or change what belongs to the whole process | [`ProcessPool`] | a crash costs that task; its worker is replaced |
//! | waits for thousands of things at once | [`AsyncPool`] | a waiting task costs bytes, not a stack |
//! | takes less than a microsecond | none | handing it over costs more than doing it: put many into one task |
//!
//! # Where to read on
//!
//! | | |
//! |---|---|
//! | a page for each pool | [threads](guide::threads), [processes](guide::processes), [async tasks](guide::async_tasks) |
//! | several tasks at once | [which of `map`, `as_completed`, `TaskGroup` and `wait`](guide::several_tasks) |
//! | you know one of these | coming from [Python](guide::from_python), from [rayon](guide::from_rayon), from [tokio](guide::from_tokio) |
//! | you have a program to run | [in production](guide::production), [in a library](guide::embedding), [how fast](guide::performance) |
//!
//! # Submit, map, collect
//!
//! On every pool:
//!
//! - `submit(function, argument)` returns a future at once. It never fails and never blocks: a task that is refused is a
//!   future that is already done, with an error. (Every pool can be built with a limit, for example
//!   [of its queue](threads::ThreadPoolBuilder::queue_limit), and then blocks or refuses when it is full, as you say.)
//! - `map(function, arguments)` is an [`Iterator`] over the results, in the order of the arguments. It is lazy and looks
//!   ahead a bounded number of tasks, so its input may be endless.
//! - [`ThreadPool::spawn`] takes a closure instead, [`AsyncPool::spawn`] a future. A process pool has none: what a closure
//!   captures is not in the other process.
//! - [`ThreadPool::join`] and [`ThreadPool::scope`] run closures that borrow, while the caller waits for them.
//!
//! And with every future:
//!
//! - [`result`](Future::result) blocks, [`result_timeout`](Future::result_timeout) blocks for so long, and `.await` works
//!   on any runtime, or without one.
//! - [`as_completed`] yields futures as they end, [`wait`] returns when the first one has ended, or failed, or all have.
//!   Both take futures of all pools, mixed; [`map`](Future::map) on a future brings different results to one type.
//! - [`TaskGroup`] is for tasks that belong together: all values, or an error that cancels the rest.
//! - [`on_done`](Future::on_done) calls you back.
//!
//! Which of them to use for what is on [a page of its own](guide::several_tasks).
//!
//! ```
//! use std::time::Duration;
//! use trine::{ThreadPool, Until, wait};
//!
//! let pool = ThreadPool::new(2)?;
//!
//! let lengths: Result<Vec<usize>, _> = pool.map(str::len, ["a", "bc", "def"]).collect();
//! assert_eq!(lengths?, [1, 2, 3]);
//!
//! let mut futures = [pool.spawn(|| 1), pool.spawn(|| 2)];
//! let waited = wait(&mut futures, Until::All, Duration::from_secs(60));
//! assert_eq!(waited.done, [0, 1]);
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
//!
//! # One line to change
//!
//! The pools share the trait [`Executor`], which is generic over the task, so that each pool states its own bounds: a
//! thread pool takes what is `Send`, a process pool what can be serialised, an async pool functions that return futures.
//!
//! ```
//! use trine::{Executor, ProcessPool, TaskError, ThreadPool};
//!
//! fn total<E, F>(pool: &E, length: F) -> Result<usize, TaskError>
//! where
//!     E: Executor<F, String, Output = usize>,
//!     F: Clone,
//! {
//!     pool.map(length, ["one".to_owned(), "three".to_owned()]).sum()
//! }
//!
//! fn length(word: String) -> usize {
//!     word.len()
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//!     assert_eq!(total(&ThreadPool::new(2)?, length)?, 8);
//!     assert_eq!(total(&ProcessPool::new(2)?, length)?, 8);
//!     Ok(())
//! }
//! ```
//!
//! A pool that is chosen at run time is a trait object. It has `submit`, and no `map`:
//!
//! ```
//! use trine::{Executor, ProcessPool, ThreadPool};
//!
//! type Error = Box<dyn std::error::Error + Send + Sync>;
//!
//! fn pool<F>(trusted: bool) -> Result<Box<dyn Executor<F, u64, Output = u64>>, Error>
//! where
//!     F: Fn(u64) -> u64 + Copy + Send + Sync + 'static,
//! {
//!     Ok(if trusted { Box::new(ThreadPool::new(2)?) } else { Box::new(ProcessPool::new(2)?) })
//! }
//!
//! fn main() -> Result<(), Error> {
//!     for trusted in [true, false] {
//!         assert_eq!(pool(trusted)?.submit(|number| 2 * number, 21).result()?, 42);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! An [`AsyncPool`] takes an `async fn` there, and a plain function through [`blocking`](AsyncPool::blocking). So the pool can
//! be chosen when the program runs:
//!
//! ```
//! # use trine::{AsyncPool, Executor, ProcessPool, TaskError, ThreadPool};
//! #
//! # fn total<E, F>(pool: &E, length: F) -> Result<usize, TaskError>
//! # where
//! #     E: Executor<F, String, Output = usize>,
//! #     F: Clone,
//! # {
//! #     pool.map(length, ["one".to_owned(), "three".to_owned()]).sum()
//! # }
//! #
//! # fn length(word: String) -> usize {
//! #     word.len()
//! # }
//! #
//! fn total_on(pool: &str, workers: usize) -> Result<usize, Box<dyn std::error::Error + Send + Sync>> {
//!     Ok(match pool {
//!         "threads" => total(&ThreadPool::new(workers)?, length)?,
//!         "processes" => total(&ProcessPool::new(workers)?, length)?,
//!         "async" => total(&AsyncPool::new(workers)?.blocking(), length)?,
//!         other => return Err(format!("there is no pool of {other}").into()),
//!     })
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! assert_eq!(total_on("async", 2)?, 8);
//! # assert_eq!((total_on("threads", 1)?, total_on("processes", 1)?), (8, 8));
//! assert!(total_on("fibers", 2).is_err());
//! # Ok(())
//! # }
//! ```
//!
//! An `async fn` on a thread pool is called there and gives its future, which nobody awaits. Where you use its value, the
//! compiler says that it has found a future:
//!
//! ```compile_fail,E0308
//! # fn main() -> Result<(), trine::TaskError> {
//! # let pool = trine::ThreadPool::new(2).unwrap();
//! async fn length(page: &str) -> usize {
//!     page.len()
//! }
//! let length: usize = pool.submit(length, "trine").result()?;
//! # Ok(())
//! # }
//! ```
//!
//! ```text
//! error[E0308]: `?` operator has incompatible types
//!   |     let length: usize = pool.submit(length, "trine").result()?;
//!   |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ expected `usize`, found future
//! ```
//!
//! On a process pool it says that the future is not `Serialize`.
//!
//! # Cancelling
//!
//! [`cancel`](Future::cancel) on a task that has not started: it never runs. On an async task also later: it is dropped
//! at the next point where it awaits. A running thread or process task goes on, and `cancel` says so by `false`;
//! but a process task submitted with [`kill_on_cancel`](processes::Submission::kill_on_cancel) is ended with its worker.
//!
//! Dropping a future does not cancel: the task runs, and nobody gets its result. Dropping what `map` returned cancels
//! what has not started.
//!
//! # Errors, and `??`
//!
//! `result()` gives `Result<T, TaskError>`. A [`TaskError`] says that the task did not return: it panicked (with message
//! and place), was cancelled, lost its worker process (with exit status or signal), or was not accepted. A task that
//! itself returns a `Result` has a value even if that is an `Err`, so there are two questions to ask:
//!
//! ```
//! use trine::ThreadPool;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let pool = ThreadPool::new(1)?;
//! let number: u32 = pool.submit(str::parse::<u32>, "42").result()??;
//! assert_eq!(number, 42);
//!
//! let parsed = pool.submit(str::parse::<u32>, "many").result()?; // the task returned ...
//! assert!(parsed.is_err()); // ... an error
//!
//! let error = pool.spawn(|| panic!("no such page")).result().unwrap_err();
//! assert_eq!(error.panic().unwrap().message(), "no such page");
//! # Ok(())
//! # }
//! ```
//!
//! A process task's result is serialised, which few errors can be. Such a task returns `Result<T, RemoteError>`: `?`
//! makes a [`RemoteError`] of every error, and it is an error itself.
//!
//! A failure whose future was dropped goes to the [failure hook](set_failure_hook), which prints a line.
//!
//! # Shutdown and drop
//!
//! Leaving the scope of a pool is leaving a `with` block in Python: what is queued is run, and the workers are waited
//! for. While unwinding from a panic, what is queued is dropped first. `shutdown` does the same at a place of your choice:
//!
//! ```
//! use trine::{Shutdown, ThreadPool};
//!
//! let pool = ThreadPool::new(1)?;
//! let future = pool.spawn(|| 1);
//! pool.shutdown(Shutdown::Drain); // or CancelQueued
//! assert!(future.is_done());
//! assert!(pool.spawn(|| 2).result().unwrap_err().is_refused());
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
//!
//! In async code, where blocking is not allowed, each pool has a `shutdown_async`. Pools can be waited for
//! [until a deadline](Pool::shutdown_timeout), and [say](ShutdownReport) what became of their tasks.
//!
//! # Shared state
//!
//! Threads share memory, and the compiler asks for a lock where one is missing. [`Lock`] owns what it guards, works in
//! threads and across `.await`, and is not poisoned by a panic. Processes share nothing: a task gets its argument and
//! returns its result.
//!
//! # What happens in a worker process
//!
//! It is this program, started again, and it serves tasks before its `main` would run. So no guard is needed in `main`,
//! and what `main` sets up does not exist there: no logger, no panic hook, no signal handler, and statics with their first
//! values. Functions for it capture nothing; arguments and results are `Serialize + DeserializeOwned`. Process pools
//! exist on Linux; elsewhere [`ProcessPool::new`] returns an error. More on the [page of that crate](processes).
//!
//! In a thread, a panic is caught and the worker goes on, unless the program is built with `panic = "abort"`. A task may
//! wait for tasks of its own thread pool, on all workers at once: that does not deadlock.
//!
//! In an async task, don't block: `.await` there, and leave `result()` and `as_completed` to threads. A debug build names the
//! task that does. For async code there are [`into_stream`](AsCompleted::into_stream), [`wait_async`] and
//! [`TaskGroup::join_async`]; what blocks goes into [`AsyncPool::run_blocking`].
//!
//! # The name `Future`
//!
//! [`Future`](struct@Future) shares its name with the trait [`std::future::Future`], which it implements. Call it
//! `trine::Future`; importing it, or everything by `use trine::*`, would hide the trait. There is no prelude.
//!
//! # Features
//!
//! `threads`, `processes` and `async`, each for its pool, are all on by default. Without `async` there is no tokio, without
//! `processes` no serde. `json` is off by default: it adds `Json<T>`, an argument or a result of a process task that travels as
//! JSON, because [postcard can't carry it](processes#what-can-travel). So is `choose`: it measures a task and says which pool
//! fits it. And so is `tracing`: a [span for each task](guide::tracing). `stream` makes `futures_core::Stream`s of what
//! [`into_stream`](AsCompleted::into_stream) returns; `async` brings it along, and with other pools it costs a small crate, no
//! tokio. The pools' crates ([`threads`], [`processes`], [`async_tasks`]) hold what is not for everyday: the errors of building a
//! pool, handles, constants.

#![cfg_attr(
    not(all(feature = "threads", feature = "processes", feature = "async")),
    allow(rustdoc::broken_intra_doc_links, reason = "these pages link to all pools")
)]

pub mod guide;

pub use trine_future::*;
pub use trine_lock::{AsyncLockGuard, Lock, LockAsync, LockGuard, MappedAsyncLockGuard, MappedLockGuard};

#[cfg(feature = "async")]
pub use trine_async::{self as async_tasks, AsyncPool};
#[cfg(feature = "choose")]
pub use trine_choose as choose;
#[cfg(feature = "json")]
pub use trine_processes::Json;
#[cfg(feature = "processes")]
pub use trine_processes::{self as processes, ProcessPool, RemoteError, SharedBytes, SharedSlice};
#[cfg(feature = "threads")]
pub use trine_threads::{self as threads, Scope, ThreadPool};

/// Has the examples of the README run with those of this page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
