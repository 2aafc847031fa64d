//! Bringing memory closer before it is needed.

/// Has the cache line that `place` begins in fetched for this processor alone, because it is about to be read and written. A
/// hint: nothing waits for it. Nothing happens where the language has no way to say it in a line.
#[inline]
pub fn prefetch_for_write<T>(place: &T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: the instruction changes nothing but the cache, never faults, and does nothing on a processor without it.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) place, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = place;
}
