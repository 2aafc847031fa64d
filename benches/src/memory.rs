//! The memory of a process, as Linux counts it.

use std::fs;

/// The memory of another process, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct MemoryOfProcess {
    /// What nobody else has.
    pub private: u64,
    /// And its part of what others have as well.
    pub proportional: u64,
}

impl MemoryOfProcess {
    /// What `process` has now.
    ///
    /// # Panics
    ///
    /// If there is no such process.
    pub fn of(process: u32) -> Self {
        let map = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).expect("Linux shows it");
        Self {
            private: bytes(&map, "Private_Clean:") + bytes(&map, "Private_Dirty:"),
            proportional: bytes(&map, "Pss:"),
        }
    }
}

/// The bytes that are in memory now.
///
/// # Panics
///
/// Without `/proc`.
pub fn memory() -> u64 {
    status("VmRSS:")
}

/// The most that were in memory at once, since the start or the last [`forget_peak_memory`].
///
/// # Panics
///
/// Without `/proc`.
pub fn peak_memory() -> u64 {
    status("VmHWM:")
}

/// From here on the peak is counted anew.
///
/// # Panics
///
/// If the system does not let a process do that.
pub fn forget_peak_memory() {
    fs::write("/proc/self/clear_refs", "5").expect("a process can reset its own peak");
}

fn status(name: &str) -> u64 {
    bytes(
        &fs::read_to_string("/proc/self/status").expect("Linux shows it"),
        name,
    )
}

/// What stands behind `name`.
fn bytes(text: &str, name: &str) -> u64 {
    let kibibytes = text.lines().find_map(|line| {
        line.strip_prefix(name)?
            .trim()
            .strip_suffix(" kB")?
            .parse::<u64>()
            .ok()
    });
    1024 * kibibytes.expect("Linux shows it in kibibytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_touched_counts_and_stays_in_the_peak() {
        const BYTES: usize = 32 << 20;
        forget_peak_memory();
        let before = memory();
        drop(std::hint::black_box(vec![1_u8; BYTES]));
        assert!(peak_memory() >= before + BYTES as u64 / 2);
    }

    #[test]
    fn what_this_process_touches_is_private() {
        const BYTES: usize = 32 << 20;
        let before = MemoryOfProcess::of(std::process::id());
        let touched = std::hint::black_box(vec![1_u8; BYTES]);
        let now = MemoryOfProcess::of(std::process::id());
        assert!(now.private >= before.private + BYTES as u64 / 2);
        assert!(now.proportional >= now.private);
        drop(touched);
    }
}
