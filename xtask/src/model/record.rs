//! `xtask/models.txt`: how many executions each model explored when it was last recorded.
//!
//! A model that suddenly explores fewer has lost a thread, or a branch, and proves less than it did.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;

/// The preemption bound that every model must have at least.
const BOUND: usize = 2;

const HEAD: &str = "\
# model executions bound; written by `cargo xtask model --record`. Lowering a line is a line in CHANGELOG.md.
";

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) model: String,
    pub(crate) executions: usize,
    pub(crate) bound: usize,
}

pub(crate) fn read(path: &Path) -> Result<Vec<Record>> {
    let text = fs::read_to_string(path).with_context(|| format!("{} could not be read", path.display()))?;
    parse(&text)
}

pub(crate) fn write(path: &Path, mut records: Vec<Record>) -> Result<()> {
    records.sort_by(|a, b| a.model.cmp(&b.model));
    let lines: String = records.iter().map(|record| line(record) + "\n").collect();
    fs::write(path, format!("{HEAD}{lines}"))
        .with_context(|| format!("{} could not be written", path.display()))
}

fn line(
    Record {
        model,
        executions,
        bound,
    }: &Record,
) -> String {
    format!("{model} {executions} {bound}")
}

fn parse(text: &str) -> Result<Vec<Record>> {
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| parse_line(line).with_context(|| format!("xtask/models.txt: {line}")))
        .collect()
}

fn parse_line(line: &str) -> Result<Record> {
    let [model, executions, bound] = line.split_whitespace().collect::<Vec<_>>()[..] else {
        bail!("a line is a model, its executions and its bound");
    };
    Ok(Record {
        model: model.to_owned(),
        executions: executions.parse()?,
        bound: bound.parse()?,
    })
}

/// The error says what is wrong with a model that ran, `found` being `None` if it failed.
pub(crate) fn compare(model: &str, found: Option<&Record>, records: &[Record]) -> Result<(), String> {
    let Some(found) = found else {
        return Err(format!("{model} failed"));
    };
    if found.executions <= 1 {
        return Err(format!(
            "{model} explored {} execution: it has no second thread",
            found.executions
        ));
    }
    if found.bound < BOUND {
        return Err(format!(
            "{model} ran with the preemption bound {}, {BOUND} is the least",
            found.bound
        ));
    }
    let Some(recorded) = records.iter().find(|record| record.model == model) else {
        return Err(format!(
            "{model} is not recorded: add to xtask/models.txt the line `{}`",
            line(found)
        ));
    };
    if found.bound != recorded.bound {
        return Err(format!(
            "{model} ran with bound {}, recorded is {}",
            found.bound, recorded.bound
        ));
    }
    if found.executions * 10 < recorded.executions * 9 {
        return Err(format!(
            "{model} explored {} executions, {} are recorded: find out what it lost",
            found.executions, recorded.executions
        ));
    }
    if found.executions * 10 > recorded.executions * 11 {
        return Err(format!(
            "{model} explored {} executions, only {} are recorded: `cargo xtask model --record`",
            found.executions, recorded.executions
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(executions: usize, bound: usize) -> Record {
        Record {
            model: "lock::a".into(),
            executions,
            bound,
        }
    }

    #[test]
    fn lines_are_read_as_they_are_written() {
        let records = parse(&format!("{HEAD}\n{}\n", line(&record(12, 2)))).expect("it was just written");
        assert_eq!(records, [record(12, 2)]);
        assert!(parse("lock::a 12").is_err());
        assert!(parse("lock::a many 2").is_err());
    }

    #[test]
    fn a_model_stays_close_to_its_record() {
        let compare = |found: Option<Record>| compare("lock::a", found.as_ref(), &[record(100, 2)]);
        for (executions, is_ok) in [(100, true), (90, true), (89, false), (110, true), (111, false)] {
            assert_eq!(
                compare(Some(record(executions, 2))).is_ok(),
                is_ok,
                "{executions}"
            );
        }
        assert!(compare(Some(record(100, 3))).is_err());
        assert!(compare(None).is_err());
    }

    #[test]
    fn one_execution_or_a_low_bound_is_not_enough_whatever_is_recorded() {
        assert!(compare("lock::a", Some(&record(1, 2)), &[record(1, 2)]).is_err());
        assert!(compare("lock::a", Some(&record(9, 1)), &[record(9, 1)]).is_err());
    }

    #[test]
    fn an_unknown_model_says_which_line_to_add() {
        let problem = compare("lock::a", Some(&record(7, 2)), &[]).expect_err("it is unknown");
        assert!(problem.contains("`lock::a 7 2`"), "{problem}");
    }
}
