//! `cargo xtask model`: the loom models, run and compared with the record of their executions.

mod explore;
mod output;
mod record;

use crate::copy;
use crate::outcome::Outcome;
use crate::table::table;
use crate::workspace::Workspace;
use anyhow::{Result, ensure};
use explore::Exploration;
use record::Record;
use std::path::PathBuf;

pub(crate) use explore::{find_tests, packages, run_test};
pub(crate) use output::judge_mutant;

pub(crate) fn run(filter: Option<&str>) -> Result<bool> {
    let outcome = check(&Workspace::load()?, filter)?;
    print!("{}", outcome.details());
    println!("model: {}, {} failed", outcome.count(), outcome.failed);
    Ok(outcome.is_ok())
}

/// Writes the record anew.
pub(crate) fn record() -> Result<bool> {
    let workspace = Workspace::load()?;
    let (mut outcome, explored) = explore_all(&workspace, None)?;
    let mut records = Vec::new();
    for exploration in explored {
        match exploration.record {
            Some(record) => {
                outcome.pass();
                records.push(record);
            }
            None => {
                outcome.output += &exploration.output;
                outcome.fail(format!("{} failed: nothing is recorded", exploration.model));
            }
        }
    }
    if outcome.is_ok() {
        record::write(&record_file(&workspace), records)?;
    }
    print!("{}", outcome.details());
    Ok(outcome.is_ok())
}

/// Explores all models, and compares them with the record.
pub(crate) fn check_all(workspace: &Workspace) -> Result<Outcome> {
    check(workspace, None)
}

/// Explores the models, all or those whose test's path contains `filter`, and compares them with the record.
fn check(workspace: &Workspace, filter: Option<&str>) -> Result<Outcome> {
    let (mut outcome, explored) = explore_all(workspace, filter)?;
    let records = record::read(&record_file(workspace))?;
    for exploration in &explored {
        match record::compare(&exploration.model, exploration.record.as_ref(), &records) {
            Ok(()) => outcome.pass(),
            Err(problem) => {
                outcome.fail(problem);
                if exploration.record.is_none() {
                    outcome.output += &exploration.output;
                }
            }
        }
    }
    if filter.is_none() {
        for Record { model, .. } in records {
            if !explored.iter().any(|exploration| exploration.model == model) {
                outcome.fail(format!(
                    "{model} did not run: mend it, or remove its line from xtask/models.txt"
                ));
            }
        }
    }
    Ok(outcome)
}

/// An outcome with the table and the problems of the run itself, to which the comparison is added.
fn explore_all(workspace: &Workspace, filter: Option<&str>) -> Result<(Outcome, Vec<Exploration>)> {
    let mut outcome = Outcome::tests("models");
    let tests = match find_tests(workspace, &copy::update(workspace)?, &packages())? {
        Ok(tests) => tests,
        Err(messages) => {
            outcome.output = messages;
            outcome.problems.push("the models do not compile".into());
            return Ok((outcome, Vec::new()));
        }
    };
    let wanted: Vec<_> = tests
        .into_iter()
        .filter(|test| filter.is_none_or(|filter| test.matches(filter)))
        .collect();
    ensure!(!wanted.is_empty(), "no model's test has that in its path");
    let mut explored = explore::explore(wanted)?;
    explored.sort_by(|a, b| a.model.cmp(&b.model));
    for pair in explored.windows(2) {
        if pair[0].model == pair[1].model {
            outcome
                .problems
                .push(format!("two models are called {}", pair[0].model));
        }
    }
    outcome.report = table(&rows(&explored));
    Ok((outcome, explored))
}

fn rows(explored: &[Exploration]) -> Vec<Vec<String>> {
    let head = ["model", "executions", "seconds", "bound"]
        .map(String::from)
        .to_vec();
    let rows = explored.iter().map(|exploration| {
        let seconds = format!("{:.1}", exploration.seconds);
        let (executions, bound) = match &exploration.record {
            Some(record) => (record.executions.to_string(), record.bound.to_string()),
            None => ("failed".into(), "-".into()),
        };
        vec![exploration.model.clone(), executions, seconds, bound]
    });
    [head].into_iter().chain(rows).collect()
}

fn record_file(workspace: &Workspace) -> PathBuf {
    workspace.root.join("xtask/models.txt")
}
