//! An order without a pattern that caches or prefetchers could learn, the same in each run.

/// The numbers below `count`, shuffled.
pub fn random_order(count: usize) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..count).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for last in (1..count).rev() {
        // Xorshift: plain, and good enough to shuffle with.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        numbers.swap(last, (state % (last as u64 + 1)) as usize);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_there_once_and_few_in_their_place() {
        let numbers = random_order(1_000);
        let in_place = numbers
            .iter()
            .enumerate()
            .filter(|&(place, &number)| place == number);
        assert!(in_place.count() < 10);
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..1_000));
    }
}
