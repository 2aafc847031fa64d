//! The guide: read it from top to bottom, or jump to where you come from.
//!
//! 1. The [front page](crate): what Trine is, which model to use, errors, the end of a pool.
//! 2. A page for each pool: [`threads`], [`processes`], [`async_tasks`].
//! 3. [`several_tasks`]: `map`, `as_completed`, `TaskGroup`, `wait`.
//! 4. Where you come from: [`from_python`], [`from_rayon`], [`from_tokio`].
//! 5. Where you go: [`production`], [`tracing`], [`embedding`], [`performance`].
//!
//! Whole programs are in `crates/trine/examples`: `fetch_pages` (async), `compress_directory` (threads),
//! `untrusted_images` (processes), `demo` (all three, with progress bars), `graceful_service` (SIGTERM), `embedding` (a library),
//! `tracing`.
//! `cargo run --example fetch_pages` runs one.

#[doc = include_str!("../guide/threads.md")]
pub mod threads {}

#[doc = include_str!("../guide/processes.md")]
#[doc = ""] // A table begins and ends with an empty line.
#[doc = include_str!("../guide/pickling.md")]
#[doc = ""]
#[doc = include_str!("../guide/pickling.svg")]
pub mod processes {}

#[doc = include_str!("../guide/async_tasks.md")]
pub mod async_tasks {}

#[doc = include_str!("../guide/several_tasks.md")]
pub mod several_tasks {}

#[doc = include_str!("../guide/from_python.md")]
pub mod from_python {}

#[doc = include_str!("../guide/from_rayon.md")]
pub mod from_rayon {}

#[doc = include_str!("../guide/from_tokio.md")]
pub mod from_tokio {}

#[doc = include_str!("../guide/production.md")]
pub mod production {}

#[doc = include_str!("../guide/tracing.md")]
#[doc = include_str!("../guide/tracing.svg")]
pub mod tracing {}

#[doc = include_str!("../guide/embedding.md")]
pub mod embedding {}

#[doc = include_str!("../guide/performance.md")]
pub mod performance {}
