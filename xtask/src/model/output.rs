//! The lines that `trine_platform::model::check` prints around a model.

use super::Record;

/// One model in a test's output.
#[derive(Debug, PartialEq)]
pub(crate) struct Printed {
    pub(crate) model: String,
    /// `None` if the model began and did not end.
    pub(crate) record: Option<Record>,
}

/// Libtest prints `test …` on the same line, so that the marks are looked for within lines.
pub(crate) fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Printed> {
    let mut printed: Vec<Printed> = Vec::new();
    for line in lines {
        if let Some(model) = word_behind(line, "model-begin ") {
            printed.push(Printed {
                model: model.to_owned(),
                record: None,
            });
        } else if let Some(record) = record(line)
            && let Some(begun) = printed.iter_mut().find(|begun| begun.model == record.model)
        {
            begun.record = Some(record);
        }
    }
    printed
}

fn record(line: &str) -> Option<Record> {
    let model = word_behind(line, "model-end ")?.to_owned();
    let executions = word_behind(line, " executions=")?.parse().ok()?;
    let bound = word_behind(line, " bound=")?.parse().ok()?;
    Some(Record {
        model,
        executions,
        bound,
    })
}

fn word_behind<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    let (_, behind) = line.split_once(mark)?;
    behind.split_whitespace().next()
}

/// Whether what a seeded bug's test printed means that `model` has caught it. The error says why not.
pub(crate) fn judge_mutant(model: &str, passed: bool, printed: &[Printed]) -> Result<(), String> {
    match printed {
        [only] if only.model == model => {}
        [] => return Err(format!("{model} did not begin")),
        _ => return Err(format!("it is not {model} alone that ran")),
    }
    if printed.iter().any(|printed| printed.record.is_some()) {
        return Err(format!(
            "{model} does not see the bug: it explored everything and passed"
        ));
    }
    if passed {
        return Err(format!(
            "{model} began, did not end, and its test passed all the same"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
running 2 tests
test parker::models::unpark_is_not_lost ... model-begin parker::unpark_is_not_lost
model-end parker::unpark_is_not_lost executions=12 bound=2
ok
test models::panics ... model-begin lock::panics
thread 'models::panics' panicked";

    fn lost() -> Record {
        Record {
            model: "parker::unpark_is_not_lost".into(),
            executions: 12,
            bound: 2,
        }
    }

    #[test]
    fn begun_and_ended_models_are_told_apart() {
        assert_eq!(
            parse(OUTPUT.lines()),
            [
                Printed {
                    model: "parker::unpark_is_not_lost".into(),
                    record: Some(lost())
                },
                Printed {
                    model: "lock::panics".into(),
                    record: None
                },
            ]
        );
    }

    #[test]
    fn a_mutant_is_caught_only_by_the_model_it_names() {
        let panicked = || Printed {
            model: "a::b".into(),
            record: None,
        };
        let explored = || Printed {
            model: lost().model,
            record: Some(lost()),
        };
        assert!(judge_mutant("a::b", false, &[panicked()]).is_ok());
        for (model, passed, printed) in [
            ("a::b", false, vec![]),
            ("a::c", false, vec![panicked()]),
            ("a::b", false, vec![panicked(), explored()]),
            ("parker::unpark_is_not_lost", true, vec![explored()]),
            ("parker::unpark_is_not_lost", false, vec![explored()]),
            ("a::b", true, vec![panicked()]),
        ] {
            assert!(
                judge_mutant(model, passed, &printed).is_err(),
                "{model} {passed} {printed:?}"
            );
        }
    }
}
