//! The steps that are one cargo command each, which either succeeds or does not.

use super::Verify;
use crate::capture::capture;
use crate::outcome::Outcome;
use crate::workspace::cargo;
use anyhow::Result;
use std::process::Command;

pub(super) fn format(verify: &mut Verify) -> Result<Outcome> {
    succeeds(
        cargo("fmt")
            .args(["--all", "--check"])
            .current_dir(&verify.workspace.root),
        "`cargo fmt --all` mends it",
    )
}

pub(super) fn clippy(verify: &mut Verify) -> Result<Outcome> {
    let mut clippy = verify.workspace.cargo("clippy");
    clippy.args([
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]);
    succeeds(&mut clippy, "clippy complains")
}

pub(super) fn rustdoc(verify: &mut Verify) -> Result<Outcome> {
    let mut doc = verify.workspace.cargo("doc");
    doc.args(["--workspace", "--no-deps", "--all-features"])
        .env("RUSTDOCFLAGS", "-D warnings");
    succeeds(&mut doc, "rustdoc complains")
}

fn succeeds(command: &mut Command, problem: &str) -> Result<Outcome> {
    let mut outcome = Outcome::checks("checks");
    let ran = capture(command)?;
    outcome.output = ran.text();
    if ran.success {
        outcome.pass();
    } else {
        outcome.fail(problem);
    }
    Ok(outcome)
}
