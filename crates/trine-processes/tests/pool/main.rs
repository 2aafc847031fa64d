//! Pools with real worker processes. Each test runs in a process of its own.
#![cfg(target_os = "linux")]

mod ahead;
mod builder;
mod chaos;
mod constructors;
mod deaths;
mod entry;
mod failures;
mod fixture;
mod fork;
mod hostile;
mod hostile_hellos;
mod hostile_slices;
mod hygiene;
mod json;
mod known_bugs;
mod map;
mod nested;
mod orphans;
mod queue_limit;
mod random;
mod random_deaths;
mod refusals;
mod remote_error;
mod results;
#[cfg(debug_assertions)]
mod round_trip;
mod sandboxed;
mod scarcity;
mod serialization;
mod shared_values;
mod shutdown;
mod signals;
mod state;
mod stats;
mod stops;
mod subreaper;
mod without_memory;
mod workers;
