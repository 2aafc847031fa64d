//! How many workers a pool gets when nobody says.

/// The number of threads that this process may run at once: at least 1.
///
/// It respects the affinity mask and the CPU quota of cgroups v1 and v2. Where the system can't tell, it is 1.
pub fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
