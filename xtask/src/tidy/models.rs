//! A model with one thread has nothing to explore, and passes whatever the code does.

use super::{Complaint, Source};
use std::ops::Range;

pub(super) fn a_model_spawns(source: &Source) -> Vec<Complaint> {
    let functions: Vec<Function> = source
        .words("fn")
        .into_iter()
        .filter_map(|at| function(source, at))
        .collect();
    let spawning: Vec<&str> = functions
        .iter()
        .filter(|function| function.code.contains("spawn"))
        .map(|function| function.name)
        .collect();
    let is_model = |function: &&Function| {
        source
            .words("check")
            .into_iter()
            .any(|at| function.body.contains(&at) && is_call(source, at))
    };
    // A model may leave it to a function beside it.
    let calls_spawning = |function: &Function| {
        spawning
            .iter()
            .any(|name| source.words(name).iter().any(|at| function.body.contains(at)))
    };
    functions
        .iter()
        .filter(is_model)
        .filter(|function| !function.code.contains("spawn") && !calls_spawning(function))
        .map(|function| {
            let message = "this model spawns no thread: it explores one execution and can't fail";
            Complaint::new(source.line(function.body.start), message)
        })
        .collect()
}

struct Function<'a> {
    name: &'a str,
    body: Range<usize>,
    code: &'a str,
}

/// The function whose `fn` stands at `start`, if it has a body.
fn function(source: &Source, start: usize) -> Option<Function<'_>> {
    let name = source.code[start + "fn".len()..].trim_start();
    let end = name.find(|character: char| !character.is_alphanumeric() && character != '_')?;
    let body = source.block(start)?;
    Some(Function {
        name: &name[..end],
        code: &source.code[body.clone()],
        body,
    })
}

/// Whether the word `check` at `offset` calls `trine_platform::model::check`, by its path or imported.
fn is_call(source: &Source, offset: usize) -> bool {
    let is_called = source.code[offset..].starts_with("check(");
    let before = &source.code[..offset];
    let is_imported = || {
        source.words("use").into_iter().any(|start| {
            let import = source.code[start..].split(';').next().unwrap_or_default();
            import.contains("model::") && import.contains("check")
        })
    };
    is_called && (before.ends_with("model::") || !before.ends_with([':', '.']) && is_imported())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(text: &str) -> Vec<usize> {
        let found = a_model_spawns(&Source::parse("crates/trine-lock/src/models.rs", text));
        found.into_iter().map(|complaint| complaint.line).collect()
    }

    #[test]
    fn a_model_without_a_second_thread_is_found() {
        let alone = "fn a() {\n model::check(\"lock::a\", || { thread::spawn(b); });\n}\n\
                     fn c() {\n model::check(\"lock::c\", || { /* spawn */ });\n}";
        assert_eq!(complaints(alone), [4]);
    }

    #[test]
    fn a_function_beside_the_model_may_spawn() {
        let beside = "fn a() { thread::spawn(b); }\nfn c() {\n model::check(\"lock::c\", || a());\n}\n\
                      fn d() {\n model::check(\"lock::d\", || e());\n}";
        assert_eq!(complaints(beside), [5]);
    }

    #[test]
    fn an_imported_check_is_found() {
        let alone =
            "use trine_platform::model::{check, expire_deadlines};\nfn a() { check(\"lock::a\", b); }";
        assert_eq!(complaints(alone), [2]);
        assert_eq!(
            complaints("use trine_platform::{model, thread};\nfn a() { check(b); }"),
            [0; 0]
        );
    }
}
