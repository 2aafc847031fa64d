//! Fork and join against others: fib(32) that forks at every call, so that nearly all the time is that of `join`.

use std::hint::black_box;
use std::num::NonZero;
use trine::ThreadPool;
use trine_benches::{Measurement, Row, measure};

const WORKERS: usize = 2;
const ARGUMENT: u32 = 32;
const TITLE: &str = "joins in fib(32) without a cut-off, from outside";
/// How many joins fib(32) does.
const JOINS: u64 = 3_524_577;
const REPEATS: u64 = 5;

/// Each sample makes its pool and drops it: a pool that idles beside others is not measured.
fn main() {
    Row::new(
        "join.t3",
        "joins in fib(32) without a cut-off, from outside",
        || {
            let pool = ThreadPool::new(WORKERS).expect("the system gives threads");
            repeat(|| black_box(fib_trine(&pool, black_box(ARGUMENT))))
        },
    )
    .against("rayon", 0.5, || {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(WORKERS)
            .build()
            .expect("the system gives threads");
        repeat(|| black_box(pool.install(|| fib_rayon(black_box(ARGUMENT)))))
    })
    .against("chili", 1.0, || {
        let pool = chili::ThreadPool::with_config(chili::Config {
            thread_count: NonZero::new(WORKERS),
            ..chili::Config::default()
        });
        repeat(|| black_box(fib_chili(&mut pool.scope(), black_box(ARGUMENT))))
    })
    .beside("alone", || repeat(|| black_box(fib(black_box(ARGUMENT)))))
    .run();
    // The last, because forte's pool can't be dropped, and shrinking it hangs at times.
    static FORTE: forte::ThreadPool = forte::ThreadPool::new();
    FORTE.resize_to(WORKERS);
    Row::new("join.t3.forte", TITLE, trine)
        .against("forte", 1.0, || {
            repeat(|| black_box(FORTE.with_worker(|worker| fib_forte(worker, black_box(ARGUMENT)))))
        })
        .run();
}

fn trine() -> Measurement {
    let pool = ThreadPool::new(WORKERS).expect("the system gives threads");
    repeat(|| black_box(fib_trine(&pool, black_box(ARGUMENT))))
}

/// Often enough for both threads to have time to wake up.
fn repeat(mut fib: impl FnMut() -> u64) -> Measurement {
    measure(|| {
        (0..REPEATS).for_each(|_| _ = fib());
        REPEATS * JOINS
    })
}

fn fib_trine(pool: &ThreadPool, number: u32) -> u64 {
    if number < 2 {
        return u64::from(number);
    }
    let (first, second) = pool.join(|| fib_trine(pool, number - 1), || fib_trine(pool, number - 2));
    first + second
}

fn fib_rayon(number: u32) -> u64 {
    if number < 2 {
        return u64::from(number);
    }
    let (first, second) = rayon::join(|| fib_rayon(number - 1), || fib_rayon(number - 2));
    first + second
}

fn fib_chili(scope: &mut chili::Scope<'_>, number: u32) -> u64 {
    if number < 2 {
        return u64::from(number);
    }
    let (first, second) = scope.join(
        |scope| fib_chili(scope, number - 1),
        |scope| fib_chili(scope, number - 2),
    );
    first + second
}

fn fib_forte(worker: &forte::Worker, number: u32) -> u64 {
    if number < 2 {
        return u64::from(number);
    }
    let (first, second) = worker.join(
        |worker| fib_forte(worker, number - 1),
        |worker| fib_forte(worker, number - 2),
    );
    first + second
}

fn fib(number: u32) -> u64 {
    if number < 2 {
        return u64::from(number);
    }
    black_box(fib)(number - 1) + black_box(fib)(number - 2)
}
