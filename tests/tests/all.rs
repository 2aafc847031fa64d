//! The tests that cross crates.

#![cfg(target_os = "linux")]

mod bridges;
mod error_texts;
mod fair_share;
mod fixture;
mod leaks;
mod mistakes;
mod mixed;
mod page;
mod thread_pool_at_exit;
mod unwind_safety;
