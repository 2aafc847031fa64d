//! How a worker process has ended.

use std::fmt;
use std::process::ExitStatus;

/// How a worker process ended.
///
/// ```
/// use trine_future::{TaskError, WorkerDeath};
///
/// let death = WorkerDeath { pid: 4711, status: None, out_of_memory: true, stderr: "loading\n".to_owned() };
/// assert_eq!(
///     death.to_string(),
///     "the system does not say how, probably because memory ran out: let fewer workers run, or give them more; it wrote last:\nloading\n"
/// );
/// let error = TaskError::worker_died("render", death);
/// assert_eq!(error.worker_death().map(|death| death.pid), Some(4711));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerDeath {
    /// Its process id.
    pub pid: u32,
    /// Its exit status or signal. `None` if the system would not tell.
    pub status: Option<ExitStatus>,
    /// Whether the kernel has probably killed it because memory ran out.
    pub out_of_memory: bool,
    /// The last lines that it wrote to its standard error; empty if there were none.
    pub stderr: String,
}

impl fmt::Display for WorkerDeath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            // std words it: "exit status: 3", "signal: 11 (SIGSEGV) (core dumped)".
            Some(status) => write!(formatter, "{status}")?,
            None => formatter.write_str("the system does not say how")?,
        }
        if self.out_of_memory {
            formatter
                .write_str(", probably because memory ran out: let fewer workers run, or give them more")?;
        }
        if !self.stderr.is_empty() {
            write!(formatter, "; it wrote last:\n{}", self.stderr)?;
        }
        Ok(())
    }
}
