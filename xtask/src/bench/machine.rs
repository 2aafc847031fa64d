//! On what machine, and of what source, the figures are.

use crate::capture::capture;
use crate::workspace::Workspace;
use std::fs;
use std::process::Command;

/// What to read beside the figures; what can't be found out is left out.
pub(super) fn facts(workspace: &Workspace) -> Vec<String> {
    let git = |arguments: &[&str]| line(Command::new("git").current_dir(&workspace.root).args(arguments));
    let commit = git(&["describe", "--always", "--dirty"]).map(|commit| format!("commit {commit}"));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")
        .ok()
        .map(|release| format!("Linux {}", release.trim()));
    let processor = fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| model(&text).map(str::to_owned));
    // Taken before the benchmarks run, it is the load of other programs.
    let load = fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|loads| Some(format!("load before {}", loads.split_whitespace().next()?)));
    [
        line(Command::new("date").args(["--utc", "+%Y-%m-%d %H:%M UTC"])),
        commit,
        line(Command::new("rustc").arg("--version")),
        processor,
        kernel,
        load,
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn line(command: &mut Command) -> Option<String> {
    let captured = capture(command).ok().filter(|captured| captured.success)?;
    captured.stdout().next().map(str::to_owned)
}

fn model(cpuinfo: &str) -> Option<&str> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, model)| model.trim())
}

#[cfg(test)]
mod tests {
    use super::model;

    #[test]
    fn the_model_of_the_processor_is_found() {
        let cpuinfo = "processor\t: 0\nmodel name\t: A Processor @ 3 GHz\nmodel name\t: another\n";
        assert_eq!(model(cpuinfo), Some("A Processor @ 3 GHz"));
        assert_eq!(model("processor\t: 0\n"), None);
    }
}
