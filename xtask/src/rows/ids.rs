//! The ids at the beginning of a test's name.

use std::collections::BTreeSet;

/// The rows that a test of this name covers: `f01_f02_a_callback_runs` covers F01 and F02. A part looks like an id if its
/// letter is one of the catalogue's groups, so that `u32_…` names none.
pub(super) fn named(name: &str, groups: &BTreeSet<char>) -> impl Iterator<Item = String> {
    name.split('_')
        .take_while(|part| is_id(part, groups))
        .map(str::to_uppercase)
}

fn is_id(part: &str, groups: &BTreeSet<char>) -> bool {
    let mut characters = part.chars();
    let begins = characters
        .next()
        .is_some_and(|letter| letter.is_lowercase() && groups.contains(&letter.to_ascii_uppercase()));
    let digits = characters.as_str();
    begins && (2..=3).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(name: &str) -> Vec<String> {
        named(name, &BTreeSet::from(['A', 'F', 'K'])).collect()
    }

    #[test]
    fn leading_ids_are_found() {
        assert_eq!(ids("f01_a_callback_runs"), ["F01"]);
        assert_eq!(ids("f01_k40_a042_all_of_them"), ["F01", "K40", "A042"]);
        assert_eq!(
            ids("f99"),
            ["F99"],
            "whether there is such a row is another question"
        );
    }

    #[test]
    fn what_only_looks_like_an_id_is_none() {
        for name in [
            "u32_is_kept",
            "as_f01_says",
            "f1_x",
            "f0123_x",
            "f01a_x",
            "F01_x",
            "",
            "f",
        ] {
            assert!(ids(name).is_empty(), "{name}");
        }
    }
}
