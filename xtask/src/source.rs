//! A source file with its comments told from its code.

use anyhow::{Context, Result};
use std::fs;
use std::ops::Range;
use std::path::Path;

const FOLDERS: &[&str] = &["crates", "tests", "benches", "xtask"];

/// Every Rust file of the checkout.
pub(crate) fn all(root: &Path) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for folder in FOLDERS {
        read_folder(root, Path::new(folder), &mut sources)?;
    }
    Ok(sources)
}

fn read_folder(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> Result<()> {
    let path = root.join(folder);
    let entries = fs::read_dir(&path).with_context(|| format!("{} could not be listed", path.display()))?;
    let mut names = entries
        .map(|entry| Ok(entry?.file_name()))
        .collect::<Result<Vec<_>>>()
        .with_context(|| format!("{} could not be listed", path.display()))?;
    names.sort();
    for name in names {
        let file = folder.join(name);
        let path = root.join(&file);
        if path.is_dir() {
            // A crate that was built by itself has a folder `target`.
            if !file.ends_with("target") {
                read_folder(root, &file, sources)?;
            }
        } else if file.extension().is_some_and(|extension| extension == "rs") {
            let name = file.to_string_lossy().replace('\\', "/");
            let text =
                fs::read_to_string(&path).with_context(|| format!("{} could not be read", path.display()))?;
            sources.push(Source::parse(&name, &text));
        }
    }
    Ok(())
}

/// A Rust file. In `code`, comments and the contents of literals are spaces; in `comments`, everything else is:
/// offsets and lines are those of `text` in both.
pub(crate) struct Source {
    /// From the root of the checkout, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) code: String,
    pub(crate) comments: String,
}

impl Source {
    pub(crate) fn parse(path: &str, text: &str) -> Self {
        let (code, comments) = split(text);
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
            comments,
        }
    }

    /// The line of an offset, counted from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.code[..offset].matches('\n').count() + 1
    }

    /// Where `word` stands in the code as a word of its own.
    pub(crate) fn words(&self, word: &str) -> Vec<usize> {
        positions(&self.code, word)
    }

    /// Where `word` stands in a comment as a word of its own.
    pub(crate) fn comment_words(&self, word: &str) -> Vec<usize> {
        positions(&self.comments, word)
    }

    /// Whether the whole file, or the module around `offset`, is for tests or models.
    pub(crate) fn is_test(&self, offset: usize) -> bool {
        let is_test_file = self.path.split('/').any(|part| {
            matches!(
                part,
                "tests" | "tests.rs" | "models" | "models.rs" | "benches" | "examples"
            )
        });
        is_test_file || self.test_modules().any(|module| module.contains(&offset))
    }

    /// The names of the functions that are tests, with their lines.
    pub(crate) fn tests(&self) -> impl Iterator<Item = (&str, usize)> {
        self.words("fn").into_iter().filter_map(|start| {
            let before = &self.code[..start];
            let attributes = &before[before.rfind(['{', '}', ';']).unwrap_or(0)..];
            let name = self.code[start + "fn".len()..].trim_start();
            let end = name.find(|character: char| !character.is_alphanumeric() && character != '_')?;
            attributes
                .contains("#[test]")
                .then(|| (&name[..end], self.line(start)))
        })
    }

    fn test_modules(&self) -> impl Iterator<Item = Range<usize>> {
        ["tests", "models"]
            .into_iter()
            .flat_map(|name| self.words(name))
            .filter_map(|start| {
                let before = self.code[..start].trim_end();
                let is_module = before.ends_with("mod");
                is_module.then(|| self.block(start)).flatten()
            })
    }

    /// The block `{…}` that the item at `start` has, if one comes before the item ends.
    pub(crate) fn block(&self, start: usize) -> Option<Range<usize>> {
        let mut offset = start;
        loop {
            match self.code.as_bytes().get(offset)? {
                b'{' => return Some(offset..self.close(offset)),
                b'(' | b'[' => offset = self.close(offset),
                b';' => return None,
                _ => offset += 1,
            }
        }
    }

    /// The offset behind the bracket that closes the one at `open`, or the end of the file.
    pub(crate) fn close(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for (offset, byte) in self.code.bytes().enumerate().skip(open) {
            match byte {
                b'{' | b'[' | b'(' => depth += 1,
                b'}' | b']' | b')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return offset + 1;
            }
        }
        self.code.len()
    }
}

fn positions(text: &str, word: &str) -> Vec<usize> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(word)
        .map(|(start, _)| start)
        .filter(|&start| {
            !text[..start].ends_with(is_word) && !text[start + word.len()..].starts_with(is_word)
        })
        .collect()
}

#[derive(Clone, Copy)]
enum Inside {
    Code,
    LineComment,
    /// Block comments nest.
    BlockComment(usize),
    Text,
    /// The number of `#` that its end needs.
    RawText(usize),
}

