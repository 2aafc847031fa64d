//! `cargo xtask model --mutants`: bugs that are seeded on purpose. Each must make the model that it names fail.
//!
//! A mutant is a patch `crates/*/mutants/*.patch` against the root of the checkout, whose first line is
//! `# caught-by: MODEL`.

use crate::capture::capture;
use crate::copy;
use crate::model::{find_tests, judge_mutant, packages, run_test};
use crate::outcome::Outcome;
use crate::table::table;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Seeds the bugs, all or those whose path contains `filter`.
pub(crate) fn run(filter: Option<&str>) -> Result<bool> {
    let workspace = Workspace::load()?;
    let patches: Vec<_> = patches(&workspace)?
        .into_iter()
        .filter(|patch| filter.is_none_or(|filter| name_of(&workspace, patch).contains(filter)))
        .collect();
    ensure!(!patches.is_empty(), "no mutant has that in its path");
    let outcome = check(&workspace, &patches)?;
    print!("{}", outcome.details());
    println!("mutants: {}, {} failed", outcome.count(), outcome.failed);
    Ok(outcome.is_ok())
}

/// Seeds a bug in every sixth source file, which takes some twentieth of the time, and sees whether the others apply.
pub(crate) fn check_selection(workspace: &Workspace) -> Result<Outcome> {
    let (mut chosen, mut others, mut files) = (Vec::new(), Vec::new(), BTreeSet::new());
    for patch in patches(workspace)? {
        let is_first = files.insert(changed_file(&read(&patch)?));
        let is_chosen = is_first && files.len() % 6 == 1;
        let patches = if is_chosen { &mut chosen } else { &mut others };
        patches.push(patch);
    }
    let mut outcome = check(workspace, &chosen)?;
    for patch in others {
        let mut git = Command::new("git");
        git.args(["apply", "--check"])
            .arg(&patch)
            .current_dir(&workspace.root);
        if !capture(&mut git)?.success {
            outcome.fail(format!("{}: {NOT_APPLICABLE}", name_of(workspace, &patch)));
        }
    }
    Ok(outcome)
}

const NOT_APPLICABLE: &str = "it does not apply: make it anew";

/// Seeds the bugs one after the other.
fn check(workspace: &Workspace, patches: &[PathBuf]) -> Result<Outcome> {
    let mut outcome = Outcome::tests("mutants");
    let mut rows = vec![["mutant", "caught by", "seconds"].map(String::from).to_vec()];
    for patch in patches {
        let name = name_of(workspace, patch);
        let start = Instant::now();
        let caught_by = match seed(workspace, patch)? {
            Ok(model) => {
                outcome.pass();
                model
            }
            Err(Survived { problem, output }) => {
                outcome.output += &output;
                outcome.fail(format!("{name}: {problem}"));
                "not caught".into()
            }
        };
        rows.push(vec![
            name,
            caught_by,
            format!("{:.1}", start.elapsed().as_secs_f64()),
        ]);
    }
    outcome.report = table(&rows);
    Ok(outcome)
}

fn name_of(workspace: &Workspace, patch: &Path) -> String {
    let name = patch.strip_prefix(&workspace.root).unwrap_or(patch);
    name.display().to_string()
}

fn patches(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let mut patches = Vec::new();
    for package in workspace.crates() {
        let folder = workspace.root.join(&package.folder).join("mutants");
        if !folder.is_dir() {
            continue;
        }
        for entry in
            fs::read_dir(&folder).with_context(|| format!("{} could not be listed", folder.display()))?
        {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "patch") {
                patches.push(path);
            }
        }
    }
    patches.sort();
    Ok(patches)
}

/// A bug that was not caught as it should be.
struct Survived {
    problem: String,
    output: String,
}

/// The model that caught the bug.
fn seed(workspace: &Workspace, patch: &Path) -> Result<Result<String, Survived>> {
    let survived = |problem: &str, output: String| {
        Ok(Err(Survived {
            problem: problem.into(),
            output,
        }))
    };
    let text = read(patch)?;
    let Some(model) = caught_by(&text) else {
        return survived("its first line is not `# caught-by: MODEL`", String::new());
    };
    let tree = copy::update(workspace)?;
    let applied = capture(
        Command::new("git")
            .args(["apply", "-p1"])
            .arg(patch)
            .current_dir(&tree)
            // Inside of a repository, git would leave out what lies beside the current folder, without a word.
            .env("GIT_CEILING_DIRECTORIES", &workspace.target),
    )?;
    if !applied.success || copy::is_current(&workspace.root, &tree)? {
        return survived(NOT_APPLICABLE, applied.text());
    }
    let tests = match find_tests(workspace, &tree, &packages_of(model))? {
        Ok(tests) => tests,
        Err(messages) => return survived("it does not compile: make it anew", messages),
    };
    let (mut output, mut passed, mut printed) = (String::new(), true, Vec::new());
    for test in tests.iter().filter(|test| test.is_called(model)) {
        let (ran, more) = run_test(test)?;
        // Another crate may have a test of the same name.
        if more.iter().any(|printed| printed.model == model) {
            output += &ran.text();
            passed &= ran.success;
            printed.extend(more);
        }
    }
    match judge_mutant(model, passed, &printed) {
        Ok(()) => Ok(Ok(model.to_owned())),
        Err(problem) => survived(&problem, output),
    }
}

fn read(patch: &Path) -> Result<String> {
    fs::read_to_string(patch).with_context(|| format!("{} could not be read", patch.display()))
}

/// The source file that a patch changes.
fn changed_file(patch: &str) -> Option<String> {
    let line = patch.lines().find_map(|line| line.strip_prefix("+++ "))?;
    Some(line.trim().to_owned())
}

fn caught_by(patch: &str) -> Option<&str> {
    let model = patch.lines().next()?.strip_prefix("# caught-by: ")?.trim();
    (!model.is_empty()).then_some(model)
}

/// The package whose short name a model has, `trine-lock` for `lock::…`; all of them for a model of a module.
fn packages_of(model: &str) -> Vec<&'static str> {
    let package = model.split("::").next().map(|short| format!("trine-{short}"));
    let packages = packages();
    match packages.iter().find(|name| Some(**name) == package.as_deref()) {
        Some(package) => vec![package],
        None => packages,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_names_the_model() {
        assert_eq!(caught_by("# caught-by: lock::a\n--- a/b\n"), Some("lock::a"));
        assert_eq!(caught_by("--- a/b\n# caught-by: lock::a\n"), None);
        assert_eq!(caught_by("# caught-by: \n"), None);
        assert_eq!(caught_by(""), None);
    }

    #[test]
    fn a_model_is_looked_for_in_its_crate() {
        assert_eq!(packages_of("lock::a"), ["trine-lock"]);
        assert_eq!(packages_of("parker::a"), packages());
    }
}
