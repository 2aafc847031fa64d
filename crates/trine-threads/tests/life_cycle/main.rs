//! The options of a thread pool, and its life: how it starts, is full, ends. Rows of the catalogue of behaviours give the
//! names.
#![cfg(target_os = "linux")]

mod builder;
mod callbacks;
mod fixture;
mod fork;
mod initializer;
mod limit;
mod priority;
mod results;
mod shutdown;
mod shutdown_races;
mod statistics;
