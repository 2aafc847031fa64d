//! Reading what test harnesses print.

/// The sum of what libtest printed for some test executables.
#[derive(Default)]
pub(crate) struct TestOutput {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    /// The full names of the tests that passed.
    pub(crate) names: Vec<String>,
}

impl TestOutput {
    pub(crate) fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut output = Self::default();
        for line in lines {
            if let Some(name) = passed_name(line) {
                output.names.push(name.to_owned());
            } else if let Some(result) = line.strip_prefix("test result: ") {
                output.passed += count(result, "passed");
                output.failed += count(result, "failed");
            }
        }
        output
    }
}

/// `NAME` of `test NAME ... ok`.
fn passed_name(line: &str) -> Option<&str> {
    let name = line.strip_prefix("test ")?.strip_suffix(" ... ok")?;
    Some(name.strip_suffix(" - should panic").unwrap_or(name))
}

/// 3 of `ok. 3 passed; 0 failed; …`, for "passed".
fn count(result: &str, what: &str) -> usize {
    let words: Vec<&str> = result.split([' ', ';']).collect();
    let pairs = words.windows(2);
    pairs
        .filter(|pair| pair[1] == what)
        .find_map(|pair| pair[0].parse().ok())
        .unwrap_or(0)
}

/// A file that trybuild compiled.
#[derive(Debug, PartialEq)]
pub(crate) struct Case {
    /// As printed: a path ending in `.rs`.
    pub(crate) file: String,
    pub(crate) ok: bool,
}

/// Trybuild writes past libtest's capture, so that its cases are found in the error output of `cargo test`.
pub(crate) fn trybuild_cases<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Case> {
    lines.filter_map(trybuild_case).collect()
}

fn trybuild_case(line: &str) -> Option<Case> {
    let (case, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let file = case.split(" [").next()?;
    file.ends_with(".rs").then(|| Case {
        file: file.to_owned(),
        ok: result == "ok",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_results_are_summed() {
        let output = "\
running 3 tests
test state::tests::done_is_final ... ok
test panics - should panic ... ok
test broken ... FAILED

test result: FAILED. 2 passed; 1 failed; 4 ignored; 0 measured; 0 filtered out; finished in 0.01s
test result: ok. 10 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s";
        let output = TestOutput::parse(output.lines());
        assert_eq!((output.passed, output.failed), (12, 1));
        assert_eq!(output.names, ["state::tests::done_is_final", "panics"]);
    }

    #[test]
    fn trybuild_cases_are_not_libtest_names() {
        let output = "\
    Checking trine-tests v0.0.0
test ui/capturing_closure.rs [should fail to compile] ... ok
test ui/twin.rs [should pass] ... error
test compile_fail ... ok";
        let case = |file: &str, ok| Case {
            file: file.to_owned(),
            ok,
        };
        assert_eq!(
            trybuild_cases(output.lines()),
            [case("ui/capturing_closure.rs", true), case("ui/twin.rs", false)]
        );
    }
}
