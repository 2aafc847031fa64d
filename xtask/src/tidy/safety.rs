//! Every `unsafe` is argued for. Clippy asks the same, but not of code for other systems.

use super::{Complaint, Source};

pub(super) fn unsafe_is_argued(source: &Source) -> Vec<Complaint> {
    let code: Vec<&str> = source.code.lines().collect();
    let comments: Vec<&str> = source.comments.lines().collect();
    source
        .words("unsafe")
        .into_iter()
        .filter(|&offset| {
            let next = source.code[offset + "unsafe".len()..].trim_start();
            next.starts_with('{') || next.starts_with("impl")
        })
        .map(|offset| source.line(offset))
        .filter(|&line| !is_argued(&code[..line], &comments[..line]))
        .map(|line| Complaint::new(line, "write above it, as `// SAFETY: …`, why this is sound"))
        .collect()
}

/// Whether the last of these lines, or the comment above the statement that it belongs to, says `SAFETY:`.
fn is_argued(code: &[&str], comments: &[&str]) -> bool {
    let mut in_comment = false;
    for (distance, (code, comment)) in code.iter().zip(comments).rev().enumerate() {
        let (code, comment) = (code.trim(), comment.trim());
        if distance > 0 {
            let is_comment = code.is_empty() && !comment.is_empty();
            let ends_statement = code.ends_with([';', '{', '}', ',']);
            if !is_comment && (in_comment || code.is_empty() || ends_statement) {
                return false;
            }
            in_comment = is_comment;
        }
        if comment.contains("SAFETY:") {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(text: &str) -> Vec<usize> {
        let found = unsafe_is_argued(&Source::parse("crates/trine/src/lib.rs", text));
        found.into_iter().map(|complaint| complaint.line).collect()
    }

    #[test]
    fn unsafe_without_an_argument_is_found() {
        assert_eq!(complaints("fn a() {\n    unsafe { b() };\n}"), [2]);
        assert_eq!(complaints("unsafe impl Send for A {}"), [1]);
        assert_eq!(complaints("// b\nunsafe { b() }"), [2]);
        assert_eq!(complaints("// SAFETY: b\n\nunsafe { b() }"), [3]);
        assert_eq!(complaints("// SAFETY: a\nunsafe { a() };\nunsafe { b() };"), [3]);
    }

    #[test]
    fn an_argument_above_the_statement_counts() {
        assert_eq!(
            complaints("// SAFETY: a\n// b\n#[inline]\nunsafe impl Send for A {}"),
            [0; 0]
        );
        assert_eq!(complaints("// SAFETY: a\nlet b =\n    unsafe { c() };"), [0; 0]);
        assert_eq!(
            complaints("/// # Safety\nunsafe fn a();\ntype B = unsafe fn();"),
            [0; 0]
        );
    }
}
