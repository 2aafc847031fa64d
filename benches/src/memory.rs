//! The memory of this process, as Linux counts it.

use std::fs;

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
    let text = fs::read_to_string("/proc/self/status").expect("Linux shows it");
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
}
