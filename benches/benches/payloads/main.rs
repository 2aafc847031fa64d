//! 64 MiB to a worker process and a checksum back, and 64 MiB back: shared, as bytes, inside of a value, as numbers.
//!
//! Arguments that are moved are made before the time is taken. The time of processors is that of this process.

mod bare;

use bare::Bare;
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use trine::processes::{SharedBytes, SharedSlice};
use trine::{Future, ProcessPool};
use trine_benches::{ByteBuf, Row, measure_prepared};

const WORKERS: usize = 2;
const BYTES: usize = 64 << 20;
const NUMBERS: usize = BYTES / size_of::<f64>();

/// A checksum, and the process that has made it.
type Answer = (u64, u32);

fn checksum(bytes: &[u8]) -> Answer {
    let words = bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word));
    (words.fold(0, u64::wrapping_add), std::process::id())
}

fn sum(numbers: &[f64]) -> f64 {
    numbers.iter().sum()
}

#[derive(Serialize, Deserialize)]
struct Picture {
    name: String,
    bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Series {
    name: String,
    numbers: Vec<f64>,
}

/// Bytes that are others each time.
fn shade(nonce: u64) -> u8 {
    (nonce % 251) as u8 + 1
}

fn bytes(nonce: u64) -> Vec<u8> {
    vec![shade(nonce); BYTES]
}

fn picture(nonce: u64) -> Picture {
    Picture {
        name: "a picture".to_owned(),
        bytes: bytes(nonce),
    }
}

fn series(nonce: u64) -> Series {
    Series {
        name: "a series".to_owned(),
        numbers: vec![nonce as f64 + 0.5; NUMBERS],
    }
}

/// The checksum of all bytes that are `shade`, by another process.
fn check(shade: u8, (answer, process): Answer) {
    assert_eq!(
        answer,
        u64::from_le_bytes([shade; 8]).wrapping_mul((BYTES / 8) as u64)
    );
    assert_ne!(process, std::process::id());
}

fn take<T>(future: Future<T>) -> T {
    future.result().expect("a value")
}

fn main() {
    procspawn::init();
    if bare::is_other_end() {
        return;
    }
    let pool = ProcessPool::new(WORKERS).expect("a pool");
    let peer = procspawn::Pool::new(WORKERS).expect("a pool");
    let mut bare = Bare::start();
    out_shared(&pool, &mut bare);
    out_bytes(&pool, &peer, &bare);
    out_values(&pool, &peer);
    back(&pool, &peer, &bare);
}

fn out_shared(pool: &ProcessPool, bare: &mut Bare) {
    let mut kept = SharedBytes::for_overwrite(BYTES);
    Row::new(
        "processes.p3.shared",
        "64 MiB of shared bytes filled, checksum back",
        || {
            measure_prepared(shade, |shade| {
                kept.make_mut().fill(shade);
                let checksum = |bytes: SharedBytes| checksum(&bytes);
                check(shade, take(pool.submit(checksum, black_box(kept.clone()))));
            })
        },
    )
    .against("a kept shared mapping, bare", 1.3, || {
        measure_prepared(shade, |shade| check(shade, bare.ask_shared(shade)))
    })
    .run();
    Row::new(
        "processes.p3.numbers.shared",
        "8 million shared f64 filled, sum back",
        || {
            measure_prepared(
                |nonce| nonce as f64,
                |value| {
                    let mut numbers = SharedSlice::for_overwrite(NUMBERS);
                    numbers.make_mut().fill(value);
                    let sum = |numbers: SharedSlice<f64>| sum(&numbers);
                    assert_eq!(take(pool.submit(sum, black_box(numbers))), value * NUMBERS as f64);
                },
            )
        },
    )
    .run();
}

fn out_bytes(pool: &ProcessPool, peer: &procspawn::Pool, bare: &Bare) {
    let nonce_and = |make: fn(u64) -> Vec<u8>| move |nonce| (shade(nonce), make(nonce));
    Row::new(
        "processes.p3.bytebuf",
        "64 MiB in a ByteBuf out, checksum back",
        || {
            measure_prepared(nonce_and(bytes), |(shade, bytes)| {
                let checksum = |bytes: ByteBuf| checksum(&bytes.0);
                check(shade, take(pool.submit(checksum, black_box(ByteBuf(bytes)))));
            })
        },
    )
    .against("ipc-channel, bytes", 0.5, || {
        measure_prepared(nonce_and(bytes), |(shade, bytes)| {
            check(shade, bare.ask(black_box(bytes)))
        })
    })
    .against("procspawn", 0.12, || {
        measure_prepared(nonce_and(bytes), |(shade, bytes)| {
            let checksum = |bytes: ByteBuf| checksum(&bytes.0);
            check(
                shade,
                peer.spawn(ByteBuf(bytes), checksum).join().expect("a value"),
            );
        })
    })
    .run();
    Row::new(
        "processes.p3.vec",
        "64 MiB in a Vec<u8> out, checksum back",
        || {
            measure_prepared(nonce_and(bytes), |(shade, bytes)| {
                let checksum = |bytes: Vec<u8>| checksum(&bytes);
                check(shade, take(pool.submit(checksum, black_box(bytes))));
            })
        },
    )
    .against("ipc-channel, bytes", 0.5, || {
        measure_prepared(nonce_and(bytes), |(shade, bytes)| {
            check(shade, bare.ask(black_box(bytes)))
        })
    })
    .against("procspawn", 0.12, || {
        measure_prepared(nonce_and(bytes), |(shade, bytes)| {
            let checksum = |bytes: Vec<u8>| checksum(&bytes);
            check(
                shade,
                peer.spawn(black_box(bytes), checksum).join().expect("a value"),
            );
        })
    })
    .run();
}

fn out_values(pool: &ProcessPool, peer: &procspawn::Pool) {
    let prepare = |nonce| (shade(nonce), picture(nonce));
    let checksum = |picture: Picture| checksum(&picture.bytes);
    Row::new(
        "processes.p3.struct",
        "64 MiB in a Vec<u8> in a struct out, checksum back",
        || {
            measure_prepared(prepare, |(shade, picture)| {
                check(shade, take(pool.submit(checksum, black_box(picture))));
            })
        },
    )
    .against("procspawn", 0.5, || {
        measure_prepared(prepare, |(shade, picture)| {
            check(
                shade,
                peer.spawn(black_box(picture), checksum).join().expect("a value"),
            );
        })
    })
    .run();
    let prepare = |nonce| (sum(&[nonce as f64 + 0.5]) * NUMBERS as f64, series(nonce));
    let sum = |series: Series| sum(&series.numbers);
    Row::new(
        "processes.p3.numbers",
        "8 million f64 in a struct out, sum back",
        || {
            measure_prepared(prepare, |(expected, series)| {
                assert_eq!(take(pool.submit(sum, black_box(series))), expected);
            })
        },
    )
    .beside("procspawn", || {
        measure_prepared(prepare, |(expected, series)| {
            assert_eq!(
                peer.spawn(black_box(series), sum).join().expect("a value"),
                expected
            );
        })
    })
    .run();
}

fn back(pool: &ProcessPool, peer: &procspawn::Pool, bare: &Bare) {
    let filled = |shade: u8| {
        let mut bytes = SharedBytes::for_overwrite(BYTES);
        bytes.make_mut().fill(shade);
        bytes
    };
    Row::new("processes.p3.back.shared", "64 MiB of shared bytes back", || {
        measure_prepared(shade, |shade| {
            let bytes = take(pool.submit(filled, shade));
            assert_eq!((bytes.len(), bytes[BYTES - 1]), (BYTES, shade));
        })
    })
    .beside("ipc-channel, bytes", || {
        measure_prepared(shade, |shade| assert_eq!(bare.ask_back(shade)[BYTES - 1], shade))
    })
    .run();
    let filled = |shade: u8| vec![shade; BYTES];
    Row::new("processes.p3.back", "64 MiB in a Vec<u8> back", || {
        measure_prepared(shade, |shade| {
            let bytes = take(pool.submit(filled, shade));
            assert_eq!((bytes.len(), bytes[BYTES - 1]), (BYTES, shade));
        })
    })
    .beside("ipc-channel, bytes", || {
        measure_prepared(shade, |shade| assert_eq!(bare.ask_back(shade)[BYTES - 1], shade))
    })
    .beside("procspawn", || {
        measure_prepared(shade, |shade| {
            let bytes = peer.spawn(shade, filled).join().expect("a value");
            assert_eq!((bytes.len(), bytes[BYTES - 1]), (BYTES, shade));
        })
    })
    .run();
    Row::new(
        "processes.p3.numbers.back",
        "8 million f64 in a struct back",
        || {
            measure_prepared(
                |nonce| nonce,
                |nonce| {
                    let series = take(pool.submit(series, nonce));
                    assert_eq!(series.numbers[NUMBERS - 1], nonce as f64 + 0.5);
                },
            )
        },
    )
    .beside("procspawn", || {
        measure_prepared(
            |nonce| nonce,
            |nonce| {
                let series = peer.spawn(nonce, series).join().expect("a value");
                assert_eq!(series.numbers[NUMBERS - 1], nonce as f64 + 0.5);
            },
        )
    })
    .run();
}
