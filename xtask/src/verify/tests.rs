//! The steps that run cargo's tests.

use super::Verify;
use crate::capture::{Captured, capture};
use crate::outcome::Outcome;
use crate::test_output::{TestOutput, trybuild_cases};
use anyhow::Result;

/// The test of the package `trine-tests` that hands the compile-fail cases to trybuild.
const COMPILE_FAIL: &str = "compile_fail";

pub(super) fn unit_and_integration(verify: &mut Verify) -> Result<Outcome> {
    let mut cargo = verify.workspace.cargo("test");
    let ran = capture(cargo.args(["--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"]))?;
    let tests = TestOutput::parse(ran.stdout());
    let outcome = judge(&ran, &tests);
    verify.compile_fail = trybuild_cases(ran.stderr());
    verify.tests = tests;
    Ok(outcome)
}

/// What workers send, changed at random.
pub(super) fn fuzz(verify: &mut Verify) -> Result<Outcome> {
    for_a_minute(verify, "TRINE_FUZZ_SECONDS", &["--lib", "fuzz::fuzz"])
}

/// Random programs on the thread pool.
pub(super) fn stress(verify: &mut Verify) -> Result<Outcome> {
    for_a_minute(verify, "TRINE_STRESS_SECONDS", &["--test", "stress"])
}

/// Random crashes in the process pool.
pub(super) fn chaos(verify: &mut Verify) -> Result<Outcome> {
    for_a_minute(verify, "TRINE_CHAOS_SECONDS", &["--test", "pool", "chaos"])
}

/// Runs tests that the step `tests` has run for a moment only. As it, for all packages: with the features of one alone
/// everything would be built again.
fn for_a_minute(verify: &Verify, variable: &str, tests: &[&str]) -> Result<Outcome> {
    let mut cargo = verify.workspace.cargo("test");
    cargo.env(variable, "60");
    let ran = capture(cargo.arg("--workspace").args(tests))?;
    Ok(judge(&ran, &TestOutput::parse(ran.stdout())))
}

pub(super) fn documentation(verify: &mut Verify) -> Result<Outcome> {
    let mut cargo = verify.workspace.cargo("test");
    let ran = capture(cargo.args(["--workspace", "--doc", "--no-fail-fast"]))?;
    Ok(judge(&ran, &TestOutput::parse(ran.stdout())))
}

fn judge(ran: &Captured, tests: &TestOutput) -> Outcome {
    let mut outcome = Outcome::tests("tests");
    outcome.passed = tests.passed;
    outcome.failed = tests.failed;
    outcome.output = ran.text();
    if !ran.success {
        outcome.problems.push("cargo test failed".into());
    }
    outcome
}

/// What the step `tests` has seen of the compile-fail cases.
pub(super) fn compile_fail(verify: &mut Verify) -> Result<Outcome> {
    let mut outcome = Outcome::tests("cases");
    if !verify
        .tests
        .names
        .iter()
        .any(|name| name.split("::").any(|part| part == COMPILE_FAIL))
    {
        outcome.problems.push(format!(
            "the test `{COMPILE_FAIL}` of trine-tests did not run, or failed"
        ));
    }
    for case in &verify.compile_fail {
        if case.ok {
            outcome.pass();
        } else {
            outcome.fail(format!("{}: the output of the step `tests` says why", case.file));
        }
    }
    Ok(outcome)
}
