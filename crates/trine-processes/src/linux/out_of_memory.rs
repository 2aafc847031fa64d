//! Whether the kernel has killed a process because memory ran out.

use std::fs;
use std::path::PathBuf;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The kills that are accounted for: those before the first worker, and one for each worker that was killed since.
static KNOWN: AtomicU64 = AtomicU64::new(u64::MAX);

/// Kills before this are nobody's of ours. Called before each worker is started; only the first call counts.
pub(super) fn begin() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        if let Some(kills) = kills() {
            // ORDERING: Relaxed: it is a number, and `Once` has others wait for it.
            KNOWN.store(kills, Relaxed);
        }
    });
}

/// Whether the kernel has killed some process of this program's control group that no other worker's death was
/// explained with. The kernel does not say which one it was, so this is probable and not certain.
pub(super) fn explains_a_kill() -> bool {
    let Some(kills) = kills() else {
        return false;
    };
    let one_more = |known| (known < kills).then_some(known + 1);
    // ORDERING: Relaxed: it is a number.
    KNOWN.fetch_update(Relaxed, Relaxed, one_more).is_ok()
}

/// How often the kernel has killed a process of this program's control group because memory ran out. `None` where
/// there are no control groups of the second version, or they can't be read.
fn kills() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let path: PathBuf = ["/sys/fs/cgroup", group, "memory.events"].iter().collect();
    parse(&fs::read_to_string(path).ok()?)
}

fn parse(events: &str) -> Option<u64> {
    let count = |line: &str| line.strip_prefix("oom_kill ")?.trim().parse().ok();
    events.lines().find_map(count)
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::parse;

    #[test]
    fn the_count_of_kills_is_found_among_the_events() {
        let events = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n";
        assert_eq!(parse(events), Some(2));
        assert_eq!(parse("low 0\n"), None);
        assert_eq!(parse("oom_kill many\n"), None);
    }
}
