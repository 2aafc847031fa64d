//! `xtask/rows.txt`: the rows of the catalogue, and what is wanted of each.

use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeSet;

#[derive(Debug, PartialEq)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) want: Want,
}

#[derive(Debug, PartialEq)]
pub(super) enum Want {
    Test,
    /// No test, for this reason.
    Waived(String),
    /// A test, once there is this part.
    Later(String),
}

/// The letters that ids begin with.
pub(super) fn groups(rows: &[Row]) -> BTreeSet<char> {
    rows.iter().filter_map(|row| row.id.chars().next()).collect()
}

pub(super) fn parse(text: &str) -> Result<Vec<Row>> {
    let rows = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| row(line).with_context(|| format!("the line `{line}`")))
        .collect::<Result<Vec<_>>>()?;
    for pair in rows.windows(2) {
        let [before, after] = pair else { continue };
        ensure!(
            before.id < after.id,
            "{} stands before {}: sort the lines, each row once",
            before.id,
            after.id
        );
    }
    Ok(rows)
}

fn row(line: &str) -> Result<Row> {
    let (id, rest) = line.split_once(' ').unwrap_or((line, ""));
    let number = id.trim_start_matches(|letter: char| letter.is_ascii_uppercase());
    ensure!(
        id.len() == number.len() + 1
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit()),
        "an id is a letter and a number"
    );
    let want = match rest.split_once(": ") {
        None if rest.is_empty() => Want::Test,
        Some((_, "")) => bail!("a mark says why"),
        Some(("waived", reason)) => Want::Waived(reason.to_owned()),
        Some(("later", part)) => Want::Later(part.to_owned()),
        _ => bail!("behind the id stands nothing, `waived: <reason>` or `later: <part>`"),
    };
    Ok(Row {
        id: id.to_owned(),
        want,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_kinds_of_lines_are_read() {
        let rows = parse("# head\nA042 later: async\n\nF01\nF02 waived: a: b\n").expect("it is well formed");
        let row = |id: &str, want| Row {
            id: id.to_owned(),
            want,
        };
        assert_eq!(
            rows,
            [
                row("A042", Want::Later("async".to_owned())),
                row("F01", Want::Test),
                row("F02", Want::Waived("a: b".to_owned())),
            ]
        );
        assert_eq!(groups(&rows), BTreeSet::from(['A', 'F']));
    }

    #[test]
    fn what_is_not_a_list_is_an_error() {
        for text in [
            "F02\nF01",
            "F01\nF01",
            "F01 waived",
            "F01 because: b",
            "01",
            "FF01",
            "F0a",
            "F01 waived: ",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
