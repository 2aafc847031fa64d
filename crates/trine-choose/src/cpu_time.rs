//! The time on processors, and the time that they are waited for.

use std::time::Duration;

/// What all threads of this process have spent on processors: a task may have threads of its own.
#[cfg(unix)]
pub(crate) fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap_or(0),
        time.tv_nsec.try_into().unwrap_or(0),
    )
}

/// There are no worker processes to measure in.
#[cfg(not(unix))]
pub(crate) fn cpu_time() -> Duration {
    Duration::ZERO
}

/// How long this thread has been ready to run while others did. That is the machine's time and not the task's. Zero where the
/// system does not say.
pub(crate) fn time_in_line() -> Duration {
    let nanoseconds = || {
        let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        statistics.split_whitespace().nth(1)?.parse().ok()
    };
    Duration::from_nanos(nanoseconds().unwrap_or(0))
}
