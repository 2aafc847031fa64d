//! A program that ends with a thread pool that is not idle, in the way that its argument says.

use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::Duration;
use trine::{Shutdown, ThreadPool};

static POOL: OnceLock<ThreadPool> = OnceLock::new();

/// Holds a worker until the sender is dropped, which is never if it is forgotten.
fn hold(pool: &ThreadPool) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel();
    let (started, has_started) = mpsc::channel();
    drop(pool.spawn(move || {
        started.send(()).expect("the program waits");
        released.recv()
    }));
    has_started.recv().expect("the task starts");
    release
}

fn main() {
    let way = std::env::args().nth(1);
    let pool = ThreadPool::new(1).expect("the system gives threads");
    let release = hold(&pool);
    drop(pool.spawn(|| println!("apple")));
    match way.as_deref() {
        // The pool is dropped after this, and runs what is queued.
        Some("return") => drop(release),
        Some("static") => {
            std::mem::forget(release);
            let _ = POOL.set(pool);
        }
        Some("given up") => {
            std::mem::forget(release);
            let report = pool.shutdown_timeout(Shutdown::CancelQueued, Duration::ZERO);
            println!("running {}, cancelled {}", report.running, report.cancelled);
        }
        Some("exit") => {
            std::mem::forget(release);
            std::process::exit(3);
        }
        way => unreachable!("there is no {way:?}"),
    }
}
