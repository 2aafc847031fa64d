//! Building the models with loom, and running them, each in a process of its own.

use super::output::{self, Printed};
use super::record::Record;
use crate::capture::{Captured, capture};
use crate::executables;
use crate::workspace::{Workspace, cargo};
use anyhow::{Context, Result, bail};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

/// The packages that have models.
pub(crate) fn packages() -> Vec<&'static str> {
    vec![
        "trine-platform",
        "trine-lock",
        "trine-future",
        "trine-threads",
        "trine-processes",
    ]
}

/// A test that is a model.
pub(crate) struct ModelTest {
    executable: PathBuf,
    /// `parker::models::unpark_is_not_lost`.
    path: String,
}

impl ModelTest {
    pub(crate) fn matches(&self, filter: &str) -> bool {
        self.path.contains(filter) || self.is_called(filter)
    }

    /// Whether this can be the test of `model`: `parker::unpark_is_not_lost`, `future::awaited::fail`. What stands
    /// first is the crate's or the module's, and the test's path may have more between them.
    pub(crate) fn is_called(&self, model: &str) -> bool {
        let name = model.split_once("::").map_or(model, |(_, name)| name);
        self.path
            .strip_suffix(name)
            .is_some_and(|before| before.is_empty() || before.ends_with("::"))
    }
}

/// A model that ran.
pub(crate) struct Exploration {
    /// The name it printed, or the path of a test that printed none.
    pub(crate) model: String,
    pub(crate) seconds: f64,
    /// `None` if it failed.
    pub(crate) record: Option<Record>,
    pub(crate) output: String,
}

/// Builds the packages of `sources` with `cargo test` for models, and lists these; or says what the compiler complains about.
pub(crate) fn find_tests(
    workspace: &Workspace,
    sources: &Path,
    packages: &[&str],
) -> Result<Result<Vec<ModelTest>, String>> {
    // Loom stops early under such a limit, and calls it success.
    for limit in ["LOOM_MAX_DURATION", "LOOM_MAX_PERMUTATIONS"] {
        if env::var_os(limit).is_some() {
            bail!("unset {limit}: a model that was cut short proves nothing");
        }
    }
    let mut cargo_test = cargo("test");
    cargo_test
        .current_dir(sources)
        .args(["--locked", "--no-run", "--profile", "model", "--lib"])
        .args(packages.iter().map(|package| format!("--package={package}")))
        .env("RUSTFLAGS", "--cfg trine_loom")
        // A mutant changes one file.
        .env("CARGO_INCREMENTAL", "1")
        .env("CARGO_TARGET_DIR", workspace.target.join("model"));
    let executables = match executables::build(&mut cargo_test)? {
        Ok(executables) => executables,
        Err(messages) => return Ok(Err(messages)),
    };
    let mut tests = Vec::new();
    for executable in executables {
        let listed = capture(Command::new(&executable.path).args(["--list", "models::"]))?;
        let paths = listed.stdout().filter_map(|line| line.strip_suffix(": test"));
        tests.extend(paths.map(|path| ModelTest {
            executable: executable.path.clone(),
            path: path.to_owned(),
        }));
    }
    Ok(Ok(tests))
}

/// Runs the models, as many at once as there are cores.
pub(super) fn explore(tests: Vec<ModelTest>) -> Result<Vec<Exploration>> {
    let cores = thread::available_parallelism().context("the number of cores is not known")?;
    let (next, explored) = (AtomicUsize::new(0), Mutex::new(Ok(Vec::new())));
    thread::scope(|scope| {
        for _ in 0..cores.get() {
            scope.spawn(|| {
                while let Some(test) = tests.get(next.fetch_add(1, Relaxed)) {
                    let more = explore_one(test);
                    let mut explored = explored.lock().unwrap_or_else(PoisonError::into_inner);
                    match (explored.as_mut(), more) {
                        (Ok(explored), Ok(more)) => explored.extend(more),
                        (Ok(_), Err(error)) => *explored = Err(error),
                        (Err(_), _) => {}
                    }
                }
            });
        }
    });
    explored.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn explore_one(test: &ModelTest) -> Result<Vec<Exploration>> {
    let start = Instant::now();
    let (ran, printed) = run_test(test)?;
    let seconds = start.elapsed().as_secs_f64();
    let explorations = printed.into_iter().map(|Printed { model, record }| Exploration {
        model,
        seconds,
        record: record.filter(|_| ran.success),
        output: ran.text(),
    });
    let mut explorations: Vec<Exploration> = explorations.collect();
    if explorations.is_empty() {
        let model = format!("{}, which calls no `model::check`,", test.path);
        explorations.push(Exploration {
            model,
            seconds,
            record: None,
            output: ran.text(),
        });
    }
    Ok(explorations)
}

pub(crate) fn run_test(test: &ModelTest) -> Result<(Captured, Vec<Printed>)> {
    let mut command = Command::new(&test.executable);
    command.args(["--exact", &test.path, "--test-threads=1", "--nocapture"]);
    let ran = capture(&mut command)?;
    let printed = output::parse(ran.stdout());
    Ok((ran, printed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_found_by_the_end_of_its_name() {
        let test = ModelTest {
            executable: PathBuf::new(),
            path: "parker::models::is_not_lost".into(),
        };
        assert!(test.is_called("parker::is_not_lost"));
        assert!(!test.is_called("parker::not_lost"));
        let inner = ModelTest {
            executable: PathBuf::new(),
            path: "models::awaited::fail".into(),
        };
        assert!(inner.is_called("future::awaited::fail"));
        assert!(!inner.is_called("future::dropped::fail"));
        assert!(test.matches("lost") && test.matches("parker::is_not_lost") && test.matches("parker"));
        assert!(!test.matches("lock"));
    }
}
