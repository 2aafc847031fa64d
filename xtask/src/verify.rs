//! `cargo xtask verify`: one command that proves the project.

mod alone;
mod beside;
mod entry;
mod examples;
mod mistakes;
mod outside;
mod source_checks;
mod tests;

use crate::outcome::Outcome;
use crate::table::table;
use crate::test_output::{Case, TestOutput};
use crate::workspace::Workspace;
use crate::{model, mutants, rows, tidy};
use anyhow::Result;
use beside::Beside;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&mut Verify) -> Result<Outcome>,
}

/// What the steps know, and learn for the ones after them.
struct Verify {
    workspace: Arc<Workspace>,
    tests: TestOutput,
    compile_fail: Vec<Case>,
    models_and_mutants: Beside,
}

const STEPS: &[Step] = &[
    Step {
        name: "format",
        what: "cargo fmt --check",
        run: source_checks::format,
    },
    Step {
        name: "tidy",
        what: "rules that are read off the sources",
        run: |verify| tidy::check(&verify.workspace),
    },
    Step {
        name: "rows",
        what: "each behaviour has a test, or a reason",
        run: |verify| rows::check(&verify.workspace),
    },
    Step {
        name: "clippy",
        what: "all targets, all features, no warning",
        run: source_checks::clippy,
    },
    Step {
        name: "tests",
        what: "unit and integration tests",
        run: tests::unit_and_integration,
    },
    Step {
        name: "tracing",
        what: "a span for each task, with that feature",
        run: tests::tracing,
    },
    Step {
        name: "random",
        what: "a minute of chance, and no memory to share",
        run: tests::random,
    },
    Step {
        name: "compile-fail",
        what: "what must not compile, by its messages",
        run: tests::compile_fail,
    },
    Step {
        name: "examples",
        what: "built, run, a line of output compared",
        run: examples::check,
    },
    Step {
        name: "doc tests",
        what: "the examples in the documentation",
        run: tests::documentation,
    },
    Step {
        name: "rustdoc",
        what: "the documentation, no warning",
        run: source_checks::rustdoc,
    },
    Step {
        name: "crates alone",
        what: "each with no, each single and all features",
        run: alone::check,
    },
    Step {
        name: "outside",
        what: "programs outside of the workspace",
        run: outside::check,
    },
    Step {
        name: "entry",
        what: "programs and libraries that have workers",
        run: entry::check,
    },
    Step {
        name: "models",
        what: "every interleaving, begun beside the others",
        run: |verify| verify.models_and_mutants.wait(),
    },
    Step {
        name: "mutants",
        what: "a bug in every sixth file, begun beside them",
        run: |verify| verify.models_and_mutants.wait(),
    },
    Step {
        name: "mistakes",
        what: "the README's table names tests that ran",
        run: mistakes::check,
    },
];

pub(crate) fn run() -> Result<bool> {
    let begun = Instant::now();
    let workspace = Arc::new(Workspace::load()?);
    let mut verify = Verify {
        models_and_mutants: Beside::begin(&workspace, &[model::check_all, mutants::check_selection]),
        workspace,
        tests: TestOutput::default(),
        compile_fail: Vec::new(),
    };
    let mut rows = vec![["step", "result", "count", "seconds"].map(String::from).to_vec()];
    let (mut failing, mut passed, mut failed) = (Vec::new(), 0, 0);
    for (number, step) in STEPS.iter().enumerate() {
        print!(
            "[{:>2}/{}] {:<13}{:<46}",
            number + 1,
            STEPS.len(),
            step.name,
            step.what
        );
        io::stdout().flush()?;
        let start = Instant::now();
        let outcome = (step.run)(&mut verify).unwrap_or_else(|error| {
            let mut outcome = Outcome::checks("checks");
            outcome.fail(format!("{error:#}"));
            outcome
        });
        let result = if outcome.is_ok() { "ok" } else { "FAILED" };
        let seconds = format!("{:.1}", start.elapsed().as_secs_f64());
        println!("{result}, {}, {seconds} s", outcome.count());
        print!("{}", outcome.details());
        if !outcome.is_ok() {
            failing.push(step.name);
        }
        passed += outcome.passed_tests();
        failed += outcome.failed_tests();
        rows.push(vec![step.name.into(), result.into(), outcome.count(), seconds]);
    }
    let seconds = format!("{:.1}", begun.elapsed().as_secs_f64());
    rows.push(vec!["together".into(), String::new(), String::new(), seconds]);
    print!("\n{}\n", table(&rows));
    if !failing.is_empty() {
        println!("failed: {}", failing.join(", "));
    }
    println!("{passed} passed, {failed} failed");
    Ok(failing.is_empty())
}
