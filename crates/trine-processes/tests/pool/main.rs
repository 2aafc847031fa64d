//! Pools with real worker processes. Each test runs in a process of its own.
#![cfg(target_os = "linux")]

mod constructors;
mod failures;
mod fixture;
mod gate;
mod hygiene;
mod results;
mod serialization;
mod shutdown;
mod workers;
