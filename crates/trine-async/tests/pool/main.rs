//! `AsyncPool` as its users see it.

mod async_forms;
mod blocked;
mod blocking;
mod builder;
mod cancel;
mod fork;
mod limit;
mod no_more_threads;
mod probe;
mod results;
mod runtimes;
mod scope;
mod shutdown;
mod statistics;
mod threads;
mod time_outs;
