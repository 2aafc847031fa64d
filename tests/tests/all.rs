//! The tests that cross crates.

#![cfg(target_os = "linux")]

mod fixture;
mod leaks;
mod mistakes;
mod mixed;
mod page;
