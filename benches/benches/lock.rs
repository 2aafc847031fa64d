//! The lock against other mutexes.

use std::hint::black_box;
use trine_benches::compare;

const OPERATIONS: u32 = 2_000_000;

fn main() {
    let trine = trine::Lock::new(0u64);
    let parking_lot = parking_lot::Mutex::new(0u64);
    let std = std::sync::Mutex::new(0u64);
    compare(
        "lock and unlock, one thread",
        OPERATIONS,
        15,
        &mut [
            (
                "trine",
                Box::new(|| {
                    for _ in 0..OPERATIONS {
                        *black_box(&trine).lock() += 1;
                    }
                }),
            ),
            (
                "parking_lot",
                Box::new(|| {
                    for _ in 0..OPERATIONS {
                        *black_box(&parking_lot).lock() += 1;
                    }
                }),
            ),
            (
                "std",
                Box::new(|| {
                    for _ in 0..OPERATIONS {
                        *black_box(&std).lock().expect("nobody panics") += 1;
                    }
                }),
            ),
        ],
    );
}
