//! A pool of worker processes: a crash costs one task, never the pool, and `main` needs no guard.
//!
//! ```
//! use trine_processes::ProcessPool;
//!
//! fn sum_of_squares(below: u64) -> u64 {
//!     (0..below).map(|number| number * number).sum()
//! }
//!
//! fn crash(_: ()) {
//!     std::process::abort()
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let pool = ProcessPool::new(2)?;
//!     for sum in pool.map(sum_of_squares, [10_000, 20_000]) {
//!         println!("{}", sum?);
//!     }
//!
//!     // "worker process 4711 died while it ran `example::crash`, which is not tried again (…): signal: 6 (SIGABRT)"
//!     println!("{}", pool.submit(crash, ()).result().unwrap_err());
//!     assert_eq!(pool.submit(sum_of_squares, 3).result()?, 5); // the pool goes on
//!     Ok(())
//! }
//! ```
//!
//! Choose processes for work that may crash, leak, call into code that you don't trust, or change what belongs to
//! the whole process. For work that is merely heavy, threads do the same without serialising anything.
//!
//! # How it works
//!
//! A worker is this executable started again, which serves tasks before its `main` would run, and never reaches it. So
//! nothing is needed in the program: no guard in `main`, no registration of tasks, no call at the start. It is the same
//! in binaries, tests, examples and benches, and where a library uses a pool without its application knowing.
//!
//! - A task is a function that captures nothing, and its argument. Argument and result are `Serialize +
//!   DeserializeOwned`, and travel by [postcard](https://docs.rs/postcard).
//! - A **panic** in a task is an error of that task, with message, place and [backtrace](TaskError::backtrace); the
//!   worker goes on.
//! - A task that **aborts, segfaults, exits, or is killed** takes its worker with it. Its future says how the worker
//!   ended and what it wrote last ([`TaskError::worker_death`]). The other tasks don't notice, and the worker is replaced.
//! - A task that **hangs** is stopped by its [time-out](Submission::timeout), by [cancelling](Submission::kill_on_cancel) it,
//!   or with its [pool](ProcessPool::kill): by SIGKILL, which nothing can ignore.
//! - What a task has started dies with its worker, if it stays in the worker's process group.
//! - If the program dies, however suddenly, its workers die too. If memory runs out, they die before the program.
//! - In `ps` a worker has the program's name, with the arguments `trine-worker`, the number of its pool (in the order in which
//!   the program has built them, from 1 on) and its own (from 0 on). Its main thread is called `trine-1.0`, for instance.
//!
//! [`where_it_works`] is a table of programs, libraries and systems, and [`TRINE_PROCESSES`](where_it_works) switches workers off.
//!
//! # What to use for what
//!
//! | you want | use |
//! |---|---|
//! | each worker to load something before its first task | [`ProcessPoolBuilder::initializer`] |
//! | each worker to keep something from task to task | [`ProcessPoolBuilder::build_with_state`] |
//! | new processes now and then, because tasks leak | [`ProcessPoolBuilder::max_tasks_per_worker`] |
//! | other environment variables in the workers | [`ProcessPoolBuilder::environment`] |
//! | submitters slowed down when tasks pile up | [`ProcessPoolBuilder::queue_limit`], [`ProcessPoolBuilder::queue_limit_bytes`] |
//! | a task that may run only so long | [`ProcessPool::task`], [`Submission::timeout`] |
//! | a running task that can be cancelled | [`Submission::kill_on_cancel`] |
//! | a task that uses `?` and returns its error | [`RemoteError`] |
//! | large arguments and results that are not copied | [`SharedSlice`], [`SharedBytes`] |
//! | a task not to wait for room in the queue | [`Submission::try_submit`] |
//! | pools in tasks | [`ProcessPoolBuilder::nested_levels`] |
//! | tasks that need C++ static initialisers | [`ProcessPoolBuilder::enter_in_main`] |
//! | to see what the workers do | [`ProcessPool::stats`] |
//! | an end at once | [`ProcessPool::kill`] |
//!
//! # What can travel
//!
//! Nearly every type with serde's derives. A value that can't be written or read fails its future
//! ([`TaskError::is_serialization`]) with its type's name, and so does a panic in `Serialize` or `Deserialize`; the worker
//! goes on.
//!
//! [postcard](https://docs.rs/postcard) does not describe itself: its bytes are values without names. So serde's `flatten`,
//! `untagged`, `tag` (without `content`) and `skip_serializing_if` don't work, and the last one may give **another value
//! without an error**. A debug build finds such types: it reads back each argument and result of up to 256 KiB where it
//! was written, and fails the future if that is not the same value. So `Deserialize` and `Drop` of an argument run in the
//! parent too, those of a result in the worker. A release build does nothing of the kind.
//!
//! With the feature `json` there is `Json<T>`, which carries such a value as JSON text.
//!
//! A value of more than 32 KiB is serialised three times: until it is found to be that long, to measure it, and to where it travels.
//!
//! A task returns an error of any type as a [`RemoteError`].
//!
//! # What does not exist in a worker
//!
//! Values in memory are per process, and no compiler can tell. In a worker there is only what is in the program and in
//! its arguments:
//!
//! - **Statics** have their first value in each worker. What a task changes in one stays in that worker, and what the
//!   parent changes does not arrive.
//! - Whatever **`main` sets up** is missing: loggers, panic hooks, allocator settings, signal handlers, open files.
//! - **C++ static initialisers** of the program, and other code that is to run before `main`, may not have run when a
//!   task runs: the order is the linker's. Those that run before are run in each worker, with their threads and files.
//!   [`ProcessPoolBuilder::enter_in_main`] has all of them run.
//! - Standard input is empty. Standard output is the program's own. Standard error is a pipe, from which the program
//!   forwards whole lines to its own. Environment, working directory and limits are those of the program when the worker
//!   was started, but for `TRINE_WORKERS`, `OMP_NUM_THREADS`, `RAYON_NUM_THREADS` and `TOKIO_WORKER_THREADS`: these say that
//!   a worker may use its share of the processors, unless the program's environment or the builder says something else.
//!   (What `TRINE_WORKERS` says for the program is divided among the workers.)
//! - Threads that a task has started are gone when the worker ends, which may be at any time after the task.
//! - A worker has no workers: building a pool in a task is an [error](BuildError::is_nested), unless the worker's pool has
//!   [nested levels](ProcessPoolBuilder::nested_levels).
//!
//! # What memory is kept
//!
//! Memory that is new costs more than what is written to it. So with glibc a worker keeps up to 257 MiB at the end of its heap that no
//! value is in (and what is free before that, where some value stands behind it), and each worker, and the program until its last pool
//! has ended, keeps up to 257 MiB of memory for long arguments and results (32 KiB and more). It is used again before there is new one; a limit on tasks
//! ([`max_tasks_per_worker`](ProcessPoolBuilder::max_tasks_per_worker)) gives back a worker's.
//!
//! # Limits
//!
//! - Linux only. Elsewhere everything compiles and building a pool is an [error](BuildError::is_unsupported).
//! - In a program that ignores SIGCHLD, or waits for whatever child ends, how a worker has ended is not known, and before Linux 6.9 what a
//!   task has started outlives a worker that ends by itself.
//! - In a process that was forked off without `exec` a pool of the parent's refuses tasks, and ending it does nothing.
//! - With `panic = "abort"` a panic in a task costs its worker, as an abort does.
//! - What must not capture is checked by size: the task's type must be zero-sized. A type can be zero-sized and still
//!   stand for something, for instance a token that proves that a lock is held. A closure that captures such a token
//!   compiles, and runs in a process where the lock is not held.
//! - That a closure captures, or that a function pointer was given, is found when the program is built; `cargo check`
//!   does not see it.
//! - The types of a task are compared between parent and worker, the values are not checked: a `Serialize` and a
//!   `Deserialize` that don't fit each other fail, or give another value. See [What can travel](#what-can-travel).
//! - Code that takes over a worker can send nonsense, which fails its task. It can also send a result that takes all of the
//!   parent's memory to decode, if the result's type is recursive all of its stack, and if it has a list of values without a size
//!   (`Vec<()>`) any time. It runs with the rights of the program: this is no sandbox.
//! - A result that is nested some thousand levels deep may be too deep for the thread that takes it, and overflow its stack, which
//!   ends the program: a worker has the stack of a main thread, mostly 8 MiB, other threads have 2 MiB.

