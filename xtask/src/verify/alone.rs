//! Each crate by itself: what only builds because another crate has switched on a feature, is found here.

use super::Verify;
use crate::capture::capture;
use crate::outcome::Outcome;
use anyhow::Result;

pub(super) fn check(verify: &mut Verify) -> Result<Outcome> {
    let mut outcome = Outcome::checks("builds");
    for package in verify.workspace.crates() {
        for features in selections(&package.features) {
            let mut check = verify.workspace.cargo("check");
            let ran = capture(check.args(["--package", &package.name]).args(&features))?;
            // A feature less must not leave something unused behind.
            if ran.success && !ran.stderr().any(|line| line.starts_with("warning")) {
                outcome.pass();
            } else {
                outcome.output += &ran.text();
                outcome.fail(format!(
                    "cargo check --package {} {}",
                    package.name,
                    features.join(" ")
                ));
            }
        }
    }
    Ok(outcome)
}

fn selections(features: &[String]) -> Vec<Vec<String>> {
    let none = || "--no-default-features".to_owned();
    let single = features
        .iter()
        .map(|feature| vec![none(), format!("--features={feature}")]);
    [vec![none()]]
        .into_iter()
        .chain(single)
        .chain([vec!["--all-features".to_owned()]])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::selections;

    #[test]
    fn none_each_and_all() {
        let features = ["threads".to_owned(), "async".to_owned()];
        let lines: Vec<String> = selections(&features)
            .iter()
            .map(|selection| selection.join(" "))
            .collect();
        assert_eq!(
            lines,
            [
                "--no-default-features",
                "--no-default-features --features=threads",
                "--no-default-features --features=async",
                "--all-features",
            ]
        );
    }
}
