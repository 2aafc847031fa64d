//! What a worker takes while it has nothing to do.

use super::bare::Futex;
use super::{check, tiny};
use trine::ProcessPool;
use trine_benches::{Grid, MemoryOfProcess};

/// So that a worker has what it keeps.
const TASKS: u64 = 1_000;
const AT_MOST: f64 = 1.5;

pub(super) fn idle() {
    let title = format!("memory of an idle worker after {TASKS} tiny tasks");
    let head = ["whose", "private KiB", "proportional KiB", "Trine, private"];
    let Some(mut grid) = Grid::new("processes.memory", &title, head.map(String::from)) else {
        return;
    };
    let pool = ProcessPool::new(1).expect("a pool");
    let trine = of_worker(|question| pool.submit(tiny, question).result().expect("a value"));
    let peer = procspawn::Pool::new(1).expect("a pool");
    let procspawn = of_worker(|question| peer.spawn(question, tiny).join().expect("a value"));
    let bare = Futex::start();
    let nothing = of_worker(|question| bare.ask(question));
    let times = |other: MemoryOfProcess| trine.private as f64 / other.private as f64;
    let verdict = if times(procspawn) > AT_MOST {
        "SHORT"
    } else {
        "met"
    };
    let against = format!("{:.2}x, at most {AT_MOST:.2}x: {verdict}", times(procspawn));
    grid.lines = vec![
        line("Trine", trine, String::new()),
        line("procspawn", procspawn, against),
        line("a process, bare", nothing, format!("{:.2}x", times(nothing))),
    ];
    grid.print();
}

/// One by one, so that the worker has nothing to do when the last answer is there.
fn of_worker(ask: impl Fn((u64, u64)) -> (u64, u32)) -> MemoryOfProcess {
    let answers = (0..TASKS).map(|number| {
        let answer = ask((number, 7));
        check((number, 7), answer);
        answer.1
    });
    MemoryOfProcess::of(answers.last().expect("there are tasks"))
}

fn line(whose: &str, memory: MemoryOfProcess, note: String) -> Vec<String> {
    let kibibytes = |bytes: u64| (bytes / 1024).to_string();
    vec![
        whose.into(),
        kibibytes(memory.private),
        kibibytes(memory.proportional),
        note,
    ]
}
