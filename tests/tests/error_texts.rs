//! What the errors say: each text of `error_texts.txt` comes from a failure that really happens here.

use serde::{Deserialize, Serialize};
use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;
use trine::{AsyncPool, Future, ProcessPool, Promise, Shutdown, TaskError, ThreadPool};
use trine_fixture::in_own_process;

const EXPECTED: &str = include_str!("error_texts.txt");

#[test]
fn errors_say_what_failed_where_and_what_to_do() {
    in_own_process(|| {
        let texts: String = [
            in_any_pool(),
            in_threads(),
            in_processes(),
            of_values(),
            in_tasks(),
        ]
        .into_iter()
        .flatten()
        .map(|(failure, error)| format!("# {failure}\n{}\n\n", text(&error)))
        .collect();
        if texts.trim_end() != EXPECTED.trim_end() {
            let found = Path::new(env!("CARGO_TARGET_TMPDIR")).join("error_texts.txt");
            fs::write(&found, &texts).unwrap();
            panic!(
                "the errors say something else than tests/error_texts.txt does:\n{texts}\n(also in {})",
                found.display()
            );
        }
    });
}

type Failures = Vec<(&'static str, TaskError)>;

/// The error and its causes, without what differs from run to run: process ids, and lines of this file.
fn text(error: &TaskError) -> String {
    let mut text = error.to_string();
    if let Some(death) = error.worker_death() {
        text = text.replace(&death.pid.to_string(), "PID");
    }
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!("\nbecause: {cause}");
        source = cause.source();
    }
    match text.split_once(".rs:") {
        Some((before, after)) => {
            let rest =
                after.trim_start_matches(|character: char| character.is_ascii_digit() || character == ':');
            format!("{before}.rs:LINE{rest}")
        }
        None => text,
    }
}

fn error<T>(future: Future<T>) -> TaskError {
    match future.result() {
        Ok(_) => panic!("it was to fail"),
        Err(error) => error,
    }
}

fn in_any_pool() -> Failures {
    let (_promise, cancelled) = Promise::<u32>::new();
    cancelled.cancel();
    let (promise, abandoned) = Promise::<u32>::new();
    drop(promise);
    let mut taken = Future::ready(1);
    assert!(taken.result_timeout(Duration::ZERO).is_some());
    vec![
        ("cancelled", error(cancelled)),
        ("a promise is dropped", error(abandoned)),
        ("taken twice", error(taken)),
    ]
}

fn in_threads() -> Failures {
    let pool = ThreadPool::new(1).unwrap();
    let (report, reported) = mpsc::channel();
    let (give, own) = mpsc::channel::<Future<()>>();
    let circle = pool.spawn(move || {
        let own: Future<()> = own.recv().expect("it is sent");
        report.send(error(own)).expect("it is received");
    });
    give.send(circle).unwrap();
    let deadlock = reported.recv().unwrap();

    let pool = ThreadPool::builder()
        .workers(1)
        .queue_limit(1, trine::threads::WhenFull::Refuse)
        .build()
        .unwrap();
    let panicked = error(pool.spawn(|| panic!("no such page")));

    let (release, released) = mpsc::channel::<()>();
    let (start, started) = mpsc::channel();
    let running = pool.spawn(move || {
        start.send(()).expect("it is received");
        released.recv()
    });
    started.recv().unwrap();
    let queued = pool.spawn(|| ());
    let full = error(pool.spawn(|| ()));
    drop(release);
    assert!(running.result().unwrap().is_err());
    queued.result().unwrap();
    pool.shutdown(Shutdown::Drain);
    vec![
        ("a task panics in a thread", panicked),
        ("a task waits for itself", deadlock),
        ("a queue of a thread pool is full", full),
        ("a thread pool is shut down", error(pool.spawn(|| ()))),
    ]
}

fn misbehave(how: String) -> u32 {
    match how.as_str() {
        "panic" => panic!("no such page"),
        "abort" => std::process::abort(),
        "exit" => {
            eprintln!("no licence");
            std::process::exit(7)
        }
        // It says by a file that it runs.
        path if path.starts_with('/') => {
            fs::write(path, "").expect("the file can be written");
            loop {
                std::thread::park();
            }
        }
        _ => 1,
    }
}

