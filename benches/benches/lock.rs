//! The lock against other mutexes that block.

use std::hint::black_box;
use trine_benches::{Measurement, Row, measure, two_threads};

const OPERATIONS: u64 = 2_000_000;

fn main() {
    uncontended();
    contended(
        "lock.contended.short",
        "lock, add one, unlock, two threads compete",
        add_one,
    );
    contended(
        "lock.contended.long",
        "lock, compute for a microsecond, unlock, two threads compete",
        compute,
    );
}

fn repeat(mut operation: impl FnMut()) -> Measurement {
    measure(|| {
        for _ in 0..OPERATIONS {
            operation();
        }
        OPERATIONS
    })
}

fn uncontended() {
    let trine = trine::Lock::new(0_u64);
    let std = std::sync::Mutex::new(0_u64);
    let parking_lot = parking_lot::Mutex::new(0_u64);
    Row::new("lock.uncontended", "lock and unlock, one thread", || {
        repeat(|| add_one(&mut black_box(&trine).lock()))
    })
    .against("std", 1.0, || {
        repeat(|| add_one(&mut black_box(&std).lock().expect("nobody panics")))
    })
    .against("parking_lot", 1.0, || {
        repeat(|| add_one(&mut black_box(&parking_lot).lock()))
    })
    .run();
}

fn contended(name: &str, title: &str, section: fn(&mut u64)) {
    let trine = trine::Lock::new(1_u64);
    let std = std::sync::Mutex::new(1_u64);
    let parking_lot = parking_lot::Mutex::new(1_u64);
    Row::new(name, title, || {
        two_threads(|running| running.repeat(|| section(&mut black_box(&trine).lock())))
    })
    .against("std", 1.1, || {
        two_threads(|running| running.repeat(|| section(&mut black_box(&std).lock().expect("nobody panics"))))
    })
    .against("parking_lot", 1.1, || {
        two_threads(|running| running.repeat(|| section(&mut black_box(&parking_lot).lock())))
    })
    .run();
}

fn add_one(value: &mut u64) {
    *value = black_box(*value + 1);
}

/// About a microsecond.
fn compute(value: &mut u64) {
    for _ in 0..500 {
        *value ^= *value << 13;
        *value ^= *value >> 7;
        *value ^= *value << 17;
    }
    black_box(value);
}
