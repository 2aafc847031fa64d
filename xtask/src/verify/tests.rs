//! The steps that run cargo's tests.

use super::Verify;
use crate::capture::{Captured, capture};
use crate::outcome::Outcome;
use crate::test_output::{TestOutput, trybuild_cases};
use anyhow::{Result, anyhow};
use std::thread;

/// The test of the package `trine-compile-tests` that hands the compile-fail cases to trybuild.
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

/// The tests that a feature adds that is off by default. They run apart, so that all others run without it.
pub(super) fn tracing(verify: &mut Verify) -> Result<Outcome> {
    let mut cargo = verify.workspace.cargo("test");
    // For all packages: with the features of one alone everything would be built again.
    let ran = capture(cargo.args(["--workspace", "--features", "trine/tracing", "--test", "tracing"]))?;
    Ok(judge(&ran, &TestOutput::parse(ran.stdout())))
}

/// Tests that are as good as they are long: the step `tests` has run them for a moment only. Each is told by its variable for how
/// many seconds, but for the last one, which goes on as long as it needs. Side by side, because together they leave no processor
/// idle, and find more in the same time.
const LONG_TESTS: [(&str, &str, &[&str]); 4] = [
    ("TRINE_FUZZ_SECONDS", "30", &["--lib", "fuzz::fuzz"]),
    ("TRINE_STRESS_SECONDS", "60", &["--test", "stress"]),
    ("TRINE_CHAOS_SECONDS", "30", &["--test", "pool", "chaos"]),
    ("TRINE_TEST_WITHOUT_MEMORY", "1", WITHOUT_MEMORY),
];

/// The tests of the process pool where everything goes over ipc-channel, but for those of what is else then: which descriptors
/// there are and what they are needed for, whether a directory for temporary files is, whether a task that is killed while it is sent
/// may have begun, who maps and writes memory that is not there, deaths in chunks, as elements go one by one then, what a
/// fork leaves of that memory, and which system call a reply needs.
const WITHOUT_MEMORY: &[&str] = &[
    "--test",
    "pool",
    "--",
    "--skip=l33_",
    "--skip=closes_all_descriptors",
    "--skip=place_of_a_standard_stream",
    "--skip=no_directory_for_temporary_files",
    "--skip=b15_",
    "--skip=hostile",
    "--skip=shared_values",
    "--skip=chaos",
    "--skip=costs_the_element_that_ran",
    "--skip=forks_and_returns",
    "--skip=can_not_send",
];

/// What workers send changed at random, random programs on the thread pool, random crashes in the process pool, and all of that
/// pool's tests without memory to share.
pub(super) fn random(verify: &mut Verify) -> Result<Outcome> {
    let runs = LONG_TESTS.map(|(variable, value, tests)| {
        let mut cargo = verify.workspace.cargo("test");
        // As above.
        cargo.env(variable, value).arg("--workspace").args(tests);
        thread::spawn(move || capture(&mut cargo))
    });
    let mut sum = Outcome::tests("tests");
    for (run, (variable, ..)) in runs.into_iter().zip(LONG_TESTS) {
        let ran = run.join().map_err(|_| anyhow!("a thread has panicked"))??;
        let outcome = judge(&ran, &TestOutput::parse(ran.stdout()));
        if outcome.passed + outcome.failed == 0 {
            sum.problems.push(format!("no test ran that knows {variable}"));
        }
        sum.passed += outcome.passed;
        sum.failed += outcome.failed;
        sum.problems.extend(outcome.problems);
        sum.output += &outcome.output;
    }
    Ok(sum)
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
            "the test `{COMPILE_FAIL}` of trine-compile-tests did not run, or failed"
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
