//! `cargo xtask rows`: whether each behaviour of the catalogue has a test.
//!
//! The catalogue numbers the behaviours of executors and futures in groups, `F01` or `A042`. A test covers the rows that
//! its name begins with: `f01_f02_a_callback_runs`. `xtask/rows.txt` lists all rows, and why some have no test.

mod ids;
mod list;

use crate::outcome::Outcome;
use crate::source;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use list::{Row, Want};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

const FILE: &str = "xtask/rows.txt";

/// What a test's name says, and where the test is.
struct Claim {
    id: String,
    place: String,
}

pub(crate) fn run() -> Result<bool> {
    let workspace = Workspace::load()?;
    let rows = rows(&workspace)?;
    let claims = claims(&workspace, &rows)?;
    print!("{}", lists(&rows, &claims));
    let outcome = judge(&rows, &claims);
    print!("{}", outcome.details());
    Ok(outcome.is_ok())
}

pub(crate) fn check(workspace: &Workspace) -> Result<Outcome> {
    let rows = rows(workspace)?;
    Ok(judge(&rows, &claims(workspace, &rows)?))
}

fn rows(workspace: &Workspace) -> Result<Vec<Row>> {
    let text =
        fs::read_to_string(workspace.root.join(FILE)).with_context(|| format!("{FILE} could not be read"))?;
    list::parse(&text).context(FILE)
}

fn claims(workspace: &Workspace, rows: &[Row]) -> Result<Vec<Claim>> {
    let groups = list::groups(rows);
    let mut claims = Vec::new();
    for source in source::all(&workspace.root)? {
        for (name, line) in source.tests() {
            claims.extend(ids::named(name, &groups).map(|id| Claim {
                id,
                place: format!("{}:{line}", source.path),
            }));
        }
    }
    Ok(claims)
}

fn judge(rows: &[Row], claims: &[Claim]) -> Outcome {
    let mut outcome = Outcome::checks("rows");
    let (mut covered, mut missing, mut waived, mut later) = (0, 0, 0, 0);
    for Row { id, want } in rows {
        let test = claims.iter().find(|claim| claim.id == *id);
        let problem = match (want, test) {
            (Want::Test, Some(_)) => {
                covered += 1;
                None
            }
            (Want::Test, None) => {
                missing += 1;
                let prefix = id.to_lowercase();
                Some(format!(
                    "{id} has no test: write one whose name begins with `{prefix}_`, or say in {FILE} why there is none"
                ))
            }
            (Want::Waived(_), test) => {
                waived += 1;
                test.map(|Claim { place, .. }| {
                    format!("{id} is waived, but has a test, {place}: mend {FILE}")
                })
            }
            (Want::Later(_), test) => {
                later += 1;
                test.map(|Claim { place, .. }| {
                    format!("{id} has its test by now, {place}: take the mark out of {FILE}")
                })
            }
        };
        match problem {
            None => outcome.pass(),
            Some(problem) => outcome.fail(problem),
        }
    }
    let mut unknown = 0;
    for Claim { id, place } in claims {
        if rows.iter().all(|row| row.id != *id) {
            unknown += 1;
            outcome.problems.push(format!(
                "{place}: there is no row {id}: name the right one, or begin the name with something else"
            ));
        }
    }
    outcome.report = format!(
        "{covered} covered, {missing} missing, {unknown} unknown, {waived} waived, {later} planned for later\n"
    );
    outcome
}

/// The rows by what is known of them, but for those that are wrong.
fn lists(rows: &[Row], claims: &[Claim]) -> String {
    let tested: BTreeSet<&str> = claims.iter().map(|claim| claim.id.as_str()).collect();
    let (mut covered, mut waived, mut later) = (Vec::new(), String::new(), BTreeMap::new());
    for Row { id, want } in rows {
        match want {
            Want::Test if tested.contains(id.as_str()) => covered.push(id.as_str()),
            Want::Test => {}
            Want::Waived(reason) => waived += &format!("  {id}: {reason}\n"),
            Want::Later(part) => later.entry(part).or_insert_with(Vec::new).push(id.as_str()),
        }
    }
    let later: String = later
        .iter()
        .map(|(part, ids)| format!("  {part}: {}\n", ids.join(" ")))
        .collect();
    format!("covered: {}\nwaived:\n{waived}later:\n{later}", covered.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "F01\nF02 waived: nobody wants it\nF03 later: threads\n";

    fn judged(list: &str, ids: &[&str]) -> Outcome {
        let claims: Vec<Claim> = ids
            .iter()
            .map(|id| Claim {
                id: (*id).to_owned(),
                place: "a.rs:1".to_owned(),
            })
            .collect();
        judge(&list::parse(list).expect("it is well formed"), &claims)
    }

    #[test]
    fn a_list_that_is_true_passes() {
        let outcome = judged(LIST, &["F01", "F01"]);
        assert!(outcome.is_ok());
        assert_eq!(
            outcome.report,
            "1 covered, 0 missing, 0 unknown, 1 waived, 1 planned for later\n"
        );
    }

    #[test]
    fn each_untruth_is_one_problem() {
        for (ids, word) in [
            (&[][..], "F01 has no test"),
            (&["F01", "F02"], "F02 is waived"),
            (&["F01", "F03"], "F03 has its test by now"),
            (&["F01", "F04"], "no row F04"),
        ] {
            let outcome = judged(LIST, ids);
            assert!(!outcome.is_ok());
            assert_eq!(outcome.problems.len(), 1);
            assert!(outcome.problems[0].contains(word), "{}", outcome.problems[0]);
        }
    }

    #[test]
    fn the_lists_name_rows_with_their_reasons() {
        let rows = list::parse(LIST).expect("it is well formed");
        assert_eq!(
            lists(&rows, &[]),
            "covered: \nwaived:\n  F02: nobody wants it\nlater:\n  threads: F03\n"
        );
    }
}
