//! Whether the kernel has killed a process because memory ran out.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The kills that are accounted for: those before the first worker, and one for each worker that was killed since.
static KNOWN: AtomicU64 = AtomicU64::new(u64::MAX);

/// Kills before this are nobody's of ours. Called before each worker is started.
pub(super) fn begin() {
    begin_with(&KNOWN, kills);
}

/// Only the first call that can count them does: one for which there are no descriptors starts no worker either.
fn begin_with(known: &AtomicU64, kills: impl FnOnce() -> Option<u64>) {
    // ORDERING: Relaxed: it is a number.
    if known.load(Relaxed) == u64::MAX
        && let Some(kills) = kills()
    {
        // ORDERING: Relaxed, as above.
        let _ = known.compare_exchange(u64::MAX, kills, Relaxed, Relaxed);
    }
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
    use super::{begin_with, parse};
    use std::sync::atomic::AtomicU64;
    use std::sync::atomic::Ordering::Relaxed;

    #[test]
    fn the_count_of_kills_is_found_among_the_events() {
        let events = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n";
        assert_eq!(parse(events), Some(2));
        assert_eq!(parse("low 0\n"), None);
        assert_eq!(parse("oom_kill many\n"), None);
    }

    #[test]
    fn kills_are_counted_once_but_not_by_who_can_not_read_them() {
        let known = AtomicU64::new(u64::MAX);
        begin_with(&known, || None);
        begin_with(&known, || Some(3));
        begin_with(&known, || unreachable!("it is known"));
        assert_eq!(known.load(Relaxed), 3);
    }
}
