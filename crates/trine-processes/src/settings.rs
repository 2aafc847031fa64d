//! What a pool was built with.

use crate::forwarder::Forwarder;
use crate::initializer::Initializer;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display};
use std::path::PathBuf;
use std::sync::Arc;
use trine_platform::WORKERS_VARIABLE;

/// What the workers of a pool are started with.
#[derive(Default)]
pub(crate) struct Settings {
    /// Which pool of this program it is, from 1 on.
    pub(crate) pool: u32,
    /// Variables that are added to this program's environment.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Workers write to nowhere instead of to this program's standard output.
    pub(crate) discards_stdout: bool,
    /// Where goes what they write to standard error.
    pub(crate) forwarder: Arc<Forwarder>,
    pub(crate) initializer: Option<Initializer>,
    /// What is started as a worker, instead of this program's own executable.
    pub(crate) executable: Option<PathBuf>,
    /// How many levels of pools there may be below the workers.
    pub(crate) levels: u32,
    /// Workers run the program's `main` up to where it calls [`enter_worker`](crate::enter_worker).
    pub(crate) in_main: bool,
}

impl Settings {
    /// What the pool is called.
    pub(crate) fn pool_name(&self) -> impl Display {
        let pool = self.pool;
        fmt::from_fn(move |formatter| write!(formatter, "trine-{pool}"))
    }

    /// What the worker with `index` is called.
    pub(crate) fn worker_name(&self, index: usize) -> impl Display {
        let pool = self.pool_name();
        fmt::from_fn(move |formatter| write!(formatter, "{pool}.{index}"))
    }
}

/// What [`WORKERS_VARIABLE`] is to Trine, for other libraries.
const OTHERS: [&str; 3] = ["OMP_NUM_THREADS", "RAYON_NUM_THREADS", "TOKIO_WORKER_THREADS"];

/// Adds to the environment of each worker its fair share of the threads that this program may run at once.
///
/// What the user says for Trine counts for the whole program, so it is divided; what the user says for others counts.
pub(crate) fn add_fair_share(environment: &mut Vec<(OsString, OsString)>, threads: usize, workers: usize) {
    let share = OsString::from((threads / workers).max(1).to_string());
    let given = |environment: &[(OsString, OsString)], name: &str| {
        environment.iter().any(|(given, _)| given == OsStr::new(name))
    };
    for name in [WORKERS_VARIABLE].into_iter().chain(OTHERS) {
        let inherited = name != WORKERS_VARIABLE && env::var_os(name).is_some();
        if !inherited && !given(environment, name) {
            environment.push((name.into(), share.clone()));
        }
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::add_fair_share;
    use std::ffi::OsString;

    /// The environment that `add_fair_share` makes of one variable.
    fn share(threads: usize, workers: usize, name: &str) -> Vec<(OsString, OsString)> {
        let mut environment = vec![(name.into(), "7".into())];
        add_fair_share(&mut environment, threads, workers);
        environment
    }

    fn value<'a>(environment: &'a [(OsString, OsString)], name: &str) -> Vec<&'a str> {
        let named = environment.iter().filter(|(given, _)| given == name);
        named
            .map(|(_, value)| value.to_str().expect("it is text"))
            .collect()
    }

    #[test]
    fn the_threads_are_divided_and_never_none() {
        for (threads, workers, expected) in [(8, 2, "4"), (8, 3, "2"), (2, 4, "1"), (1, 1, "1")] {
            let environment = share(threads, workers, "OTHER");
            assert_eq!(value(&environment, "TRINE_WORKERS"), [expected]);
            assert_eq!(value(&environment, "OTHER"), ["7"]);
        }
    }

    #[test]
    fn what_the_builder_was_given_counts() {
        for name in ["TRINE_WORKERS", "OMP_NUM_THREADS"] {
            assert_eq!(value(&share(8, 2, name), name), ["7"]);
        }
    }
}
