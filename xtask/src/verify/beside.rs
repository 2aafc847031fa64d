//! Checks that run beside the other steps, on what processor time these leave over.

use crate::outcome::Outcome;
use crate::workspace::Workspace;
use anyhow::{Context, Result, anyhow, bail};
use rustix::process::setpriority_process;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// The lowest priority: such a process runs where no other one would.
const LEFTOVER: i32 = 19;

/// A check that has begun, and has to be waited for.
pub(super) struct Beside(Option<JoinHandle<Result<Outcome>>>);

impl Beside {
    pub(super) fn begin(workspace: &Arc<Workspace>, check: fn(&Workspace) -> Result<Outcome>) -> Self {
        let workspace = Arc::clone(workspace);
        Self(Some(thread::spawn(move || {
            // On Linux that is the priority of this thread, and of all that it starts.
            setpriority_process(None, LEFTOVER).context("the priority can't be lowered")?;
            check(&workspace)
        })))
    }

    pub(super) fn wait(&mut self) -> Result<Outcome> {
        let Some(running) = self.0.take() else {
            bail!("nothing is left to wait for");
        };
        running.join().map_err(|_| anyhow!("a thread has panicked"))?
    }
}
