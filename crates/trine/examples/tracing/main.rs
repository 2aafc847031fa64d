//! Where the time goes, over threads, processes and async tasks in one picture: a trace that <https://ui.perfetto.dev> and
//! `chrome://tracing` open.
//!
//! ```text
//! cargo run --example tracing --features tracing [-- PICTURE.svg]
//! ```
//!
//! The workers write their spans into the same file as this process. One page crashes its decoder: what that had written
//! is there, too. With an argument, it draws the trace. So was the picture of the guide made:
//! `cargo run --release --example tracing --features tracing -- crates/trine/guide/tracing.svg`.

mod chrome;
mod picture;

use anyhow::Result;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs};
use trine::threads::Handle;
use trine::{AsyncPool, ProcessPool, TaskError, ThreadPool};

const PAGES: u64 = 6;
const DAMAGED: u64 = 3;

/// Fetches a page, has it decoded by a process and indexed by a thread.
async fn page((number, decoders, indexers): (u64, Arc<ProcessPool>, Handle)) -> Result<usize, TaskError> {
    tokio::time::sleep(Duration::from_millis(20 + 5 * number)).await;
    let text = decoders.submit(decode, number).await?;
    indexers.submit(index, text).await
}

/// In a worker process, because it may crash.
fn decode(number: u64) -> String {
    compute(Duration::from_millis(40));
    if number == DAMAGED {
        std::process::abort();
    }
    format!("page {number}")
}

fn index(text: String) -> usize {
    compute(Duration::from_millis(20));
    text.split_whitespace().count()
}

fn compute(time: Duration) {
    let started = Instant::now();
    while started.elapsed() < time {
        black_box(started);
    }
}

/// What each worker does first: nothing that `main` has set up is there.
fn trace_to(file: PathBuf) -> std::io::Result<()> {
    chrome::trace_to(&file)
}

fn main() -> Result<()> {
    let file = env::temp_dir().join(format!("trine-trace-{}.json", std::process::id()));
    chrome::trace_to(&file)?;
    let indexed = {
        let decoders = ProcessPool::builder()
            .workers(2)
            .initializer(trace_to, file.clone())
            .build()?;
        let (decoders, indexers) = (Arc::new(decoders), ThreadPool::new(1)?);
        let fetchers = AsyncPool::new(1)?;
        let pages = (0..PAGES).map(|number| (number, Arc::clone(&decoders), indexers.handle()));
        fetchers
            .map(page, pages)
            .filter(|page| matches!(page, Ok(Ok(_))))
            .count()
    };
    println!("{indexed} of {PAGES} pages are indexed");

    let trace = picture::Trace::read(&file)?;
    println!("{}", trace.summary());
    match env::args_os().nth(1) {
        Some(picture) => fs::write(picture, trace.to_svg())?,
        None => println!("open it with https://ui.perfetto.dev: {}", file.display()),
    }
    Ok(())
}
