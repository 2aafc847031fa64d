//! Only the seam chooses between std and loom. Code that chose elsewhere would be checked in one form and shipped
//! in another.

use super::{Complaint, Source};

const SEAM: &str = "crates/trine-platform/";

pub(super) fn loom_stays_in_the_seam(source: &Source) -> Vec<Complaint> {
    if source.path.starts_with(SEAM) {
        return Vec::new();
    }
    let choices = source
        .words("trine_loom")
        .into_iter()
        .filter(|&offset| !is_allowed(source, offset))
        .map(|offset| {
            let message =
                "`cfg(trine_loom)` is for `mod models`, `mod tests` and constants: choose in trine-platform";
            Complaint::new(source.line(offset), message)
        });
    let names = source.words("loom").into_iter().map(|offset| {
        Complaint::new(
            source.line(offset),
            "only trine-platform names loom: use what it re-exports",
        )
    });
    choices.chain(names).collect()
}

fn is_allowed(source: &Source, offset: usize) -> bool {
    let before = &source.code[..offset];
    match (before.rfind("#["), before.rfind("cfg!(")) {
        (attribute, Some(condition)) if attribute < Some(condition) => {
            let statement = before[..condition]
                .rfind([';', '{', '}'])
                .map_or(0, |end| end + 1);
            is_constant(&source.code[skip_attributes(source, statement)..])
        }
        (Some(attribute), _) if source.close(attribute + 1) > offset => {
            let item = without_visibility(&source.code[skip_attributes(source, attribute)..]);
            item.starts_with("mod models") || item.starts_with("mod tests") || is_constant(item)
        }
        _ => false,
    }
}

/// Where the item begins whose attributes begin at `start`.
fn skip_attributes(source: &Source, start: usize) -> usize {
    let rest = source.code[start..].trim_start();
    let start = source.code.len() - rest.len();
    if rest.starts_with("#[") {
        skip_attributes(source, source.close(start + 1))
    } else {
        start
    }
}

fn is_constant(item: &str) -> bool {
    let item = without_visibility(item);
    item.starts_with("const ") && !item.starts_with("const fn") && !item.starts_with("const unsafe")
}

fn without_visibility(item: &str) -> &str {
    let Some(rest) = item.strip_prefix("pub") else {
        return item;
    };
    let rest = rest.trim_start();
    rest.split_once(')')
        .filter(|_| rest.starts_with('('))
        .map_or(rest, |(_, item)| item.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> usize {
        loom_stays_in_the_seam(&Source::parse(path, text)).len()
    }

    #[test]
    fn a_choice_outside_of_the_seam_is_found() {
        let path = "crates/trine-lock/src/lib.rs";
        assert_eq!(complaints(path, "#[cfg(trine_loom)]\nuse a::B;"), 1);
        assert_eq!(
            complaints(path, "#[cfg(not(trine_loom))]\npub const fn new() {}"),
            1
        );
        assert_eq!(complaints(path, "fn a() { if cfg!(trine_loom) { b() } }"), 1);
        assert_eq!(
            complaints(path, "#[cfg(test)]\nmod models;\n#[cfg(trine_loom)]\nfn a() {}"),
            1
        );
        assert_eq!(complaints(path, "use trine_platform::loom::sync::Arc;"), 1);
    }

    #[test]
    fn modules_and_constants_are_free() {
        let path = "crates/trine-lock/src/lib.rs";
        assert_eq!(
            complaints(path, "#[cfg(all(test, not(trine_loom)))]\nmod tests;"),
            0
        );
        assert_eq!(
            complaints(
                path,
                "#[cfg(all(\n test,\n trine_loom,\n))]\n#[path = \"a\"]\nmod models;"
            ),
            0
        );
        assert_eq!(
            complaints(
                path,
                "pub(crate) const SIZE: usize = if cfg!(trine_loom) { 2 } else { 64 };"
            ),
            0
        );
        assert_eq!(
            complaints(path, "#[cfg(not(trine_loom))]\nconst _: () = assert!(a);"),
            0
        );
        assert_eq!(
            complaints(
                path,
                "/// `cfg(trine_loom)` and loom\nfn a() { b(\"trine_loom\") }"
            ),
            0
        );
    }

    #[test]
    fn the_seam_is_free() {
        assert_eq!(
            complaints(
                "crates/trine-platform/src/lib.rs",
                "#[cfg(trine_loom)]\nuse loom::a;"
            ),
            0
        );
    }
}
