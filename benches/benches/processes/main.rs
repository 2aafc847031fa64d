//! Tasks in worker processes: round trips, many small tasks, new pools, crashes, memory.
//!
//! The time of processors is that of this process; what the workers use is not in it.

mod bare;
mod lives;
mod many;
mod memory;
mod round_trips;

use std::process;
use std::time::Instant;
use trine_benches::{Measurement, SAMPLE, measure};

const WORKERS: usize = 2;

/// Two words go out, with a number that nobody else has, and the process that has answered comes back.
type Argument = (u64, u64);
type Answer = (u64, u32);

fn tiny((number, nonce): Argument) -> Answer {
    (number ^ nonce, process::id())
}

/// Checks an answer: it is that to this question, and another process has given it.
fn check(question: Argument, (answer, process): Answer) {
    assert_eq!(answer, question.0 ^ question.1);
    assert_ne!(process, process::id());
}

/// Repeats for as long as a sample lasts.
fn repeat(mut work: impl FnMut(u64) -> u64) -> Measurement {
    measure(|| {
        let start = Instant::now();
        let mut operations = 0;
        while start.elapsed() < SAMPLE {
            operations += work(operations);
        }
        operations
    })
}

fn main() {
    procspawn::init();
    if bare::is_other_end() {
        return;
    }
    round_trips::hot();
    round_trips::with_gaps();
    many::one_by_one();
    many::by_map();
    lives::pools();
    lives::replacement();
    lives::crashes();
    memory::idle();
}
