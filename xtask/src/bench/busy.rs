//! Programs beside the benchmarks that compute all the time.

use anyhow::{Context, Result};
use std::process::{self, Child, Command, Stdio};

/// Each looks now and then whether the process that started it still lives.
const SCRIPT: &str = r#"
while kill -0 "$0" 2>/dev/null; do
    count=0
    while [ "$count" -lt 100000 ]; do count=$((count + 1)); done
done"#;

pub(super) struct BusyPrograms(Vec<Child>);

impl BusyPrograms {
    pub(super) fn start(count: usize) -> Result<Self> {
        let mut programs = Self(Vec::new());
        for _ in 0..count {
            let program = Command::new("sh")
                .args(["-c", SCRIPT, &process::id().to_string()])
                .stdin(Stdio::null())
                .spawn()
                .context("a busy program could not be started")?;
            programs.0.push(program);
        }
        Ok(programs)
    }
}

impl Drop for BusyPrograms {
    fn drop(&mut self) {
        for program in &mut self.0 {
            // One that has ended by itself can be neither killed nor missed.
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}
