//! Programs that depend on one of our crates, each in a crate of its own outside of the workspace, as users have it.
//!
//! Inside, features unify, and hide what a crate forgot to ask for.

use super::Verify;
use crate::capture::{Captured, capture};
use crate::outcome::Outcome;
use crate::workspace::cargo;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::{env, fs};

/// A program `xtask/outside/NAME.rs`, whose first line is `// prints: LINE`.
struct Program {
    name: &'static str,
    depends_on: &'static str,
    /// The features that it asks for, instead of the default ones.
    features: Option<&'static [&'static str]>,
    /// Crates of others that it names, as lines of its manifest.
    beside: &'static [&'static str],
    /// What must not come with it, however far down.
    without: &'static [&'static str],
}

/// With the default features.
const fn program(depends_on: &'static str, without: &'static [&'static str]) -> Program {
    Program {
        name: depends_on,
        depends_on,
        features: None,
        beside: &[],
        without,
    }
}

const PROGRAMS: &[Program] = &[
    program("trine", &["loom"]),
    program(
        "trine-threads",
        &["loom", "serde", "tokio", "ipc-channel", "postcard"],
    ),
    program("trine-processes", &["loom", "tokio", "crossbeam-deque"]),
    program(
        "trine-async",
        &["loom", "serde", "ipc-channel", "crossbeam-deque"],
    ),
    program(
        "trine-future",
        &["loom", "serde", "tokio", "ipc-channel", "crossbeam-deque"],
    ),
    program(
        "trine-lock",
        &["loom", "serde", "tokio", "ipc-channel", "crossbeam-deque"],
    ),
    Program {
        name: "stream",
        depends_on: "trine",
        features: Some(&["threads", "stream"]),
        beside: &["futures-core = { version = \"0.3\", default-features = false }"],
        without: &["loom", "serde", "tokio", "ipc-channel"],
    },
];

pub(super) fn check(verify: &mut Verify) -> Result<Outcome> {
    let folder = env::temp_dir().join(format!("trine-outside-{}", process::id()));
    let mut outcome = Outcome::tests("programs");
    for program in PROGRAMS {
        let crate_folder = folder.join(program.name);
        let (ran, problem) = run(verify, program, &crate_folder)?;
        match problem {
            None => outcome.pass(),
            Some(problem) => {
                outcome.output += &ran.text();
                outcome.fail(format!("xtask/outside/{}.rs: {problem}", program.name));
            }
        }
    }
    fs::remove_dir_all(&folder).with_context(|| format!("{} could not be removed", folder.display()))?;
    Ok(outcome)
}

/// The last command that ran, and what is wrong.
fn run(verify: &Verify, program: &Program, folder: &Path) -> Result<(Captured, Option<String>)> {
    let root = &verify.workspace.root;
    let source = root.join("xtask/outside").join(format!("{}.rs", program.name));
    let text =
        fs::read_to_string(&source).with_context(|| format!("{} could not be read", source.display()))?;
    let expected = expected(&text).context("an outside program begins with `// prints: LINE`")?;
    fs::create_dir_all(folder.join("src"))
        .with_context(|| format!("{} could not be made", folder.display()))?;
    fs::write(folder.join("Cargo.toml"), manifest(program, root)?)?;
    fs::write(folder.join("src/main.rs"), &text)?;
    // Cargo makes its own lock file of this: without what it doesn't need, and without looking for newer versions.
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;

    let target = verify.workspace.target.join("outside");
    let outside =
        |command: &mut Command| capture(command.current_dir(folder).env("CARGO_TARGET_DIR", &target));
    let ran = outside(cargo("run").arg("--quiet"))?;
    if !ran.success {
        return Ok((ran, Some("it does not build or run".into())));
    }
    if !ran.stdout().any(|line| line == expected) {
        return Ok((ran, Some(format!("it does not print {expected}"))));
    }
    let tree =
        outside(cargo("tree").args(["--package", program.depends_on, "--edges=normal", "--prefix=none"]))?;
    let problem = if tree.success {
        unwanted(tree.stdout(), program.without).map(|name| format!("{} pulls in {name}", program.depends_on))
    } else {
        Some("cargo tree failed".into())
    };
    Ok((tree, problem))
}

fn expected(source: &str) -> Option<&str> {
    source.lines().next()?.strip_prefix("// prints: ")
}

fn manifest(program: &Program, root: &Path) -> Result<String> {
    let Program { name, depends_on, .. } = program;
    let path: PathBuf = root.join("crates").join(depends_on);
    let path = path.to_str().context("the checkout's path is not Unicode")?;
    let features = match program.features {
        Some(features) => format!(", default-features = false, features = {features:?}"),
        None => String::new(),
    };
    let beside = program.beside.join("\n");
    // The empty table keeps cargo from looking for a workspace in the folders above.
    Ok(format!(
        "[package]\nname = \"outside-{name}\"\nedition = \"2024\"\n\n\
         [dependencies]\n{depends_on} = {{ path = {path:?}{features} }}\n{beside}\n\n\
         [workspace]\n\n[profile.dev]\ndebug = false\n"
    ))
}

/// The first package of `cargo tree` that is not wanted.
fn unwanted<'a>(tree: impl Iterator<Item = &'a str>, without: &[&str]) -> Option<&'a str> {
    tree.filter_map(|line| line.split(' ').next())
        .find(|name| without.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_says_what_is_printed() {
        assert_eq!(expected("// prints: [1, 2, 3]\nfn main() {}"), Some("[1, 2, 3]"));
        assert_eq!(expected("fn main() {}"), None);
    }

    #[test]
    fn an_unwanted_package_is_found_by_its_whole_name() {
        let tree = [
            "trine-threads v0.1.0 (/checkout)",
            "serde_fake v1.0.0",
            "tokio v1.0.0",
        ];
        assert_eq!(unwanted(tree.into_iter(), &["serde", "tokio"]), Some("tokio"));
        assert_eq!(unwanted(tree.into_iter(), &["serde"]), None);
    }
}