#![cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "half of the protocol is for systems with workers")
)]

mod answers;
mod attendant;
mod backtrace;
mod bed;
mod beside;
mod build_error;
mod builder;
mod bytes;
mod callback_thread;
mod chunk;
mod codec;
mod counts;
mod digest;
mod forwarder;
mod frame;
mod frames;
#[cfg(test)]
mod fuzz;
mod initializer;
#[cfg(feature = "json")]
mod json;
mod limit;
mod mailbox;
mod map;
mod member;
mod memory;
mod message;
mod mixer;
mod pace;
mod plain;
mod pool;
mod queue;
mod reach;
mod refusal;
mod remote_error;
mod round_trip;
mod settings;
mod shared;
mod shared_slice;
mod short;
mod shutdown;
mod state;
mod stateful_pool;
mod stats;
mod submission;
mod table;
mod task;
mod watcher;
#[doc = include_str!("where_it_works.md")]
pub mod where_it_works {}

#[cfg(target_os = "linux")]
#[path = "linux/mod.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "unsupported.rs"]
mod system;

/// In a worker whose pool was built so that it [enters in `main`](ProcessPoolBuilder::enter_in_main): serves tasks from here on, and
/// never returns. In every other process: returns at once.
///
/// To be called first in `main`. Nothing but such pools needs it.
///
/// ```
/// trine_processes::enter_worker();
/// println!("this is the program itself");
/// ```
pub fn enter_worker() {
    system::enter_in_main();
}

pub use build_error::BuildError;
pub use builder::ProcessPoolBuilder;
pub use counts::{TaskCounts, WorkerCounts};
#[cfg(feature = "json")]
pub use json::Json;
pub use limit::WhenFull;
pub use map::{ProcessMap, ProcessMapStream};
pub use plain::Plain;
pub use pool::ProcessPool;
pub use remote_error::RemoteError;
pub use shared_slice::{SharedBytes, SharedSlice};
pub use stateful_pool::StatefulPool;
pub use stats::{Stats, WorkerState, WorkerStats};
pub use submission::Submission;
pub use trine_future::{Executor, Future, Pool, Rejected, Shutdown, ShutdownReport, TaskError, WorkerDeath};
