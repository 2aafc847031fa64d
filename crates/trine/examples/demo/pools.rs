//! The work in three pools, and the one loop that takes their results.

use crate::input::Input;
use crate::progress::Progress;
use crate::report::{Model, Report};
use crate::server::Server;
use crate::tasks::{Output, crash_on_purpose, fetch, pack, read};
use anyhow::{Error, Result};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::{iter, mem};
use trine::{AsyncPool, ProcessPool, ThreadPool, as_completed};

/// So many batches are started together: what is in memory has a bound, however much there is to do.
const WAVE: usize = 16;
/// One file of so many is fetched as well.
const FETCH_EVERY: usize = 10;

pub(crate) fn run(input: &Input) -> Result<Report> {
    let threads = ThreadPool::with_default_workers()?;
    let processes = ProcessPool::with_default_workers()?;
    let tasks = AsyncPool::new(1)?;
    let server = Server::start(&tasks, &threads, &input.files)?;
    let client = Client::builder(TokioExecutor::new()).build_http();

    let batches = input.batches.len();
    let pages = input.files.len().div_ceil(FETCH_EVERY);
    let mut progress = Progress::of([batches, batches + 1, pages])?;
    let mut report = Report::start(input.files.len());

    // What a wave leads to is taken together with the next wave, so there is one round more than there are waves.
    let waves = input.batches.chunks(WAVE);
    let middle = waves.len() / 2;
    let mut follow_ups = Vec::new();
    for (round, wave) in waves.chain(iter::once(&[][..])).enumerate() {
        let mut futures = mem::take(&mut follow_ups);
        for batch in wave {
            let contents = threads.submit(read, input.files[batch.clone()].to_vec());
            let output = contents.map(|contents| contents.map(Output::Contents));
            futures.push(((Model::Threads, batch.clone()), output));

            for file in batch.clone().filter(|file| file % FETCH_EVERY == 0) {
                let page = tasks.submit(fetch, (client.clone(), server.uri(file)?));
                let output = page.map(|page| page.map(Output::Page));
                futures.push(((Model::Async, file..file + 1), output));
            }
        }
        if round == middle {
            let crash = processes.submit(crash_on_purpose, ());
            let output = crash.map(|packed| Ok(Output::Packed(packed)));
            futures.push(((Model::Processes, 0..0), output));
        }

        for ((model, files), future) in as_completed(futures) {
            progress.advance(model);
            // The outer error says that the task did not return, the inner one is what it returned.
            match future.result().map_err(Error::from).flatten() {
                Ok(Output::Contents(contents)) => {
                    report.add_contents(&contents);
                    let packed = processes.submit(pack, contents.files);
                    let output = packed.map(|packed| Ok(Output::Packed(packed)));
                    follow_ups.push(((Model::Processes, files), output));
                }
                Ok(Output::Packed(packed)) => report.add_packed(files, packed),
                Ok(Output::Page(page)) => report.add_page(files.start, page),
                Err(error) => report.add_failure(model, error),
            }
        }
    }
    progress.finish();
    report.finish();
    Ok(report)
}
