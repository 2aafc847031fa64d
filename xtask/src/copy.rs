//! A copy of the sources, in which the models are built, and bugs can be seeded: with one folder for both, a bug has only
//! its own crate built again.

use crate::capture::capture;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes the copy equal to the sources, and returns its folder. What is equal is not touched, so that cargo does not build
/// it again.
pub(crate) fn update(workspace: &Workspace) -> Result<PathBuf> {
    let (root, copy) = (&workspace.root, workspace.target.join("sources"));
    let sources = sources(root)?;
    remove_others(&copy, &copy, &sources)?;
    for source in &sources {
        let (from, to) = (root.join(source), copy.join(source));
        if !is_same(&from, &to)? {
            let folder = to.parent().unwrap_or(&copy);
            fs::create_dir_all(folder).with_context(|| format!("{} could not be made", folder.display()))?;
            fs::copy(&from, &to).with_context(|| format!("{} could not be written", to.display()))?;
        }
    }
    Ok(copy)
}

/// Whether all files of `copy` are those of `root`.
pub(crate) fn is_current(root: &Path, copy: &Path) -> Result<bool> {
    for source in sources(root)? {
        if !is_same(&root.join(&source), &copy.join(source))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The files that are part of the checkout, committed or not, relative to `root`.
fn sources(root: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut git = Command::new("git");
    // Without -z, git quotes names.
    git.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root);
    let listed = capture(&mut git)?;
    if !listed.success {
        bail!("the sources are listed by git, which failed:\n{}", listed.text());
    }
    let names: String = listed.stdout().collect();
    let names = names
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from);
    // A file that was removed is listed until that is committed.
    Ok(names.filter(|name| root.join(name).is_file()).collect())
}

fn is_same(a: &Path, b: &Path) -> Result<bool> {
    if !b.is_file() {
        return Ok(false);
    }
    let read = |path: &Path| fs::read(path).with_context(|| format!("{} could not be read", path.display()));
    Ok(read(a)? == read(b)?)
}

fn remove_others(copy: &Path, folder: &Path, sources: &BTreeSet<PathBuf>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).with_context(|| format!("{} could not be listed", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(copy, &path, sources)?;
        } else if path.strip_prefix(copy).is_ok_and(|name| !sources.contains(name)) {
            fs::remove_file(&path).with_context(|| format!("{} could not be removed", path.display()))?;
        }
    }
    Ok(())
}
