//! How many workers a pool gets when nobody says.

use std::env;
use std::ffi::OsString;

/// The environment variable that says how many workers a pool gets when the program does not: `TRINE_WORKERS`.
///
/// For whoever runs the program on a machine that it does not know. Building a pool fails if it is anything but a number
/// from 1 on.
pub const WORKERS_VARIABLE: &str = "TRINE_WORKERS";

/// A pool of processes or of async tasks has no more workers: more than any machine has use for.
pub const MOST_WORKERS: usize = 65_535;

/// The number of workers of a pool whose program does not say: what [`WORKERS_VARIABLE`] says, else [`processors`].
///
/// # Errors
///
/// The value of the variable, if that is not a number from 1 on.
pub fn default_workers() -> Result<usize, OsString> {
    let Some(value) = env::var_os(WORKERS_VARIABLE) else {
        return Ok(processors());
    };
    match value.to_str().and_then(|value| value.trim().parse().ok()) {
        Some(workers @ 1..) => Ok(workers),
        _ => Err(value),
    }
}

/// The number of threads that this process may run at once: at least 1.
///
/// It respects the affinity mask and the CPU quota of cgroups v1 and v2. Where the system can't tell, it is 1.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
