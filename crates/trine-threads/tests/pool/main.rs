//! The thread pool from outside: its tasks, what it lends, its options, and its life. Rows of the catalogue of behaviours
//! give the names.
#![cfg(target_os = "linux")]

mod builder;
mod callbacks;
mod deadlocks;
mod detached;
mod first_of_several;
mod fixture;
mod fork;
mod initializer;
mod join;
mod lent_memory;
mod limit;
mod long_task;
mod map;
mod map_in_pool;
mod map_slice;
mod no_barrier;
mod no_more_threads;
mod order;
mod parts;
mod priority;
mod results;
mod scope;
mod shutdown;
mod shutdown_races;
mod spares;
mod stack_use;
mod statistics;
mod tasks;
