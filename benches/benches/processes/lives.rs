//! Workers that start, crash, and are replaced.

use super::bare::Started;
use super::{WORKERS, check, repeat, tiny};
use std::cell::{Cell, LazyCell};
use std::hint::black_box;
use std::thread;
use std::time::Duration;
use trine::ProcessPool;
use trine_benches::{Row, have_all_meet, measure_prepared, meet};

fn abort(_: ()) {
    std::process::abort()
}

fn fail(_: ()) {
    panic!("as it was told")
}

pub(super) fn pools() {
    // The pools end outside of the time.
    let (pools, peers) = (Cell::new(None), Cell::new(None));
    Row::new("processes.p4", "a pool of 2, until both have answered", || {
        measure_prepared(
            |_| drop(pools.take()),
            |()| {
                let pool = ProcessPool::new(WORKERS).expect("a pool");
                have_all_meet(WORKERS, |place| {
                    let future = pool.submit(meet, place);
                    || future.result().expect("a value")
                });
                pools.set(Some(pool));
            },
        )
    })
    .against("procspawn", 0.6, || {
        measure_prepared(
            |_| drop(peers.take()),
            |()| {
                let pool = procspawn::Pool::new(WORKERS).expect("a pool");
                have_all_meet(WORKERS, |place| {
                    let handle = pool.spawn(place, meet);
                    || handle.join().expect("a value")
                });
                peers.set(Some(pool));
            },
        )
    })
    .against("this program, started twice, bare", 2.0, || {
        repeat(|_| {
            let children = [1, 2].map(|_| Started::start());
            children.into_iter().for_each(Started::answer);
            1
        })
    })
    .run();
}

/// In a large program: what copies its memory map to start a worker takes long.
pub(super) fn replacement() {
    let large = LazyCell::new(|| vec![1_u8; 1 << 30]);
    let pool = ProcessPool::new(1).expect("a pool");
    let peer = procspawn::Pool::new(1).expect("a pool");
    Row::new(
        "processes.p4.replace",
        "a task aborts, until the next worker has answered, 1 GiB touched here",
        || {
            black_box(large.as_slice());
            repeat(|nonce| {
                let question = black_box((7, nonce));
                pool.submit(abort, ()).result().expect_err("it aborts");
                check(question, pool.submit(tiny, question).result().expect("a value"));
                1
            })
        },
    )
    .against("procspawn", 0.6, || {
        black_box(large.as_slice());
        repeat(|nonce| {
            let question = black_box((7, nonce));
            peer.spawn((), abort).join().expect_err("it aborts");
            check(question, peer.spawn(question, tiny).join().expect("a value"));
            1
        })
    })
    .run();
}

/// In this time workers that have died are replaced.
fn rest() {
    thread::sleep(Duration::from_millis(10));
}

pub(super) fn crashes() {
    let pool = ProcessPool::new(WORKERS).expect("a pool");
    let peer = procspawn::Pool::new(WORKERS).expect("a pool");
    Row::new(
        "processes.p5.abort",
        "a task aborts, until the caller knows",
        || repeat(|_| u64::from(pool.submit(abort, ()).result().is_err())),
    )
    .against("procspawn", 1.0, || {
        repeat(|_| u64::from(peer.spawn((), abort).join().is_err()))
    })
    .run();
    Row::new(
        "processes.p5.abort.rested",
        "the same, when all workers are there",
        || {
            measure_prepared(
                |_| rest(),
                |()| _ = pool.submit(abort, ()).result().expect_err("it aborts"),
            )
        },
    )
    .against("procspawn", 1.0, || {
        measure_prepared(
            |_| rest(),
            |()| _ = peer.spawn((), abort).join().expect_err("it aborts"),
        )
    })
    .run();
    Row::new(
        "processes.p5.panic",
        "a task panics, until the caller knows",
        || repeat(|_| u64::from(pool.submit(fail, ()).result().is_err())),
    )
    .against("procspawn", 0.5, || {
        repeat(|_| u64::from(peer.spawn((), fail).join().is_err()))
    })
    .run();
}
