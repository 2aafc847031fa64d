//! One [`Future`] for threads, processes and async tasks.
//!
//! This crate is what the pools of Trine share, and what can be used without any of them: a [`Promise`] gives a value
//! to a [`Future`] on another thread or in another task.
//!
//! ```
//! use std::thread;
//! use trine_future::{Promise, as_completed};
//!
//! let futures = (1..=3u64).map(|number| {
//!     let (promise, future) = Promise::new();
//!     thread::spawn(move || promise.complete(number * number));
//!     (number, future)
//! });
//! for (number, future) in as_completed(futures) {
//!     println!("{number} squared is {}", future.result()?);
//! }
//! # Ok::<(), trine_future::TaskError>(())
//! ```
//!
//! # What to use for what
//!
//! | you want | use |
//! |---|---|
//! | one result, on this thread | [`Future::result`], [`Future::result_timeout`] |
//! | one result, in async code | `.await`: any runtime, or none |
//! | one result for many threads or tasks | [`Future::shared`] |
//! | each result as soon as it is there | [`as_completed`], for so long: [`AsCompleted::timeout`] |
//! | to go on when the first, or all, have ended | [`wait`] |
//! | tasks that are worth nothing without each other: all values, or the first failure cancels the rest | [`TaskGroup`] |
//! | these in async code | [`AsCompleted::into_stream`], [`wait_async`], [`TaskGroup::join_async`], [`Map::into_stream`] |
//! | a function over many inputs, in their order | `map` of a pool; [`Map`] for an executor of one's own |
//! | to be called when it has ended | [`Future::on_done`] |
//! | another value in the place of the result | [`Future::map`] |
//! | a task that has not started not to run | [`Future::cancel`] |
//! | a task that runs to stop early | [`Future::request_cancel`], and [`cancelled`] in the task |
//! | a task that ends with the interest in it | [`Future::cancel_on_drop`] |
//! | a function that runs on any pool | the trait [`Executor`] |
//!
//! # The name
//!
//! [`Future`] shares its name with the trait [`std::future::Future`], which it implements. Refer to it as
//! `trine_future::Future` (or `trine::Future`); there is no prelude that would bring it into scope unasked.
//!
//! # Failures
//!
//! A task that returns `Result<T, E>` gives a `Future<Result<T, E>>`: its `Err` is a value. [`TaskError`] says that
//! the task did not return. So `??` is common: `let page = future.result()??;`. A failure that nobody takes, because
//! the future was dropped, goes to the hook of [`set_failure_hook`].
//!
//! # Waiting inside a worker
//!
//! A task may wait for another task of its own pool, also if all workers do so. An untimed wait for a task that
//! nobody has started runs it on the waiting thread, and so does one for all of several. While a worker sleeps in a wait, the pool
//! may put a spare one in its place. A timed wait never runs anything on its thread, and one for the first of several does so only
//! where there is no such spare.

mod as_completed;
mod block;
mod blocking;
mod cancel_on_drop;
mod completions;
mod crowd;
mod current;
mod deferred;
mod detached;
mod ending;
mod error;
mod executor;
mod failure;
mod future;
mod group;
mod holding;
mod lazy_promise;
mod many;
mod map;
mod memory;
mod outcome;
mod owner;
mod panic;
mod promise;
mod rejected;
mod report;
mod shared;
mod slab;
mod slot;
mod snapshot;
mod state;
mod store;
mod taking;
mod task;
mod task_span;
mod vtable;
mod wait;
mod waiter;
mod waiting;
mod waits;
mod work;
mod worker_death;

pub use as_completed::{AsCompleted, Completable, CompletedStream, TimedAsCompleted, TimedOut, as_completed};
pub use blocking::{BlockingHook, Substitute, set_blocking_hook, set_wait_observer, while_blocked};
pub use cancel_on_drop::CancelOnDrop;
pub use current::{CurrentTask, cancelled};
pub use deferred::{DeferredCallbacks, defer_callbacks};
pub use detached::Detached;
pub use error::TaskError;
pub use executor::{Executor, Pool, Shutdown};
pub use failure::{
    Failure, FailureHook, report_failure, set_executor_failure_hook, set_failure_hook,
    with_executor_failure_hook,
};
pub use future::Future;
pub use group::{GroupError, GroupFailure, GroupStream, TaskGroup};
pub use lazy_promise::LazyPromise;
pub use map::{Map, MapStream};
pub use outcome::Outcome;
pub use owner::{Drive, Owner, Waiting};
pub use panic::{Panic, catch_panic, note_panic_locations};
pub use promise::{OwnedFuture, OwnedPromise, Promise};
pub use rejected::Rejected;
pub use report::ShutdownReport;
pub use shared::{Lend, Shared};
pub use task::Task;
pub use task_span::{SpanContext, TaskSpan};
pub use wait::{Until, Waited, wait, wait_async};
pub use worker_death::WorkerDeath;

#[cfg(test)]
mod models;
#[cfg(all(test, not(trine_loom)))]
mod tests;
