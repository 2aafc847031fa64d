//! One tiny task at a time.

use super::bare::{Channel, Futex};
use super::{Answer, Argument, WORKERS, check, repeat, tiny};
use std::hint::black_box;
use std::thread;
use std::time::Duration;
use trine::ProcessPool;
use trine_benches::{Measurement, Row, is_one_core, measure_prepared};

/// Long enough for a worker to fall asleep.
const GAP: Duration = Duration::from_micros(200);

const FUTEX: &str = "shared memory and futex, bare";

/// Those who answer.
struct All {
    pool: ProcessPool,
    procspawn: procspawn::Pool,
    channel: Channel,
    futex: Futex,
}

impl All {
    fn start() -> Self {
        Self {
            pool: ProcessPool::new(WORKERS).expect("a pool"),
            procspawn: procspawn::Pool::new(WORKERS).expect("a pool"),
            channel: Channel::start(),
            futex: Futex::start(),
        }
    }

    fn trine(&self, question: Argument) -> Answer {
        self.pool.submit(tiny, question).result().expect("a value")
    }

    fn procspawn(&self, question: Argument) -> Answer {
        self.procspawn.spawn(question, tiny).join().expect("a value")
    }
}

/// On one core nobody gains from spinning, and what counts is the work.
pub(super) fn hot() {
    let all = All::start();
    let [procspawn, channel] = if is_one_core() { [0.2, 1.0] } else { [0.02, 0.05] };
    let row = Row::new("processes.p1", "one tiny task at a time", || {
        one_at_a_time(|question| all.trine(question))
    })
    .against("procspawn", procspawn, || {
        one_at_a_time(|question| all.procspawn(question))
    })
    .against("ipc-channel, bare", channel, || {
        one_at_a_time(|question| all.channel.ask(question))
    });
    let futex = || one_at_a_time(|question| all.futex.ask(question));
    if is_one_core() {
        row.against(FUTEX, 1.7, futex).run();
    } else {
        row.beside(FUTEX, futex).run();
    }
}

pub(super) fn with_gaps() {
    let all = All::start();
    Row::new(
        "processes.p1.gap",
        "one tiny task at a time, 200 µs of sleep before each, which is not counted",
        || after_gaps(|question| all.trine(question)),
    )
    .against(FUTEX, 1.3, || after_gaps(|question| all.futex.ask(question)))
    .beside("ipc-channel, bare", || {
        after_gaps(|question| all.channel.ask(question))
    })
    .beside("procspawn", || after_gaps(|question| all.procspawn(question)))
    .run();
}

fn one_at_a_time(ask: impl Fn(Argument) -> Answer) -> Measurement {
    repeat(|nonce| {
        let question = black_box((7, nonce));
        check(question, ask(question));
        1
    })
}

fn after_gaps(ask: impl Fn(Argument) -> Answer) -> Measurement {
    let prepare = |nonce| {
        thread::sleep(GAP);
        black_box((7, nonce))
    };
    measure_prepared(prepare, |question| check(question, ask(question)))
}