fn in_processes() -> Failures {
    let pool = ProcessPool::builder()
        .workers(1)
        .queue_limit(1, trine::processes::WhenFull::Refuse)
        .build()
        .unwrap();
    let misbehaving = |how: &str| error(pool.submit(misbehave, how.to_owned()));
    // In this order: what a worker writes last would be the words of the panic.
    let [aborted, exited, panicked] = ["abort", "exit", "panic"].map(misbehaving);
    let runs = std::env::temp_dir().join(format!("trine-error-texts-{}", std::process::id()));
    let park = runs.to_str().expect("the path is text").to_owned();
    let timeout = Duration::from_millis(50);
    let timed_out = error(pool.task(misbehave, park.clone()).timeout(timeout).submit());

    let _ = fs::remove_file(&runs);
    let parked = pool.submit(misbehave, park);
    while !runs.exists() {
        std::thread::yield_now();
    }
    fs::remove_file(&runs).unwrap();
    let mut queued = Vec::new();
    let full = loop {
        let future = pool.submit(misbehave, String::new());
        if future.is_done() {
            break error(future);
        }
        queued.push(future);
    };
    pool.kill();
    let killed = error(parked);
    let shut_down = error(pool.submit(misbehave, String::new()));

    let failing = |_: ()| Err::<(), _>("no dictionary");
    let unhealthy = ProcessPool::builder()
        .workers(1)
        .initializer(failing, ())
        .restart_limit(1)
        .build()
        .unwrap();
    vec![
        ("a task panics in a process", panicked),
        ("a task aborts", aborted),
        ("a task exits, with words", exited),
        ("a task runs too long", timed_out),
        ("a process pool is killed", killed),
        ("a queue of a process pool is full", full),
        ("a process pool is shut down", shut_down),
        (
            "an initializer fails",
            error(unhealthy.submit(misbehave, String::new())),
        ),
    ]
}

/// What postcard can't carry.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u32),
}

/// Can't be written, or can't be read by another process than wrote it.
struct Awkward {
    is_readable: bool,
    is_writable: bool,
}

impl Serialize for Awkward {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.is_writable {
            return Err(serde::ser::Error::custom("a page has an open file"));
        }
        (self.is_readable, std::process::id()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Awkward {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (is_readable, writer) = <(bool, u32)>::deserialize(deserializer)?;
        if !is_readable && writer != std::process::id() {
            return Err(serde::de::Error::custom("not here"));
        }
        Ok(Self {
            is_readable,
            is_writable: true,
        })
    }
}

fn of_values() -> Failures {
    let pool = ProcessPool::new(1).unwrap();
    let make = |(is_readable, is_writable): (bool, bool)| Awkward {
        is_readable,
        is_writable,
    };
    let take = |_: Awkward| ();
    vec![
        (
            "an argument can't be written",
            error(pool.submit(take, make((true, false)))),
        ),
        (
            "an argument can't be read",
            error(pool.submit(take, make((false, true)))),
        ),
        (
            "a result can't be written",
            error(pool.submit(make, (true, false))),
        ),
        ("a result can't be read", error(pool.submit(make, (false, true)))),
        (
            "an argument is nothing for postcard",
            error(pool.submit(|_: Untagged| (), Untagged::Number(7))),
        ),
    ]
}

fn in_tasks() -> Failures {
    let pool = AsyncPool::new(1).unwrap();
    let panicked = error(pool.spawn(async { panic!("no such page") }));
    let endless = pool.task(async |_: ()| std::future::pending::<()>().await, ());
    let late = error(endless.timeout(Duration::from_millis(10)).submit());
    pool.shutdown(Shutdown::Drain);
    let small = AsyncPool::builder()
        .workers(1)
        .in_flight_limit(1, trine::async_tasks::WhenFull::Refuse);
    let small = small.build().unwrap();
    let endless = small.spawn(std::future::pending::<()>());
    let full = error(small.spawn(async {}));
    endless.cancel();
    vec![
        ("a task panics in a runtime", panicked),
        ("a task in a runtime takes too long", late),
        ("an async pool is full", full),
        ("an async pool is shut down", error(pool.spawn(async {}))),
    ]
}
