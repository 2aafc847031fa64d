//! Slices in memory that a worker reads where it lies.

use crate::fixture::in_own_process;
use trine_processes::{ProcessPool, SharedBytes, SharedSlice};

const LENGTH: usize = 1 << 20;

fn sum(bytes: SharedBytes) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte)).sum()
}

fn count(length: usize) -> SharedSlice<f64> {
    let mut numbers = SharedSlice::for_overwrite(length);
    for (index, number) in numbers.make_mut().iter_mut().enumerate() {
        *number = index as f64;
    }
    numbers
}

in_own_process! {
    #[test]
    fn a_slice_travels_out_and_back() {
        let pool = ProcessPool::new(2).expect("a pool");
        let mut bytes = SharedBytes::zeroed(LENGTH);
        for round in 1..=3 {
            bytes.make_mut().fill(round);
            let answers = [1, 2].map(|_| pool.submit(sum, bytes.clone()));
            for answer in answers {
                assert_eq!(answer.result().expect("a value"), u64::from(round) * LENGTH as u64);
            }
        }
        for length in [0, 1, 1000, LENGTH, 3 * LENGTH] {
            let numbers = pool.submit(count, length).result().expect("a value");
            assert!(numbers == count(length), "{length} numbers");
        }
    }
}
