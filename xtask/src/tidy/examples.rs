//! What is public has an example that runs: at the item itself, or in the same file, naming it.
//!
//! `unreachable_pub` is denied, so a plain `pub` is what users see. Fields, variants and the methods of traits are shown
//! by the examples of their types.

use super::{Complaint, Source};

/// The facade has no items of its own; the platform is internal.
const EXEMPT: &[&str] = &["trine", "trine-platform"];
const KINDS: &[&str] = &["fn", "struct", "enum", "trait", "const", "static", "type"];

pub(super) fn public_items_have_examples(source: &Source) -> Vec<Complaint> {
    let is_library = |package| !EXEMPT.contains(package);
    let parts: Vec<&str> = source.path.split('/').collect();
    if !matches!(parts.as_slice(), ["crates", package, "src", ..] if is_library(package)) || source.is_test(0)
    {
        return Vec::new();
    }
    let examples = examples(&source.text);
    let mut complaints = Vec::new();
    let mut documented_by_example = false;
    for (number, (text, code)) in source.text.lines().zip(source.code.lines()).enumerate() {
        let text = text.trim();
        if text.starts_with("///") {
            documented_by_example |= text.contains("```");
            continue;
        }
        if let Some(name) = public_item(code.trim())
            && !documented_by_example
            && !names(&examples, name)
        {
            let message = format!("`{name}` is public and has no example: give it one, in a line or two");
            complaints.push(Complaint::new(number + 1, message));
        }
        // Attributes stand between the words and the item; everything else begins something new.
        if text.is_empty() || text.ends_with([';', '{', '}']) {
            documented_by_example = false;
        }
    }
    complaints
}

/// The name of the public item that begins on this line.
fn public_item(line: &str) -> Option<&str> {
    let mut words = line.strip_prefix("pub ")?.split_whitespace();
    let kind = words.find(|word| !matches!(*word, "async" | "unsafe"))?;
    let mut name = words.next()?;
    // `pub const fn` is a function.
    if !KINDS.contains(&kind) {
        return None;
    }
    if (kind, name) == ("const", "fn") {
        name = words.next()?;
    }
    name.split(|character: char| !character.is_alphanumeric() && character != '_')
        .next()
}

/// The lines of all examples of a file that are compiled.
fn examples(text: &str) -> String {
    let mut examples = String::new();
    let mut is_inside = None;
    for line in text.lines().map(str::trim) {
        let Some(line) = line.strip_prefix("///").or(line.strip_prefix("//!")) else {
            is_inside = None;
            continue;
        };
        match (line.trim().strip_prefix("```"), is_inside) {
            (Some(attributes), None) => {
                is_inside = Some(!["text", "ignore", "compile_fail"].contains(&attributes));
            }
            (Some(_), Some(_)) => is_inside = None,
            (None, Some(true)) => {
                examples.push_str(line);
                examples.push('\n');
            }
            (None, _) => {}
        }
    }
    examples
}

fn names(examples: &str, name: &str) -> bool {
    examples
        .split(|character: char| !character.is_alphanumeric() && character != '_')
        .any(|word| word == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(text: &str) -> Vec<usize> {
        let source = Source::parse("crates/trine-lock/src/lock.rs", text);
        public_items_have_examples(&source)
            .into_iter()
            .map(|complaint| complaint.line)
            .collect()
    }

    #[test]
    fn an_item_without_an_example_is_found() {
        assert_eq!(complaints("/// Locks.\n#[inline]\npub fn lock() {}\n"), [3]);
        assert_eq!(
            complaints("/// ```\n/// a\n/// ```\npub fn one() {}\n\n/// Words.\npub const fn two() {}"),
            [7]
        );
    }

    #[test]
    fn an_example_is_the_items_own_or_names_it() {
        assert_eq!(
            complaints("/// ```\n/// anything();\n/// ```\n#[inline]\npub struct Lock;"),
            [0; 0]
        );
        assert_eq!(
            complaints("//! ```\n//! a.lock();\n//! ```\n\n/// Locks.\npub fn lock() {}"),
            [0; 0]
        );
        assert_eq!(
            complaints("//! ```text\n//! a.lock();\n//! ```\n\n/// Locks.\npub fn lock() {}"),
            [6]
        );
    }

    #[test]
    fn what_is_not_public_needs_none() {
        assert_eq!(
            complaints("pub(crate) fn lock() {}\nfn unlock() {}\npub use a::b;\npub mod c;"),
            [0; 0]
        );
    }
}
