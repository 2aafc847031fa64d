//! What must not compile, with the message that says why, and beside each a twin that does compile and run (`twins.rs`).
//!
//! That a closure captures is found when code is generated, and `cargo check` generates none. trybuild builds, instead
//! of checking, as soon as one case is expected to pass: so one of the twins is here, too.
//!
//! After a change of a message, `TRYBUILD=overwrite cargo test -p trine-compile-tests --test compile_fail` writes the `.stderr`
//! files anew, to be read before they are committed.

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs, io};

/// The flags that trybuild gives to the compiler for a case. For what the cases depend on it leaves out the last one, which
/// cargo takes for another build: everything would be built twice.
const COMPILER_FLAGS: [&str; 6] = [
    "--cfg",
    "trybuild",
    "--verbose",
    "-A",
    "dead_code",
    "--diagnostic-width=140",
];

#[test]
fn compile_fail() {
    // SAFETY: the other test of this process, which may run meanwhile, only reads files, for which nothing reads a variable.
    unsafe { env::set_var("CARGO_ENCODED_RUSTFLAGS", COMPILER_FLAGS.join("\x1f")) };
    let cases = trybuild::TestCases::new();
    cases.pass("compile-pass/processes_capturing_closure.rs");
    cases.compile_fail("compile-fail/*.rs");
}

#[test]
fn every_case_has_a_twin_that_differs_in_one_line() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (fails, passes) = (folder.join("compile-fail"), folder.join("compile-pass"));
    let cases = sources(&fails)?;
    assert_eq!(cases, sources(&passes)?);
    assert!(!cases.is_empty());
    for case in cases {
        let (fail, pass) = (
            fs::read_to_string(fails.join(&case))?,
            fs::read_to_string(passes.join(&case))?,
        );
        assert_eq!(fail.lines().count(), pass.lines().count(), "{case}");
        let different = fail.lines().zip(pass.lines()).filter(|(fail, pass)| fail != pass);
        assert_eq!(different.count(), 1, "{case}");
    }
    Ok(())
}

/// The names of the sources in a folder.
fn sources(folder: &Path) -> io::Result<BTreeSet<String>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names
        .filter(|name| name.as_ref().map_or(true, |name| name.ends_with(".rs")))
        .collect()
}
