//! `cargo xtask demo`: the example program `demo` of the facade, optimised.

use crate::workspace::Workspace;
use anyhow::{Context, Result};

pub(crate) fn run(arguments: &[&str]) -> Result<bool> {
    let workspace = Workspace::load()?;
    let status = workspace
        .cargo("run")
        .args(["--release", "--package", "trine", "--example", "demo", "--"])
        .args(arguments)
        // A directory that the user names is relative to where the user is.
        .current_dir(std::env::current_dir()?)
        .status()
        .context("cargo could not be started")?;
    Ok(status.success())
}
