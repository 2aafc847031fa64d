//! `cargo xtask tidy`: rules that no compiler checks, read off the sources.

mod examples;
mod layers;
mod length;
mod locks;
mod models;
mod packages;
mod placeholders;
mod safety;
mod seam;

use crate::outcome::Outcome;
use crate::source::{self, Source};
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;

/// Something that breaks a rule.
#[derive(Debug)]
struct Complaint {
    /// Counted from 1.
    line: usize,
    /// What is wrong and what to do.
    message: String,
}

impl Complaint {
    fn new(line: usize, message: impl Into<String>) -> Self {
        Self {
            line,
            message: message.into(),
        }
    }
}

const RULES: &[fn(&Source) -> Vec<Complaint>] = &[
    examples::public_items_have_examples,
    length::too_long,
    locks::no_borrowed_locks,
    models::a_model_spawns,
    placeholders::nothing_unfinished,
    safety::unsafe_is_argued,
    seam::loom_stays_in_the_seam,
];

pub(crate) fn run() -> Result<bool> {
    let outcome = check(&Workspace::load()?)?;
    print!("{}", outcome.details());
    println!("tidy: {}, {} complaints", outcome.count(), outcome.problems.len());
    Ok(outcome.is_ok())
}

pub(crate) fn check(workspace: &Workspace) -> Result<Outcome> {
    let mut outcome = Outcome::checks("files");
    for source in source::all(&workspace.root)? {
        outcome.report += &length::warning(&source);
        judge(
            &source.path,
            RULES.iter().flat_map(|rule| rule(&source)),
            &mut outcome,
        );
    }
    for package in workspace.crates() {
        let folder = package.folder.display();
        let manifest = format!("{folder}/Cargo.toml");
        if !package.folder.ends_with(&package.name) {
            outcome.fail(format!(
                "{manifest}:1: the folder is not called {}: rename one of them",
                package.name
            ));
        }
        let text = fs::read_to_string(workspace.root.join(&manifest))
            .with_context(|| format!("{manifest} could not be read"))?;
        let complaints = layers::dependencies_point_down(&package.name, &text)
            .into_iter()
            .chain(packages::has_its_texts(
                &workspace.root.join(&package.folder),
                &text,
            ));
        judge(&manifest, complaints, &mut outcome);
    }
    Ok(outcome)
}

fn judge(file: &str, complaints: impl IntoIterator<Item = Complaint>, outcome: &mut Outcome) {
    let before = outcome.problems.len();
    for Complaint { line, message } in complaints {
        outcome.problems.push(format!("{file}:{line}: {message}"));
    }
    if outcome.problems.len() == before {
        outcome.pass();
    } else {
        outcome.failed += 1;
    }
}
