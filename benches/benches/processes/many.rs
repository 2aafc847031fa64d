//! Many tiny tasks.

use super::{Argument, WORKERS, check, repeat, tiny};
use std::hint::black_box;
use trine::ProcessPool;
use trine_benches::Row;

/// How many tasks are submitted before the first result is taken.
const SUBMITTED: u64 = 2_000;

/// How many elements a map has, and how many of them the peer is given at once.
const MAPPED: u64 = 100_000;
const CHUNK: usize = 1_000;

fn questions(count: u64, nonce: u64) -> impl Iterator<Item = Argument> {
    (0..count).map(move |number| black_box((number, nonce)))
}

pub(super) fn one_by_one() {
    let pool = ProcessPool::new(WORKERS).expect("a pool");
    let peer = procspawn::Pool::new(WORKERS).expect("a pool");
    Row::new(
        "processes.p2",
        "tiny tasks submitted one by one, then collected",
        || {
            repeat(|nonce| {
                let futures: Vec<_> = questions(SUBMITTED, nonce)
                    .map(|question| pool.submit(tiny, question))
                    .collect();
                for (question, future) in questions(SUBMITTED, nonce).zip(futures) {
                    check(question, future.result().expect("a value"));
                }
                SUBMITTED
            })
        },
    )
    .against("procspawn", 0.004, || {
        repeat(|nonce| {
            let handles: Vec<_> = questions(SUBMITTED, nonce)
                .map(|question| peer.spawn(question, tiny))
                .collect();
            for (question, handle) in questions(SUBMITTED, nonce).zip(handles) {
                check(question, handle.join().expect("a value"));
            }
            SUBMITTED
        })
    })
    .run();
}

pub(super) fn by_map() {
    let pool = ProcessPool::new(WORKERS).expect("a pool");
    let peer = procspawn::Pool::new(WORKERS).expect("a pool");
    let chunk = |questions: Vec<Argument>| questions.into_iter().map(tiny).collect::<Vec<_>>();
    Row::new("processes.p2.map", "100,000 tiny tasks by map", || {
        repeat(|nonce| {
            for (question, answer) in questions(MAPPED, nonce).zip(pool.map(tiny, questions(MAPPED, nonce))) {
                check(question, answer.expect("a value"));
            }
            MAPPED
        })
    })
    .against("procspawn, chunks of 1000 by hand", 1.0, || {
        repeat(|nonce| {
            let all: Vec<_> = questions(MAPPED, nonce).collect();
            let handles: Vec<_> = all
                .chunks(CHUNK)
                .map(|some| peer.spawn(some.to_vec(), chunk))
                .collect();
            let answers = handles
                .into_iter()
                .flat_map(|handle| handle.join().expect("values"));
            for (question, answer) in questions(MAPPED, nonce).zip(answers) {
                check(question, answer);
            }
            MAPPED
        })
    })
    .run();
}
