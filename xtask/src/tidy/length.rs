//! A file is one idea, and fits into one head.

use super::{Complaint, Source};

const WARNED: usize = 600;
const ALLOWED: usize = 1_000;

pub(super) fn too_long(source: &Source) -> Vec<Complaint> {
    let lines = source.code.lines().count();
    if lines <= ALLOWED {
        return Vec::new();
    }
    vec![Complaint::new(
        ALLOWED + 1,
        format!("{lines} lines, {ALLOWED} are allowed: split the file by ideas"),
    )]
}

/// A line for a file that grows too long, or nothing.
pub(super) fn warning(source: &Source) -> String {
    let lines = source.code.lines().count();
    if lines <= WARNED || lines > ALLOWED {
        return String::new();
    }
    format!(
        "{}: {lines} lines, most files have under 400: think of splitting it\n",
        source.path
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_are_found() {
        let source = |lines: usize| Source::parse("a.rs", &"a\n".repeat(lines));
        assert_eq!(too_long(&source(1_001)).len(), 1);
        assert_eq!(too_long(&source(1_000)).len(), 0);
        assert!(warning(&source(601)).contains("601"));
        assert!(warning(&source(600)).is_empty());
    }
}
