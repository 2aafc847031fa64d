//! Dependencies point down only: platform ← lock ← future ← {threads, processes, async} ← choose ← the facade. And each
//! heavy dependency belongs to one crate, and to the one that measures what it carries.

use super::Complaint;

const LAYERS: &[&[&str]] = &[
    &["trine-platform"],
    &["trine-lock"],
    &["trine-future"],
    &["trine-threads", "trine-processes", "trine-async"],
    &["trine-choose"],
    &["trine"],
];

/// A dependency, and the crate that may have it.
const OWNERS: &[(&str, &str)] = &[
    ("tokio", "trine-async"),
    ("serde", "trine-processes"),
    ("serde_core", "trine-processes"),
    ("serde_derive", "trine-processes"),
    ("ipc-channel", "trine-processes"),
    ("postcard", "trine-processes"),
    ("loom", "trine-platform"),
    // It asks how many bytes would cross.
    ("serde", "trine-choose"),
    ("postcard", "trine-choose"),
];

pub(super) fn dependencies_point_down(package: &str, manifest: &str) -> Vec<Complaint> {
    let Some(layer) = layer(package) else {
        return vec![Complaint::new(
            1,
            format!("give {package} its layer in xtask/src/tidy/layers.rs"),
        )];
    };
    let mut complaints = Vec::new();
    for Dependency { line, section, name } in dependencies(manifest) {
        // A crate's tests may ask for its own features.
        let is_itself = name == package;
        if !is_itself && self::layer(name).is_some_and(|below| below >= layer) {
            let message = format!("{package} must not know {name}: dependencies point down only");
            complaints.push(Complaint::new(line, message));
        }
        // What only tests need does not reach users; loom is the seam's even there.
        let is_free = section.contains("dev-dependencies") && name != "loom";
        let mut owners = OWNERS
            .iter()
            .filter(|(owned, _)| *owned == name)
            .map(|(_, owner)| *owner);
        if !is_free
            && let Some(owner) = owners.next()
            && owner != package
            && !owners.any(|other| other == package)
        {
            complaints.push(Complaint::new(
                line,
                format!("only {owner} depends on {name}: go through it"),
            ));
        }
        if section.contains("trine_loom") && package != "trine-platform" {
            complaints.push(Complaint::new(
                line,
                "only trine-platform chooses by `cfg(trine_loom)`",
            ));
        }
    }
    complaints
}

fn layer(package: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&package))
}

struct Dependency<'a> {
    line: usize,
    section: &'a str,
    name: &'a str,
}

/// The dependencies of a manifest as we write them: a line each below `[…dependencies]`, or a section each.
fn dependencies(manifest: &str) -> Vec<Dependency<'_>> {
    let mut section = "";
    let mut found = Vec::new();
    for (number, text) in manifest.lines().enumerate() {
        let line = number + 1;
        let text = text.split('#').next().unwrap_or_default().trim();
        if let Some(header) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            section = header;
            if let Some((above, name)) = header
                .rsplit_once('.')
                .filter(|(above, _)| above.ends_with("dependencies"))
            {
                found.push(Dependency {
                    line,
                    section: above,
                    name,
                });
            }
        } else if section.ends_with("dependencies")
            && let Some((key, _)) = text.split_once('=')
        {
            // `name.workspace = true` is a dependency, too.
            let name = key.split('.').next().unwrap_or_default().trim();
            found.push(Dependency { line, section, name });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(package: &str, manifest: &str) -> Vec<usize> {
        dependencies_point_down(package, manifest)
            .into_iter()
            .map(|complaint| complaint.line)
            .collect()
    }

    #[test]
    fn a_dependency_that_points_up_or_aside_is_found() {
        assert_eq!(
            complaints(
                "trine-platform",
                "[dependencies]\ntrine-lock = { workspace = true }"
            ),
            [2]
        );
        assert_eq!(
            complaints("trine-lock", "[dependencies]\ntrine-future.workspace = true"),
            [2]
        );
        assert_eq!(
            complaints("trine-async", "[dev-dependencies]\n\ntrine-threads = \"1\""),
            [3]
        );
        assert_eq!(
            complaints("trine-lock", "[dependencies.trine]\nworkspace = true"),
            [1]
        );
    }

    #[test]
    fn a_heavy_dependency_of_another_crate_is_found() {
        assert_eq!(complaints("trine-threads", "[dependencies]\nserde = \"1\""), [2]);
        assert_eq!(
            complaints("trine", "[target.\"cfg(unix)\".dependencies]\ntokio = \"1\""),
            [2]
        );
        assert_eq!(complaints("trine-lock", "[dev-dependencies]\nloom = \"1\""), [2]);
        assert_eq!(
            complaints(
                "trine-lock",
                "[target.\"cfg(trine_loom)\".dependencies]\na = \"1\""
            ),
            [2]
        );
    }

    #[test]
    fn a_crate_without_a_layer_is_found() {
        assert_eq!(complaints("trine-more", ""), [1]);
    }

    #[test]
    fn a_crate_may_name_itself() {
        let manifest = "[dev-dependencies]\ntrine-lock = { path = \".\", features = [\"more\"] }";
        assert_eq!(complaints("trine-lock", manifest), [0; 0]);
    }

    #[test]
    fn dependencies_that_point_down_are_free() {
        let manifest = "[package]\nname = \"trine\"\n[features]\ntokio = []\n[dependencies]\ntrine-lock = \"1\"\n\
                        # tokio = \"1\"\n[dev-dependencies]\ntokio = \"1\"";
        assert_eq!(complaints("trine", manifest), [0; 0]);
    }
}