fn split(text: &str) -> (String, String) {
    let (mut code, mut comments) = (String::new(), String::new());
    let mut inside = Inside::Code;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        // The next token as far as it matters here, and what we are inside of behind it.
        let (length, next) = match inside {
            Inside::Code => in_code(rest, &code),
            Inside::LineComment if first == '\n' => (1, Inside::Code),
            Inside::BlockComment(depth) if rest.starts_with("/*") => (2, Inside::BlockComment(depth + 1)),
            Inside::BlockComment(1) if rest.starts_with("*/") => (2, Inside::Code),
            Inside::BlockComment(depth) if rest.starts_with("*/") => (2, Inside::BlockComment(depth - 1)),
            Inside::Text if first == '\\' => {
                (1 + rest.chars().nth(1).map_or(0, char::len_utf8), Inside::Text)
            }
            Inside::Text if first == '"' => (1, Inside::Code),
            Inside::RawText(marks) if rest.starts_with(&format!("\"{}", "#".repeat(marks))) => {
                (1 + marks, Inside::Code)
            }
            same => (first.len_utf8(), same),
        };
        let token = &rest[..length];
        // A token belongs to what it opens or closes, too; only the quotes stay in the code.
        let is_comment = |state| matches!(state, Inside::LineComment | Inside::BlockComment(_));
        let is_code = matches!(inside, Inside::Code) && !is_comment(next);
        for character in token.chars() {
            let keep = |kept: bool| {
                let width = character.len_utf8();
                if kept || character == '\n' {
                    String::from(character)
                } else {
                    " ".repeat(width)
                }
            };
            code += &keep(is_code && !token.starts_with('\'') || is_quote(inside, next, character));
            comments += &keep(is_comment(inside) || is_comment(next));
        }
        inside = next;
        rest = &rest[length..];
    }
    (code, comments)
}

fn is_quote(inside: Inside, next: Inside, character: char) -> bool {
    let ends_text = matches!((inside, next), (Inside::Text | Inside::RawText(_), Inside::Code));
    ends_text && character == '"'
}

fn in_code(rest: &str, before: &str) -> (usize, Inside) {
    let first = rest.chars().next().map_or(1, char::len_utf8);
    if rest.starts_with("//") {
        return (2, Inside::LineComment);
    }
    if rest.starts_with("/*") {
        return (2, Inside::BlockComment(1));
    }
    if rest.starts_with('"') {
        return (1, Inside::Text);
    }
    if rest.starts_with('\'') {
        return (character_length(rest), Inside::Code);
    }
    let in_word = before.ends_with(|character: char| character.is_alphanumeric() || character == '_');
    if let Some(raw) = rest
        .strip_prefix("br")
        .or(rest.strip_prefix('r'))
        .filter(|_| !in_word)
    {
        let marks = raw.len() - raw.trim_start_matches('#').len();
        if raw[marks..].starts_with('"') {
            return (rest.len() - raw.len() + marks + 1, Inside::RawText(marks));
        }
    }
    (first, Inside::Code)
}

/// The length of a character literal; 1 for the quote of a lifetime, which leaves its name in the code.
fn character_length(rest: &str) -> usize {
    let mut characters = rest.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => {
            characters.next();
            characters
                .find(|(_, character)| *character == '\'')
                .map_or(1, |(offset, _)| offset + 1)
        }
        Some(_) => characters
            .next()
            .filter(|(_, character)| *character == '\'')
            .map_or(1, |(offset, _)| offset + 1),
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        let source = Source::parse("crates/trine/src/lib.rs", text);
        assert_eq!(source.code.len(), text.len());
        assert_eq!(source.comments.len(), text.len());
        source.code
    }

    #[test]
    fn literals_and_comments_are_blank() {
        assert_eq!(code("a // b\nc"), "a     \nc");
        assert_eq!(code("a /* b /* c */ d */ e"), "a                   e");
        assert_eq!(code(r#"f("a // \" b", c)"#), r#"f("         ", c)"#);
        assert_eq!(code("r#\"a\" b\"# c"), "r#\"    \"  c");
        assert_eq!(code("'{' 'a '\\'' b"), "     a      b");
        assert_eq!(code("for r in b"), "for r in b");
    }

    #[test]
    fn comments_keep_their_place() {
        let source = Source::parse("a.rs", "a // é SAFETY: b\nc \"// d\"");
        assert_eq!(source.comments.lines().next(), Some("  // é SAFETY: b"));
        assert_eq!(source.comments.lines().nth(1).map(str::trim), Some(""));
        assert_eq!(source.comment_words("SAFETY"), [8]);
    }

    #[test]
    fn words_are_whole() {
        let source = Source::parse("a.rs", "spawn respawn spawn_all\nspawn");
        assert_eq!(source.words("spawn"), [0, 24]);
        assert_eq!(source.line(24), 2);
    }

    #[test]
    fn blocks_begin_behind_the_signature() {
        let source = Source::parse("a.rs", "fn a(b: [u8; 4]) -> [u8; 4] { c }; fn d();");
        assert_eq!(source.block(0).map(|block| &source.code[block]), Some("{ c }"));
        assert_eq!(source.block(source.words("d")[0]), None);
    }

    #[test]
    fn tests_are_told_from_other_functions() {
        let text = "#[test]\n#[ignore = \"a; b\"]\nfn one() { fn inner() {} }\nfn two() {}\n// #[test]\nfn three() {}";
        let source = Source::parse("a.rs", text);
        assert_eq!(source.tests().collect::<Vec<_>>(), [("one", 3)]);
    }

    #[test]
    fn test_modules_end_with_their_brace() {
        let source = Source::parse("a.rs", "mod tests { a { } b } c\nmod models;");
        let at = |word: &str| source.words(word)[0];
        assert!(source.is_test(at("b")));
        assert!(!source.is_test(at("c")));
        assert!(Source::parse("crates/trine/src/lock/models.rs", "a").is_test(0));
    }
}
