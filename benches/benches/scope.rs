//! Scopes against others: a tree of a million tasks, each spawned by the one above.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use trine::{Scope, ThreadPool};
use trine_benches::{Measurement, Row, measure};

const TITLE: &str = "tasks of a tree of 1,048,575, spawned by each other in one scope";
const WORKERS: usize = 2;
/// A binary tree of this depth has 1,048,575 tasks.
const DEPTH: u32 = 20;
const TASKS: u64 = (1 << DEPTH) - 1;
const REPEATS: u64 = 5;

/// Each sample makes its pool and drops it: a pool that idles beside others is not measured.
fn main() {
    Row::new("scope.t2", TITLE, trine)
        .against("rayon", 0.6, || {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(WORKERS)
                .build()
                .expect("the system gives threads");
            repeat(|leaves| pool.scope(|scope| tree_rayon(scope, DEPTH, black_box(1), leaves)))
        })
        .run();
    // The last, because forte's pool can't be dropped, and shrinking it hangs at times.
    static FORTE: forte::ThreadPool = forte::ThreadPool::new();
    FORTE.resize_to(WORKERS);
    Row::new("scope.t2.forte", TITLE, trine)
        .against("forte", 1.0, || {
            repeat(|leaves| FORTE.scope(|scope| tree_forte(scope, DEPTH, black_box(1), leaves)))
        })
        .run();
}

fn trine() -> Measurement {
    let pool = ThreadPool::new(WORKERS).expect("the system gives threads");
    repeat(|leaves| pool.scope(|scope| tree_trine(scope, DEPTH, black_box(1), leaves)))
}

/// Often enough for both threads to have time to wake up.
fn repeat(mut tree: impl FnMut(&AtomicU64)) -> Measurement {
    let leaves = AtomicU64::new(0);
    let measurement = measure(|| {
        (0..REPEATS).for_each(|_| tree(&leaves));
        REPEATS * TASKS
    });
    assert_eq!(leaves.load(Relaxed), REPEATS);
    measurement
}

/// The one leaf at the right end of the tree counts itself: the others would compete for the counter.
fn leaf(number: u64, leaves: &AtomicU64) {
    if number == TASKS {
        leaves.fetch_add(1, Relaxed);
    }
}

fn tree_trine<'scope>(scope: &Scope<'scope>, depth: u32, number: u64, leaves: &'scope AtomicU64) {
    if depth == 1 {
        return leaf(number, leaves);
    }
    for child in [2 * number, 2 * number + 1] {
        scope.spawn(move |scope| tree_trine(scope, depth - 1, child, leaves));
    }
}

fn tree_rayon<'scope>(scope: &rayon::Scope<'scope>, depth: u32, number: u64, leaves: &'scope AtomicU64) {
    if depth == 1 {
        return leaf(number, leaves);
    }
    for child in [2 * number, 2 * number + 1] {
        scope.spawn(move |scope| tree_rayon(scope, depth - 1, child, leaves));
    }
}

fn tree_forte<'scope>(scope: &forte::Scope<'scope>, depth: u32, number: u64, leaves: &'scope AtomicU64) {
    if depth == 1 {
        return leaf(number, leaves);
    }
    for child in [2 * number, 2 * number + 1] {
        scope.spawn(move |scope| tree_forte(scope, depth - 1, child, leaves));
    }
}
