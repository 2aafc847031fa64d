//! Where a worker's entry has to work: programs and libraries that are built, started and loaded in all sorts of ways.
//!
//! `src/where_it_works.md` of `trine-processes` is the table of it.

mod ways;

use super::Verify;
use crate::capture::{Captured, capture};
use crate::outcome::Outcome;
use crate::workspace::cargo;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::{env, fs};

/// The packages that are built of `xtask/entry`, each of its `NAME.rs`: what kind it is, and what it depends on.
const PACKAGES: &[(&str, &str, &str)] = &[
    (
        "plain",
        "[[bin]]",
        "trine-processes = { path = \"ROOT/crates/trine-processes\" }",
    ),
    (
        "plugin",
        "[lib]\ncrate-type = [\"cdylib\"]",
        "trine-processes = { path = \"ROOT/crates/trine-processes\" }",
    ),
    (
        "archive",
        "[lib]\ncrate-type = [\"staticlib\"]",
        "trine-processes = { path = \"ROOT/crates/trine-processes\" }",
    ),
    ("host", "[[bin]]", ""),
    (
        "versions",
        "[[bin]]",
        "this_version = { package = \"trine-processes\", path = \"ROOT/crates/trine-processes\" }\n\
         next_version = { package = \"trine-processes\", path = \"../trine-processes\" }",
    ),
];

/// The version of the copy of `trine-processes` that is another version than this one.
const NEXT_VERSION: &str = "0.9.0";

pub(super) fn check(verify: &mut Verify) -> Result<Outcome> {
    let folder = env::temp_dir().join(format!("trine-entry-{}", process::id()));
    let root = &verify.workspace.root;
    write_workspace(root, &folder)?;
    // What `outside` has built is built.
    let target = verify.workspace.target.join("outside");
    let mut outcome = Outcome::tests("ways");
    let programs = build(&folder, &target)?;
    let statics = build_static(&folder, &target)?;
    let cpp = build_cpp(root, &programs, &folder)?;
    let (ways, not_tried) = ways::all(&programs, &statics, &folder, cpp.as_deref())?;
    outcome.report += &not_tried;
    for way in ways {
        let ran = shell(&way.command)?;
        let lines: Vec<_> = ran.stdout().collect();
        let is_expected = |(line, expected): (&&str, &&str)| line.contains(expected);
        if lines.len() == way.expected.len() && lines.iter().zip(way.expected).all(is_expected) {
            outcome.pass();
        } else {
            outcome.output += &ran.text();
            outcome.fail(format!(
                "{}: expected {:?} of {}",
                way.name, way.expected, way.command
            ));
        }
    }
    fs::remove_dir_all(&folder).with_context(|| format!("{} could not be removed", folder.display()))?;
    Ok(outcome)
}

fn shell(command: &str) -> Result<Captured> {
    capture(Command::new("sh").arg("-c").arg(command))
}

/// Builds the programs, and returns the folder that they are in.
fn build(folder: &Path, target: &Path) -> Result<PathBuf> {
    cargo_build(folder, target, |cargo| {
        cargo.args(PACKAGES.iter().flat_map(|(name, ..)| ["--package", name]))
    })?;
    Ok(target.join("debug"))
}

/// Builds the plain program without dynamic libraries, and optimised when it is linked.
fn build_static(folder: &Path, target: &Path) -> Result<PathBuf> {
    let host = capture(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let host = host.stdout().next().context("rustc names no host")?.to_owned();
    // With it, C libraries that can be linked statically come along.
    let musl = host.replace("-gnu", "-musl");
    let installed = capture(Command::new("rustc").args(["--print", "target-libdir", "--target", &musl]))?;
    let has_musl = installed.stdout().any(|path| Path::new(path).exists());
    let tuple = if has_musl { musl } else { host };
    cargo_build(folder, target, |cargo| {
        cargo
            .args(["--package", "plain", "--target", &tuple])
            .env("RUSTFLAGS", "-C target-feature=+crt-static")
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .env("CARGO_PROFILE_DEV_LTO", "fat")
            .env("CARGO_PROFILE_DEV_PANIC", "abort")
            .env("CARGO_PROFILE_DEV_STRIP", "true")
    })?;
    Ok(target.join(tuple).join("debug"))
}

/// Builds the C++ program around the library, and returns its path. Nothing without a compiler.
fn build_cpp(root: &Path, programs: &Path, folder: &Path) -> Result<Option<PathBuf>> {
    if !shell("c++ --version")?.success {
        return Ok(None);
    }
    let program = folder.join("cpp");
    let [sources, programs] = [&root.join("xtask/entry"), programs].map(|path| path.display().to_string());
    let built = shell(&format!(
        "c++ -pthread -o {} {sources}/early.cpp {programs}/libarchive.a {sources}/late.cpp -ldl -lm",
        program.display()
    ))?;
    if !built.success {
        bail!("the C++ program of xtask/entry does not build:\n{}", built.text());
    }
    Ok(Some(program))
}

fn cargo_build(
    folder: &Path,
    target: &Path,
    options: impl FnOnce(&mut Command) -> &mut Command,
) -> Result<()> {
    let built = capture(options(
        cargo("build").current_dir(folder).env("CARGO_TARGET_DIR", target),
    ))?;
    if !built.success {
        bail!("the programs of xtask/entry do not build:\n{}", built.text());
    }
    Ok(())
}

/// A copy of this workspace's settings, of another version, with a copy of `trine-processes` and the packages.
fn write_workspace(root: &Path, folder: &Path) -> Result<()> {
    let root_path = root.to_str().context("the checkout's path is not Unicode")?;
    let settings = fs::read_to_string(root.join("Cargo.toml"))?;
    let settings: String = settings
        .lines()
        .map(|line| match line {
            _ if line.starts_with("members = ") => "members = [\"*\"]\n".to_owned(),
            _ if line.starts_with("version = ") => format!("version = \"{NEXT_VERSION}\"\n"),
            _ => line.replace("path = \"", &format!("path = \"{root_path}/")) + "\n",
        })
        .collect();
    let copy = folder.join("trine-processes");
    copy_folder(&root.join("crates/trine-processes/src"), &copy.join("src"))?;
    fs::copy(
        root.join("crates/trine-processes/Cargo.toml"),
        copy.join("Cargo.toml"),
    )?;
    fs::write(folder.join("Cargo.toml"), settings)?;
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    for (name, kind, dependencies) in PACKAGES {
        let dependencies = dependencies.replace("ROOT", root_path);
        let path = root.join("xtask/entry").join(format!("{name}.rs"));
        fs::create_dir(folder.join(name))?;
        fs::write(
            folder.join(name).join("Cargo.toml"),
            format!(
                "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n{kind}\nname = \"{name}\"\npath = {path:?}\n\n\
                 [dependencies]\n{dependencies}\n"
            ),
        )?;
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
