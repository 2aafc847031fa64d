//! Building, and learning from cargo where the executables are.

use crate::capture::capture;
use anyhow::Result;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// An executable that cargo has built.
#[derive(Debug, PartialEq)]
pub(crate) struct Executable {
    /// The cargo target: an example's name, or a library's with underscores for its unit tests.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// Runs a `cargo build` or `cargo test --no-run`: the executables, or what the compiler complains about.
pub(crate) fn build(command: &mut Command) -> Result<Result<Vec<Executable>, String>> {
    let built = capture(command.arg("--message-format=json-render-diagnostics"))?;
    if !built.success {
        return Ok(Err(built.stderr().map(|line| format!("{line}\n")).collect()));
    }
    Ok(Ok(built.stdout().filter_map(parse).collect()))
}

fn parse(line: &str) -> Option<Executable> {
    let message: Value = serde_json::from_str(line).ok()?;
    let name = message["target"]["name"].as_str()?.to_owned();
    let path = PathBuf::from(message["executable"].as_str()?);
    Some(Executable { name, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_artifacts_with_an_executable_count() {
        let library = r#"{"reason":"compiler-artifact","target":{"name":"trine"},"executable":null}"#;
        let example =
            r#"{"reason":"compiler-artifact","target":{"name":"demo"},"executable":"/target/demo"}"#;
        assert_eq!(parse(library), None);
        assert_eq!(parse("not JSON"), None);
        assert_eq!(
            parse(example),
            Some(Executable {
                name: "demo".into(),
                path: "/target/demo".into()
            })
        );
    }
}
