//! Checks that run beside the other steps, on what processor time these leave over.

use crate::outcome::Outcome;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use rustix::process::setpriority_process;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// The lowest priority: such a process runs where no other one would.
const LEFTOVER: i32 = 19;

type Check = fn(&Workspace) -> Result<Outcome>;

/// Checks that have begun, one after the other.
pub(super) struct Beside(Receiver<Result<Outcome>>);

impl Beside {
    pub(super) fn begin(workspace: &Arc<Workspace>, checks: &'static [Check]) -> Self {
        let (sender, outcomes) = channel();
        let workspace = Arc::clone(workspace);
        thread::spawn(move || {
            // On Linux that is the priority of this thread, and of all that it starts. Without it the other steps only wait longer.
            let _ = setpriority_process(None, LEFTOVER);
            for check in checks {
                let _ = sender.send(check(&workspace));
            }
        });
        Self(outcomes)
    }

    /// Waits for the next one.
    pub(super) fn wait(&self) -> Result<Outcome> {
        self.0.recv().context("a check has panicked")?
    }
}
