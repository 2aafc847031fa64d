//! What one step of `verify` found.

#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    /// What was counted: "tests", "files".
    pub(crate) unit: &'static str,
    /// Whether the count belongs into the sum of tests.
    pub(crate) are_tests: bool,
    /// What is wrong, and what to do about it, a line each.
    pub(crate) problems: Vec<String>,
    /// What the commands printed: shown if the step fails.
    pub(crate) output: String,
    /// What is worth reading even if the step passes.
    pub(crate) report: String,
}

impl Outcome {
    pub(crate) fn tests(unit: &'static str) -> Self {
        Self {
            unit,
            are_tests: true,
            ..Self::default()
        }
    }

    pub(crate) fn checks(unit: &'static str) -> Self {
        Self {
            unit,
            ..Self::default()
        }
    }

    pub(crate) fn pass(&mut self) {
        self.passed += 1;
    }

    pub(crate) fn fail(&mut self, problem: impl Into<String>) {
        self.failed += 1;
        self.problems.push(problem.into());
    }

    /// A step that looked at nothing has shown nothing.
    pub(crate) fn is_ok(&self) -> bool {
        self.failed == 0 && self.problems.is_empty() && self.passed > 0
    }

    /// The tests that failed; a step that failed without one counts as one.
    pub(crate) fn failed_tests(&self) -> usize {
        if self.is_ok() {
            0
        } else if self.are_tests {
            self.failed.max(1)
        } else {
            1
        }
    }

    pub(crate) fn passed_tests(&self) -> usize {
        if self.are_tests { self.passed } else { 0 }
    }

    pub(crate) fn count(&self) -> String {
        match self.passed + self.failed {
            1 => format!("1 {}", self.unit.trim_end_matches('s')),
            count => format!("{count} {}", self.unit),
        }
    }

    /// Everything there is to say, ready to print.
    pub(crate) fn details(&self) -> String {
        let mut text = String::new();
        if !self.is_ok() {
            text += &self.output;
        }
        text += &self.report;
        for problem in &self.problems {
            text += &format!("- {problem}\n");
        }
        if self.passed + self.failed == 0 {
            text += &format!("- 0 {} were looked at\n", self.unit);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn a_step_without_any_test_fails() {
        let outcome = Outcome::tests("tests");
        assert!(!outcome.is_ok());
        assert_eq!(outcome.failed_tests(), 1);
        assert!(outcome.details().contains("0 tests were looked at"));
    }

    #[test]
    fn a_problem_fails_a_step_whose_tests_passed() {
        let mut outcome = Outcome::tests("tests");
        outcome.pass();
        assert!(outcome.is_ok());
        outcome.problems.push("ignored".into());
        assert!(!outcome.is_ok());
        assert_eq!((outcome.passed_tests(), outcome.failed_tests()), (1, 1));
    }

    #[test]
    fn checks_are_not_counted_as_tests() {
        let mut outcome = Outcome::checks("files");
        outcome.pass();
        assert_eq!((outcome.passed_tests(), outcome.failed_tests()), (0, 0));
        outcome.fail("a file is too long");
        outcome.fail("another one, too");
        assert_eq!((outcome.passed_tests(), outcome.failed_tests()), (0, 1));
    }
}
