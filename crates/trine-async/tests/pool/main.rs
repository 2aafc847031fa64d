//! `AsyncPool` as its users see it.

mod cancel;
mod probe;
mod results;
mod runtimes;
mod shutdown;
