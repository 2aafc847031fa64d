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
//!   return a [`Future`](trine_future::Future). [`map`](ThreadPool::map) is an iterator over results,
//!   [`map_slice`](ThreadPool::map_slice) blocks and may borrow.
//! - [`join`](ThreadPool::join) runs two closures side by side, [`scope`](ThreadPool::scope) any number of them. These may
//!   borrow from the caller, who waits for them.
//! - A panic in a task is an error of its future. The worker goes on. (Not with `panic = "abort"`: there it ends the
//!   program.)
//! - Workers take tasks that were submitted from outside in the order of submission, several at once if there are many. So
//!   with one worker they start in that order, unless they submit others themselves. With more, what a worker has taken and not started is stolen by the others,
//!   the last of it first, so that it does not wait for a long task.
//! - A task's own tasks start on its worker, newest first, before others from outside, and other workers steal the oldest. But a
//!   task that submits itself again for ever keeps no other from being run: now and then a worker that has had its own tasks
//!   only takes one from outside, from another worker, or the oldest of its own.
//! - Dropping the pool runs what is queued and joins the threads, like the end of a `with` block in Python.
//!
//! # Options and looks inside
//!
//! | you want | use |
//! |---|---|
//! | other workers, names, stacks, something done on each thread first | [`ThreadPool::builder`] |
//! | submitters slowed down when tasks pile up | [`ThreadPoolBuilder::queue_limit`] |
//! | a task not to wait for room, or to be given back | [`Submission::try_submit`], [`Submission::submit_async`] |
//! | a task before or after the others | [`Submission::priority`] |
//! | to end the pool within a time, and to know what became of its tasks | [`ThreadPool::shutdown_timeout`] |
//! | to know how much is queued, running, done | [`ThreadPool::stats`] |
//! | to hear of failures that nobody saw | [`ThreadPoolBuilder::failure_hook`] |
//!
//! A pool does not cross a `fork()`: in the child it has no threads, refuses every task, and is dropped without waiting.
//!
//! # Waiting inside a task
//!
//! A task may submit tasks to its own pool (through a [`Handle`]) and wait for them, on every worker at once, without a
//! deadlock: an untimed wait for a task that nobody has started, or for all of several, runs it on the spot, as the ends of joins and
//! scopes do with what is their own, and while a worker sleeps in another wait for a future, such as for the first of several, a spare
//! thread takes its place: at most [`SPARES`] in a pool. Other calls that block are told of by [`blocking`]; so should be a
//! [`Lock`](trine_lock::Lock) whose holder waits for tasks of this pool meanwhile.
//!
//! Tasks that wait for each other in a circle would wait for ever: the one that would close the circle gets an
//! [error](trine_future::TaskError::is_deadlock) that names all of it. That is so for waits by
//! [`result`](trine_future::Future::result), also of [shared](trine_future::Shared) futures. Circles that go through a wait
//! for several futures, a shared future that was made of another one, a time-out or a lock are not found; nor are those that go through an element of a `map` while another
//! thread runs that: it is no part of the task that waits for it, as the halves of a join, the tasks of a scope and the items
//! of a `map_slice` are. For the same reason [`cancelled`](trine_future::cancelled) does not say there that the task should
//! stop.
//!
//! What it costs: a wait that runs its task takes about 600 bytes of stack in a release build, and 2,000 in a debug build,
//! besides what the task itself needs. Once waits in each other have used half of the stack (of 2 MiB, if the builder does not say), a wait
//! sleeps instead, as long as there are spares: so it is enough for tasks in a row that each wait for the one before, and for
//! some ten thousand waits in each other. If all spares sleep, it waits up to 100 ms for one while tasks of the pool end, before it goes deeper. The memory of a task that was run so, or cancelled, is kept until a thread comes to its place in the
//! queue; in that of a worker that runs one task for long there are at most 64 such, or three times as many as other tasks lay there when it was swept the last time. To submit a task on
//! a worker and to wait for it there takes about three times as long as to box a closure and call it (the row
//! `threads.inside.runs` of the benchmarks). A wait that sleeps takes no more processor time than on a thread of no pool
//! (`threads.inside.sleeps`) if there is a spare already; if not, the start of a thread comes on top.

mod blocking;
mod blocks;
mod build_error;
mod builder;
mod closing;
mod countdown;
mod depth;
mod drop_beside;
mod elsewhere;
mod finding;
mod handle;
mod initializer;
mod job;
mod join;
mod lanes;
mod latch;
mod limit;
mod map;
mod pool;
mod priority;
mod queued;
mod queues;
mod refusal;
mod scope;
mod settings;
mod shutdown;
mod sleep;
mod spares;
mod stack;
mod stacks;
mod statistics;
mod submission;
mod sweep;
mod threads;
mod worker;

pub use blocking::blocking;
pub use build_error::BuildError;
pub use builder::ThreadPoolBuilder;
pub use handle::Handle;
pub use limit::WhenFull;
pub use map::{MapTimedOut, ThreadMap, TimedThreadMap};
pub use pool::ThreadPool;
pub use priority::{BACKGROUND_TURN, Priority};
pub use scope::Scope;
pub use spares::SPARES;
pub use statistics::Stats;
pub use submission::Submission;
pub use trine_future::{Rejected, ShutdownReport};
pub use trine_platform::WORKERS_VARIABLE;

#[cfg(test)]
mod models;
