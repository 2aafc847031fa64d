//! What is there is finished.

use super::{Complaint, Source};

pub(super) fn nothing_unfinished(source: &Source) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut complain = |offset: usize, message: &str| {
        complaints.push(Complaint::new(source.line(offset), message));
    };
    for name in ["todo", "unimplemented"] {
        for offset in source.words(name) {
            if source.code[offset + name.len()..].starts_with('!') {
                complain(offset, "a placeholder: write the code, or return an error");
            }
        }
    }
    for mark in ["FIXME", "XXX"] {
        for offset in source.comment_words(mark) {
            complain(offset, "mend it, or say in plain words what the limit is");
        }
    }
    for offset in source.words("ignore") {
        if source.code[..offset].trim_end().ends_with("#[") && !is_started_by_another_test(source, offset) {
            complain(
                offset,
                "a test that doesn't run shows nothing: mend it, or have another test start it by name",
            );
        }
    }
    for offset in source.words("allow") {
        let open = offset + "allow".len();
        if source.code[open..].starts_with('(') {
            let lints = &source.code[open..source.close(open)];
            if lints.contains("dead_code") && !lints.contains("reason") {
                complain(offset, "remove the dead code, or give the attribute a `reason`");
            }
        }
    }
    complaints
}

/// Whether the ignored test is the body of a process of its own: a test of this file starts it with `--ignored`.
fn is_started_by_another_test(source: &Source, ignored: usize) -> bool {
    let Some((_, item)) = source.code[ignored..].split_once("fn ") else {
        return false;
    };
    let name = item.split('(').next().unwrap_or_default().trim();
    let starts = |before: char| source.text.contains(&format!("{before}{name}\""));
    source.text.contains("\"--ignored\"") && (starts('"') || starts(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(text: &str) -> usize {
        nothing_unfinished(&Source::parse("crates/trine/src/lib.rs", text)).len()
    }

    #[test]
    fn each_placeholder_is_found() {
        assert_eq!(complaints("fn a() { todo!() }"), 1);
        assert_eq!(complaints("fn a() { unimplemented!(\"later\") }"), 1);
        assert_eq!(complaints("// FIXME: b"), 1);
        assert_eq!(complaints("/* XXX */"), 1);
        assert_eq!(complaints("#[ignore]\nfn a() {}"), 1);
        assert_eq!(complaints("#[ignore = \"slow\"]\nfn a() {}"), 1);
        assert_eq!(complaints("#[allow(unused, dead_code)]"), 1);
        assert_eq!(complaints("#![allow(dead_code)]"), 1);
    }

    #[test]
    fn an_ignored_test_that_another_one_starts_is_free() {
        let child = "#[test]\n#[ignore = \"started below\"]\nfn child() {}\n";
        let start = |name: &str| format!("{child}fn a() {{ b([\"{name}\", \"--ignored\"]) }}");
        assert_eq!(complaints(&start("child")), 0);
        assert_eq!(complaints(&start("module::child")), 0);
        assert_eq!(complaints(&start("another_child")), 1);
        assert_eq!(complaints(&format!("{child}fn a() {{ b(\"child\") }}")), 1);
    }

    #[test]
    fn what_only_looks_alike_is_free() {
        assert_eq!(complaints("let todo = \"FIXME todo!()\";"), 0);
        assert_eq!(complaints("#[allow(\n dead_code,\n reason = \"b\"\n)]"), 0);
        assert_eq!(complaints("/// ```ignore"), 0);
    }
}
