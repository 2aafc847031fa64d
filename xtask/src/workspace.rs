//! The checkout, as `cargo metadata` describes it.

use crate::capture::capture;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

pub(crate) struct Package {
    pub(crate) name: String,
    /// Relative to the root.
    pub(crate) folder: PathBuf,
    pub(crate) features: Vec<String>,
    pub(crate) examples: Vec<String>,
}

impl Workspace {
    /// Fails if `Cargo.lock` is not up to date.
    pub(crate) fn load() -> Result<Self> {
        let found = capture(cargo("metadata").args(["--locked", "--no-deps", "--format-version", "1"]))?;
        if !found.success {
            bail!("cargo metadata failed:\n{}", found.text());
        }
        let json = found.stdout().next().context("cargo metadata printed nothing")?;
        Self::parse(json)
    }

    fn parse(json: &str) -> Result<Self> {
        let json: Value = serde_json::from_str(json).context("cargo metadata printed no JSON")?;
        let root = PathBuf::from(text(&json["workspace_root"])?);
        let target = PathBuf::from(text(&json["target_directory"])?);
        let packages = list(&json["packages"])?
            .iter()
            .map(|package| Package::parse(package, &root))
            .collect::<Result<_>>()?;
        Ok(Self {
            root,
            target,
            packages,
        })
    }

    /// A cargo command on the whole checkout that does not touch `Cargo.lock`.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        let mut command = cargo(subcommand);
        command.arg("--locked").current_dir(&self.root);
        command
    }

    /// The packages that are published, those in `crates/`.
    pub(crate) fn crates(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| package.folder.starts_with("crates"))
    }
}

impl Package {
    fn parse(json: &Value, root: &Path) -> Result<Self> {
        let manifest = Path::new(text(&json["manifest_path"])?);
        let folder = manifest
            .parent()
            .and_then(|folder| folder.strip_prefix(root).ok())
            .with_context(|| format!("{} is outside of the checkout", manifest.display()))?;
        let features = json["features"]
            .as_object()
            .context("a package without features")?;
        let examples = list(&json["targets"])?
            .iter()
            .filter(|target| target["kind"][0] == "example")
            .map(|target| text(&target["name"]).map(str::to_owned))
            .collect::<Result<_>>()?;
        Ok(Self {
            name: text(&json["name"])?.to_owned(),
            folder: folder.to_owned(),
            features: features
                .keys()
                .filter(|name| *name != "default")
                .cloned()
                .collect(),
            examples,
        })
    }
}

/// A cargo command whose output can be read by a program, and that the caller's environment does not change.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .arg(subcommand)
        .env("CARGO_TERM_COLOR", "never")
        .env("NO_COLOR", "1")
        // What is built once and from nothing is built sooner so, and is smaller.
        .env("CARGO_INCREMENTAL", "0")
        .env_remove("RUST_TEST_NOCAPTURE")
        // Would make compile-fail tests accept whatever message there is.
        .env_remove("TRYBUILD");
    command
}

fn text(json: &Value) -> Result<&str> {
    json.as_str().context("cargo metadata lacks a string")
}

fn list(json: &Value) -> Result<&Vec<Value>> {
    json.as_array().context("cargo metadata lacks a list")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_read() {
        let workspace = Workspace::parse(
            r#"{"workspace_root": "/checkout", "target_directory": "/elsewhere", "packages": [
                {"name": "trine", "manifest_path": "/checkout/crates/trine/Cargo.toml",
                 "features": {"default": ["threads"], "threads": []},
                 "targets": [{"kind": ["lib"], "name": "trine"}, {"kind": ["example"], "name": "demo"}]},
                {"name": "xtask", "manifest_path": "/checkout/xtask/Cargo.toml", "features": {}, "targets": []}
            ]}"#,
        )
        .expect("it is well formed");
        assert_eq!(workspace.target, Path::new("/elsewhere"));
        let crates: Vec<&Package> = workspace.crates().collect();
        assert_eq!(crates.len(), 1);
        assert_eq!(crates[0].folder, Path::new("crates/trine"));
        assert_eq!(crates[0].features, ["threads"]);
        assert_eq!(crates[0].examples, ["demo"]);
    }
}
