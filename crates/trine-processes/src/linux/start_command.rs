//! What a worker is started with: which executable, with which arguments and environment.

use super::entry::SWITCH;
use super::home::PRELOAD;
use super::mark::{self, Mark};
use crate::settings::Settings;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// The image that runs here, even if its file was replaced or deleted meanwhile.
const THIS_EXECUTABLE: &str = "/proc/self/exe";

/// The command that starts the worker with `index`, which leads a group of its own.
pub(super) fn start_command(settings: &Settings, index: usize, mark: &Mark, stdin: Stdio) -> Command {
    let mut command = Command::new(executable(settings));
    if let Some(name) = env::args_os().next() {
        command.arg0(name);
    }
    // For people: nothing reads them, because the worker never gets to what would.
    command.args(["trine-worker", &settings.pool.to_string(), &index.to_string()]);
    command.envs(settings.environment.iter().map(|(name, value)| (name, value)));
    if let Some(preload) = mark.home.preload(preloaded_by_others(settings).as_deref()) {
        command.env(PRELOAD, preload);
    }
    // What there is a pool of is not switched off.
    command.env_remove(SWITCH);
    command.env(mark::VARIABLE, mark.to_string());
    command.stdin(stdin).stderr(Stdio::piped()).process_group(0);
    if settings.discards_stdout {
        command.stdout(Stdio::null());
    }
    command
}

/// Says what is missing, if the command could not be started.
pub(super) fn explain(settings: &Settings, error: &io::Error) -> String {
    let executable = executable(settings);
    let what = format!(
        "the worker executable, {}, could not be started: {error}",
        executable.display()
    );
    if settings.executable.is_none() && error.kind() == io::ErrorKind::NotFound {
        format!("{what}. Is /proc mounted? If not, set `worker_executable` in the pool's builder")
    } else {
        what
    }
}

fn executable(settings: &Settings) -> &Path {
    settings
        .executable
        .as_deref()
        .unwrap_or(Path::new(THIS_EXECUTABLE))
}

/// What the worker is to preload by the builder's word, or else by this program's environment.
fn preloaded_by_others(settings: &Settings) -> Option<OsString> {
    let given = settings
        .environment
        .iter()
        .rev()
        .find(|(name, _)| name == OsStr::new(PRELOAD));
    match given {
        Some((_, value)) => Some(value.clone()),
        None => env::var_os(PRELOAD),
    }
}
