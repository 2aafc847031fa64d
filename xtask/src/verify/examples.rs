//! The example programs: built, run, and what they print compared.

use super::Verify;
use crate::capture::capture;
use crate::executables::{self, Executable};
use crate::outcome::Outcome;
use anyhow::Result;
use std::process::Command;

struct Example {
    package: &'static str,
    name: &'static str,
    /// Features that are off by default.
    features: &'static [&'static str],
    arguments: &'static [&'static str],
    /// Lines of its output, each of which must be there as it stands.
    prints: &'static [&'static str],
}

/// Every example of `crates/*/examples`.
const EXAMPLES: &[Example] = &[
    Example {
        package: "trine",
        name: "demo",
        features: &[],
        // The sources of the crates: its default input is far more than an unoptimised build should chew.
        arguments: &["crates"],
        prints: &["the pools and the sequential run agree"],
    },
    Example {
        package: "trine",
        name: "map",
        features: &[],
        arguments: &[],
        prints: &["[1, 2, 3]", "[333283335000, 2666466670000]"],
    },
    Example {
        package: "trine",
        name: "counter",
        features: &[],
        arguments: &[],
        prints: &["400000"],
    },
    Example {
        package: "trine",
        name: "as_completed",
        features: &[],
        arguments: &[],
        prints: &["[0, 2, 4, 6, 8]"],
    },
    Example {
        package: "trine",
        name: "mixed",
        features: &[],
        arguments: &[],
        prints: &["a crash: failed, a process: 333283335000, a task: 42, a thread: TRINE"],
    },
    Example {
        package: "trine",
        name: "fetch_pages",
        features: &[],
        arguments: &[],
        prints: &["297 pages with 44253 bytes, 3 missing"],
    },
    Example {
        package: "trine",
        name: "compress_directory",
        features: &[],
        arguments: &["crates/trine"],
        prints: &["all of them unpack to what they were"],
    },
    Example {
        package: "trine",
        name: "untrusted_images",
        features: &[],
        arguments: &[],
        prints: &[
            "whole.raw: 3 x 2 pixels, the first is 97",
            "torn.pgm: malformed: 3 x 2 pixels do not fit the file",
            "crafted.raw: crashed its decoder",
            "endless.raw: took too long",
        ],
    },
    Example {
        package: "trine",
        name: "graceful_service",
        features: &[],
        arguments: &[],
        prints: &[
            "a request that has not come by the deadline is given up",
            "20 of 20 requests were answered",
        ],
    },
    Example {
        package: "trine",
        name: "embedding",
        features: &[],
        arguments: &[],
        prints: &["that is teh question: [\"teh\"]"],
    },
    Example {
        package: "trine",
        name: "tracing",
        features: &["tracing"],
        arguments: &[],
        prints: &[
            "5 of 6 pages are indexed",
            "the trace has 17 tasks, 6 of them also in their workers, where 1 did not come to its end",
        ],
    },
    Example {
        package: "trine-processes",
        name: "sums",
        features: &[],
        arguments: &[],
        prints: &["[333283335000, 2666466670000]"],
    },
];

pub(super) fn check(verify: &mut Verify) -> Result<Outcome> {
    let mut outcome = Outcome::tests("programs");
    for package in verify.workspace.crates() {
        for name in &package.examples {
            if !EXAMPLES
                .iter()
                .any(|example| example.package == package.name && example.name == name)
            {
                outcome.fail(format!(
                    "the example {name} of {} has no expected output: add it to xtask/src/verify/examples.rs",
                    package.name
                ));
            }
        }
    }
    let mut commands = vec![verify.workspace.cargo("build")];
    commands[0].args(["--workspace", "--examples"]);
    for example in EXAMPLES.iter().filter(|example| !example.features.is_empty()) {
        let features = example
            .features
            .iter()
            .map(|feature| format!("{}/{feature}", example.package));
        let mut build = verify.workspace.cargo("build");
        // For all packages, as the tests with this feature were built: with those of one alone everything would be built again.
        build.args(["--workspace", "--example", example.name]);
        build.args(["--features", &features.collect::<Vec<_>>().join(",")]);
        commands.push(build);
    }
    let mut executables = Vec::new();
    for build in &mut commands {
        match executables::build(build)? {
            Ok(built) => executables.extend(built),
            Err(messages) => {
                outcome.output = messages;
                outcome.problems.push("the examples do not compile".into());
                return Ok(outcome);
            }
        }
    }
    for example in EXAMPLES {
        match executables
            .iter()
            .find(|executable| executable.name == example.name)
        {
            Some(executable) => run(verify, example, executable, &mut outcome)?,
            None => outcome.fail(format!(
                "there is no example {} of {}",
                example.name, example.package
            )),
        }
    }
    Ok(outcome)
}

fn run(verify: &Verify, example: &Example, executable: &Executable, outcome: &mut Outcome) -> Result<()> {
    let mut command = Command::new(&executable.path);
    let ran = capture(
        command
            .args(example.arguments)
            .current_dir(&verify.workspace.root),
    )?;
    let missing: Vec<&&str> = example
        .prints
        .iter()
        .filter(|line| !ran.stdout().any(|printed| printed == **line))
        .collect();
    if ran.success && missing.is_empty() {
        outcome.pass();
        return Ok(());
    }
    outcome.output += &format!("output of {}:\n{}", example.name, ran.text());
    outcome.fail(if ran.success {
        format!("the example {} does not print {missing:?}", example.name)
    } else {
        format!("the example {} failed", example.name)
    });
    Ok(())
}
