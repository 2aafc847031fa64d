//! What a published crate has beside its code.

use super::Complaint;
use std::path::Path;

/// A package has only what is in its folder: links there, which cargo follows.
pub(super) fn has_its_texts(folder: &Path, manifest: &str) -> Vec<Complaint> {
    let mut complaints: Vec<_> = ["LICENSE-MIT", "LICENSE-APACHE"]
        .into_iter()
        .filter(|file| !folder.join(file).is_file())
        .map(|file| {
            Complaint::new(
                1,
                format!("link {file} to that of the workspace: the package has none"),
            )
        })
        .collect();
    let has_readme = manifest.contains("\nreadme.workspace = true\n") || folder.join("README.md").is_file();
    if !has_readme {
        complaints.push(Complaint::new(
            1,
            "inherit the key `readme`: the package has none",
        ));
    }
    complaints
}
