//! `cargo xtask tidy`: rules that no compiler checks, read off the sources.

mod layers;
mod length;
mod locks;
mod models;
mod placeholders;
mod safety;
mod seam;
mod source;

use crate::outcome::Outcome;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use source::Source;
use std::fs;
use std::path::Path;

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
    length::too_long,
    locks::no_borrowed_locks,
    models::a_model_spawns,
    placeholders::nothing_unfinished,
    safety::unsafe_is_argued,
    seam::loom_stays_in_the_seam,
];

const FOLDERS: &[&str] = &["crates", "tests", "benches", "xtask"];

pub(crate) fn run() -> Result<bool> {
    let outcome = check(&Workspace::load()?)?;
    print!("{}", outcome.details());
    println!("tidy: {}, {} complaints", outcome.count(), outcome.problems.len());
    Ok(outcome.is_ok())
}

pub(crate) fn check(workspace: &Workspace) -> Result<Outcome> {
    let mut outcome = Outcome::checks("files");
    for folder in FOLDERS {
        check_folder(&workspace.root, Path::new(folder), &mut outcome)?;
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
        let text = read(&workspace.root.join(&manifest))?;
        judge(
            &manifest,
            layers::dependencies_point_down(&package.name, &text),
            &mut outcome,
        );
    }
    Ok(outcome)
}

fn check_folder(root: &Path, folder: &Path, outcome: &mut Outcome) -> Result<()> {
    let path = root.join(folder);
    let entries = fs::read_dir(&path).with_context(|| format!("{} could not be listed", path.display()))?;
    let mut names = entries
        .map(|entry| Ok(entry?.file_name()))
        .collect::<Result<Vec<_>>>()
        .with_context(|| format!("{} could not be listed", path.display()))?;
    names.sort();
    for name in names {
        let file = folder.join(name);
        if root.join(&file).is_dir() {
            // A crate that was built by itself has a folder `target`.
            if !file.ends_with("target") {
                check_folder(root, &file, outcome)?;
            }
        } else if file.extension().is_some_and(|extension| extension == "rs") {
            let name = file.to_string_lossy().replace('\\', "/");
            let source = Source::parse(&name, &read(&root.join(&file))?);
            outcome.report += &length::warning(&source);
            judge(&name, RULES.iter().flat_map(|rule| rule(&source)), outcome);
        }
    }
    Ok(())
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

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} could not be read", path.display()))
}
