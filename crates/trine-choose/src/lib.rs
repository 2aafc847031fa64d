//! Which model fits a task: measured, not guessed.
//!
//! ```
//! use trine_choose::{Chooser, Model};
//!
//! /// What the program has a lot of to do.
//! fn count_primes(below: u32) -> usize {
//!     (2..below).filter(|n| (2..*n).all(|divisor| n % divisor != 0)).count()
//! }
//!
//! fn main() -> Result<(), trine_choose::ChooseError> {
//!     let choice = Chooser::new(count_primes, vec![2_000, 3_000, 4_000]).choose()?;
//!     println!("{choice}"); // the answer, the reasons, and a small table
//!     match choice.model() {
//!         Model::NoPool => println!("a loop"),
//!         Model::Threads => println!("ThreadPool::new({})", choice.workers()),
//!         Model::Processes => println!("ProcessPool::new({})", choice.workers()),
//!         Model::Async => println!("an AsyncPool with {} tasks at a time", choice.workers()),
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # What is measured
//!
//! The task runs on the samples in a worker process, so that one that crashes, hangs or eats memory does that there. Measured are
//! the time that it takes, how much of it on a processor, the bytes that would cross between processes, whether it crashes
//! or is not done in time, and whether its process keeps growing. On this machine are measured what it costs to hand over a
//! task to a thread, to a process, and to a runtime. It takes some tenths of a second, and longer if the samples do.
//!
//! # How it is decided
//!
//! - What crashes, hangs or keeps growing belongs into processes, whatever else is said.
//! - Otherwise the throughput of each model is estimated from those figures, and the simplest one wins that comes within
//!   a seventh of the best: no pool, then threads, then async tasks, then processes.
//!
//! # What it does not know
//!
//! How the task's time depends on other tasks: a database that serves ten at a time, a disk, a lock, caches. What the
//! samples don't show. What the program does beside it. The answer is where to begin, and a benchmark of the real thing is
//! where to end.
//!
//! Its own benchmark (`choose` in `benches`) draws 20 workloads and counts the choices that are not below the lower quartile of the
//! best model. On an idle machine with two processors it was right 19.8 times in the mean of five runs, and threads for all,
//! the best of what needs no choice, 9.8 times; while others used that machine, 18 and 19 times. What it gets wrong are models that
//! differ little.

mod calls;
mod choice;
mod chooser;
mod costs;
mod cpu_time;
mod error;
mod estimate;
mod probe;

pub use choice::{Choice, Model};
pub use chooser::Chooser;
pub use error::ChooseError;
pub use estimate::Estimate;
