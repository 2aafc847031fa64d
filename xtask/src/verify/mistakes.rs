//! The README's table of mistakes: each line names a test, and that test has run.

use super::Verify;
use crate::outcome::Outcome;
use crate::test_output::Case;
use anyhow::{Context, Result};
use std::fs;

const ROWS: usize = 5;

pub(super) fn check(verify: &mut Verify) -> Result<Outcome> {
    let path = verify.workspace.root.join("README.md");
    let text = fs::read_to_string(&path).with_context(|| format!("{} could not be read", path.display()))?;
    let mut outcome = Outcome::checks("names");
    let rows = tests_named(&text);
    if rows.len() < ROWS {
        outcome.problems.push(format!(
            "README.md: the table of mistakes has {} rows, not {ROWS}",
            rows.len()
        ));
    }
    for Row { line, tests } in rows {
        if tests.is_empty() {
            outcome.fail(format!("README.md:{line}: the last column names no test"));
        }
        for test in tests {
            let passed = verify.tests.names.iter().any(|name| is_named(name, test));
            if passed || verify.compile_fail.iter().any(|case| is_case(case, test)) {
                outcome.pass();
            } else {
                outcome.fail(format!(
                    "README.md:{line}: the test `{test}` did not run, or failed"
                ));
            }
        }
    }
    Ok(outcome)
}

#[derive(Debug, PartialEq)]
struct Row<'a> {
    /// Counted from 1.
    line: usize,
    tests: Vec<&'a str>,
}

/// The names in backticks of the last column of the first table below a heading about mistakes.
fn tests_named(markdown: &str) -> Vec<Row<'_>> {
    let is_heading = |text: &str| text.starts_with('#') && text.to_lowercase().contains("mistakes");
    markdown
        .lines()
        .enumerate()
        .skip_while(|(_, text)| !is_heading(text))
        .skip_while(|(_, text)| !text.starts_with('|'))
        .take_while(|(_, text)| text.starts_with('|'))
        // The head and the line below it.
        .skip(2)
        .map(|(number, text)| {
            let last = text
                .trim_end()
                .trim_end_matches('|')
                .rsplit('|')
                .next()
                .unwrap_or_default();
            Row {
                line: number + 1,
                tests: last.split('`').skip(1).step_by(2).collect(),
            }
        })
        .collect()
}

/// Whether a test's full name is `test`, or ends with it.
fn is_named(name: &str, test: &str) -> bool {
    name.strip_suffix(test)
        .is_some_and(|before| before.is_empty() || before.ends_with("::"))
}

/// Whether `test` is a compile-fail case, given as its file, with or without the folder and the `.rs`.
fn is_case(case: &Case, test: &str) -> bool {
    let file = case.file.strip_suffix(".rs").unwrap_or(&case.file);
    let test = test.strip_suffix(".rs").unwrap_or(test);
    case.ok
        && file
            .strip_suffix(test)
            .is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_column_is_read() {
        let markdown = "\
# Trine
| a | `not_this` |
|---|---|
| b | `nor_this` |

## The five common mistakes
Some words.

| mistake | Trine | test |
|---|---|---|
| threads for `CPU` | parallel | `threads_run`, `mixed::two` |
| no guard | none needed | to do |

| another | `table` |
";
        assert_eq!(
            tests_named(markdown),
            [
                Row {
                    line: 11,
                    tests: vec!["threads_run", "mixed::two"]
                },
                Row {
                    line: 12,
                    tests: vec![]
                },
            ]
        );
        assert_eq!(tests_named("# Trine\n| a | `b` |\n|---|---|\n| c | `d` |"), []);
    }

    #[test]
    fn a_test_is_found_by_the_end_of_its_name() {
        assert!(is_named("mixed::no_guard", "no_guard"));
        assert!(is_named("mixed::no_guard", "mixed::no_guard"));
        assert!(!is_named("mixed::has_no_guard", "no_guard"));
        let case = |ok| Case {
            file: "ui/lock_is_needed.rs".into(),
            ok,
        };
        assert!(is_case(&case(true), "lock_is_needed"));
        assert!(is_case(&case(true), "ui/lock_is_needed.rs"));
        assert!(!is_case(&case(true), "is_needed"));
        assert!(!is_case(&case(false), "lock_is_needed"));
    }
}
