//! The project's own commands: `cargo xtask` lists them.

mod bench;
mod capture;
mod copy;
mod demo;
mod executables;
mod model;
mod mutants;
mod outcome;
mod rows;
mod source;
mod table;
mod test_output;
mod tidy;
mod verify;
mod workspace;

use std::env;
use std::process::ExitCode;

const COMMANDS: &str = "\
cargo xtask verify                      prove the project: everything below and more, with a table at the end
cargo xtask demo [DIRECTORY]            the main job on real input: threads, processes and async in one program
cargo xtask model [FILTER]              explore the loom models, and compare the executions with the record
cargo xtask model --record              explore them, and write the record anew (xtask/models.txt)
cargo xtask model --mutants [FILTER]    seed each bug of crates/*/mutants: the model it names must catch it
cargo xtask bench [FILTER...]           Trine beside its peers: on all cores, on one, and beside two busy programs
cargo xtask bench --one-core --busy     only in these lanes (or in one of them, or --all-cores); options stand before the filter
cargo xtask tidy                        check the rules that are read off the sources
cargo xtask rows                        which behaviours of the catalogue have a test (xtask/rows.txt)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        [] => {
            print!("{COMMANDS}");
            return ExitCode::SUCCESS;
        }
        ["verify"] => verify::run(),
        ["demo", rest @ ..] => demo::run(rest),
        ["model", "--record"] => model::record(),
        ["model", "--mutants"] => mutants::run(None),
        ["model", "--mutants", filter] => mutants::run(Some(filter)),
        ["model"] => model::run(None),
        ["model", filter] if !filter.starts_with('-') => model::run(Some(filter)),
        ["bench", rest @ ..] => bench::run(rest),
        ["tidy"] => tidy::run(),
        ["rows"] => rows::run(),
        _ => {
            eprint!(
                "there is no `cargo xtask {}`; there is:\n{COMMANDS}",
                arguments.join(" ")
            );
            return ExitCode::FAILURE;
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
