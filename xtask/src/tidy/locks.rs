//! Lock, future and thread pool sleep in one way only: through `Futex`. So their models see every wait.

use super::{Complaint, Source};

const CRATES: &[&str] = &[
    "crates/trine-lock/",
    "crates/trine-future/",
    "crates/trine-threads/",
];
const LOCKS: &[&str] = &["Mutex", "RwLock", "Condvar", "parking_lot"];

pub(super) fn no_borrowed_locks(source: &Source) -> Vec<Complaint> {
    if !CRATES.iter().any(|path| source.path.starts_with(path)) {
        return Vec::new();
    }
    let mut complaints = Vec::new();
    for lock in LOCKS {
        for offset in source
            .words(lock)
            .into_iter()
            .filter(|&offset| !source.is_test(offset))
        {
            let message = format!("`{lock}` is hidden from the models: use trine_platform's Futex or Parker");
            complaints.push(Complaint::new(source.line(offset), message));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> usize {
        no_borrowed_locks(&Source::parse(path, text)).len()
    }

    #[test]
    fn locks_of_std_and_parking_lot_are_found() {
        let path = "crates/trine-threads/src/sleep.rs";
        assert_eq!(complaints(path, "use std::sync::{Arc, Mutex};"), 1);
        assert_eq!(complaints(path, "let gate = std::sync::Condvar::new();"), 1);
        assert_eq!(complaints(path, "use parking_lot::RwLock;"), 2);
    }

    #[test]
    fn comments_tests_and_other_crates_are_free() {
        assert_eq!(
            complaints(
                "crates/trine-lock/src/lib.rs",
                "#[doc(alias = \"Mutex\")] // not a Mutex"
            ),
            0
        );
        assert_eq!(
            complaints("crates/trine-lock/src/tests.rs", "use std::sync::Mutex;"),
            0
        );
        assert_eq!(
            complaints(
                "crates/trine-lock/src/lib.rs",
                "mod tests { use std::sync::Mutex; }"
            ),
            0
        );
        assert_eq!(
            complaints("crates/trine-processes/src/lib.rs", "use std::sync::Mutex;"),
            0
        );
    }
}
