//! The circumstances under which the benchmarks run.

use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Lane {
    /// As many cores as there are.
    AllCores,
    /// Shows the work of a path without its parallelism, with the least spread.
    OneCore,
    /// All cores, and two other programs that compute all the time.
    Busy,
}

impl Lane {
    pub(super) const ALL: [Self; 3] = [Self::AllCores, Self::OneCore, Self::Busy];

    pub(super) fn title(self) -> String {
        let cores = available_parallelism().map_or(1, usize::from);
        match self {
            Self::AllCores => format!("all cores ({cores})"),
            Self::OneCore => "one core".into(),
            Self::Busy => format!("all cores ({cores}), busy"),
        }
    }

    /// The command that runs `program` under these circumstances.
    pub(super) fn command(self, program: &Path) -> Command {
        if self != Self::OneCore {
            return Command::new(program);
        }
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", "0"]).arg(program);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::Lane;
    use std::path::Path;

    #[test]
    fn one_core_is_one_core() {
        let output = Lane::OneCore
            .command(Path::new("nproc"))
            .env_remove("OMP_NUM_THREADS")
            .output()
            .expect("taskset starts");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "1\n");
    }
}
