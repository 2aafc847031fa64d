//! Threads, processes and async tasks in one program, each doing what it is good at, on real files:
//!
//! - threads read the files (I/O-bound, and the contents are shared without copying),
//! - processes hash and compress them (CPU-bound; one task crashes on purpose, and costs nobody else anything),
//! - async tasks fetch some of them from an HTTP server, many at a time.
//!
//! All three give the same `Future`, and one loop takes the results: see `pools.rs`.
//!
//! ```text
//! cargo xtask demo [DIRECTORY]
//! cargo run --release --package trine --example demo [DIRECTORY]
//! ```
//!
//! Without a directory it takes the sources of the dependencies that cargo has downloaded. At the end the same is
//! computed sequentially, and the program fails unless both agree.

mod input;
mod pools;
mod progress;
mod report;
mod sequential;
mod server;
mod summary;
mod tasks;

use crate::input::Input;
use anyhow::{Result, bail};
use std::env;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).map(PathBuf::from).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[PathBuf]) -> Result<()> {
    let input = match arguments {
        [] => Input::by_default()?,
        [directory] => Input::of(directory.clone())?,
        _ => bail!("the demo takes one directory, not {}", arguments.len()),
    };
    let mut output = io::stdout();
    writeln!(output, "{input}")?;

    let report = pools::run(&input)?;
    writeln!(output, "\n{report}")?;
    let sequential = sequential::run(&input)?;
    writeln!(output, "one file after another: {sequential}")?;

    report.check_against(&sequential)?;
    writeln!(output, "the pools and the sequential run agree")?;
    Ok(())
}
