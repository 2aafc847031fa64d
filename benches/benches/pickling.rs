//! What it costs to write a value in one process and read it in another: calls with an argument of so many bytes, one at a
//! time, in threads and in processes. The task looks at one byte of it and answers with a number.
//!
//! Arguments are made before the time is taken, those that are shared once for all calls. `cargo xtask bench --all-cores pickling` writes the
//! table and the picture that stand in the guide.

use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::sync::Arc;
use trine::processes::SharedBytes;
use trine::{Executor, ProcessPool, ThreadPool};
use trine_benches::{ByteBuf, Line, Place, Plot, Quartiles, measure_prepared};

const WORKERS: usize = 2;
const SIZES: [usize; 9] = [
    8,
    64,
    512,
    4 << 10,
    32 << 10,
    256 << 10,
    2 << 20,
    16 << 20,
    64 << 20,
];
const ROUNDS: usize = 11;
/// As many arguments are made in advance as fit into this, and at least one.
const IN_ADVANCE: usize = 256 << 10;

/// Bytes among other things: serde takes them one by one.
#[derive(Serialize, Deserialize)]
struct Picture {
    width: u32,
    bytes: Vec<u8>,
}

fn middle(bytes: &[u8]) -> u8 {
    bytes[bytes.len() / 2]
}

fn main() {
    let places = SIZES.map(|size| Place::bytes(size as u64));
    let Some(mut plot) = Plot::new(
        "pickling",
        "a call with an argument of so many bytes, one at a time",
        ["bytes", "µs a call"],
        places.into(),
    ) else {
        return;
    };
    let threads = ThreadPool::new(WORKERS).expect("a pool");
    let processes = ProcessPool::new(WORKERS).expect("a pool");
    type Sample<'a> = Box<dyn Fn(usize) -> f64 + 'a>;
    let contenders: [(&str, Sample<'_>); 5] = [
        (
            "threads",
            Box::new(|size| {
                let shared = Arc::new(bytes(size));
                let task = |bytes: Arc<Vec<u8>>| middle(&bytes);
                calls(&threads, size, task, || Arc::clone(&shared))
            }),
        ),
        (
            "SharedBytes",
            Box::new(|size| {
                let shared = SharedBytes::from(&*bytes(size));
                let task = |bytes: SharedBytes| middle(&bytes);
                calls(&processes, size, task, || shared.clone())
            }),
        ),
        (
            "Vec<u8>",
            Box::new(|size| calls(&processes, size, |bytes: Vec<u8>| middle(&bytes), || bytes(size))),
        ),
        (
            "ByteBuf",
            Box::new(|size| {
                let task = |bytes: ByteBuf| middle(&bytes.0);
                calls(&processes, size, task, || ByteBuf(bytes(size)))
            }),
        ),
        (
            "in a struct",
            Box::new(|size| {
                let task = |picture: Picture| middle(&picture.bytes);
                let bytes = || bytes(size);
                calls(&processes, size, task, || Picture {
                    width: 1,
                    bytes: bytes(),
                })
            }),
        ),
    ];
    for (name, sample) in &contenders {
        plot.lines.push(Line {
            name: (*name).into(),
            values: Vec::new(),
        });
        // Warms up.
        sample(SIZES[0]);
    }
    for size in SIZES {
        let mut samples = vec![Vec::new(); contenders.len()];
        for round in 0..ROUNDS {
            for turn in 0..contenders.len() {
                let contender = (round + turn) % contenders.len();
                samples[contender].push((contenders[contender].1)(size));
            }
        }
        for (line, samples) in plot.lines.iter_mut().zip(samples) {
            line.values.push(Quartiles::of(samples).median);
        }
    }
    plot.print();
}

fn bytes(size: usize) -> Vec<u8> {
    vec![7; size]
}

/// What a call takes, in microseconds.
fn calls<E, F, A>(pool: &E, size: usize, task: F, argument: impl Fn() -> A) -> f64
where
    E: Executor<F, A, Output = u8>,
    F: Copy,
{
    let in_advance = (IN_ADVANCE / size).clamp(1, 1_000);
    let sample = measure_prepared(
        |_| (0..in_advance).map(|_| argument()).collect::<Vec<A>>(),
        |arguments| {
            for argument in arguments {
                black_box(pool.submit(task, black_box(argument)).result().expect("a value"));
            }
        },
    );
    sample.wall.as_secs_f64() * 1e6 / (sample.operations * in_advance as u64) as f64
}
