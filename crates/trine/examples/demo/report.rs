//! What has been done, by which model, and what went wrong.

use crate::sequential::Sequential;
use crate::summary::Summary;
use crate::tasks::{Contents, Packed, PackedBatch, Page};
use anyhow::{Error, Result, ensure};
use indicatif::HumanBytes;
use std::fmt;
use std::ops::Range;
use std::time::{Duration, Instant};
use trine::TaskError;

#[derive(Clone, Copy)]
pub(crate) enum Model {
    Threads,
    Processes,
    Async,
}

impl Model {
    pub(crate) const ALL: [Self; 3] = [Self::Threads, Self::Processes, Self::Async];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Threads => "threads",
            Self::Processes => "processes",
            Self::Async => "async",
        }
    }

    fn work(self) -> &'static str {
        match self {
            Self::Threads => "read the files",
            Self::Processes => "hash and compress them",
            Self::Async => "fetch some of them by HTTP",
        }
    }
}

/// A line of the table.
#[derive(Default)]
struct Line {
    tasks: usize,
    bytes: u64,
    /// Of the tasks that have not failed, added up.
    time: Duration,
    failures: usize,
}

pub(crate) struct Report {
    /// One for each of `Model::ALL`.
    lines: [Line; 3],
    failures: Vec<(Model, Error)>,
    /// By the number of the file.
    packed: Vec<Option<Packed>>,
    /// With the number of the file.
    pages: Vec<(usize, Page)>,
    started: Instant,
    time: Duration,
}

impl Report {
    /// Of a run over so many files that starts now.
    pub(crate) fn start(files: usize) -> Self {
        Self {
            lines: Default::default(),
            failures: Vec::new(),
            packed: vec![None; files],
            pages: Vec::new(),
            started: Instant::now(),
            time: Duration::ZERO,
        }
    }

    pub(crate) fn add_contents(&mut self, contents: &Contents) {
        let bytes = contents.files.iter().map(|content| content.len() as u64).sum();
        self.add(Model::Threads, bytes, contents.time);
    }

    pub(crate) fn add_packed(&mut self, files: Range<usize>, batch: PackedBatch) {
        let bytes = batch.files.iter().map(|file| file.bytes).sum();
        self.add(Model::Processes, bytes, batch.time);
        for (place, packed) in self.packed[files].iter_mut().zip(batch.files) {
            *place = Some(packed);
        }
    }

    pub(crate) fn add_page(&mut self, file: usize, page: Page) {
        self.add(Model::Async, page.bytes, page.time);
        self.pages.push((file, page));
    }

    fn add(&mut self, model: Model, bytes: u64, time: Duration) {
        let line = &mut self.lines[model as usize];
        line.tasks += 1;
        line.bytes += bytes;
        line.time += time;
    }

    pub(crate) fn add_failure(&mut self, model: Model, error: Error) {
        let line = &mut self.lines[model as usize];
        line.tasks += 1;
        line.failures += 1;
        self.failures.push((model, error));
    }

    pub(crate) fn finish(&mut self) {
        self.time = self.started.elapsed();
    }

    fn summary(&self) -> Summary {
        Summary::of(self.packed.iter().flatten())
    }

    /// # Errors
    ///
    /// Unless the results are the same, every page is the file that it should be, and only the crash on purpose failed.
    pub(crate) fn check_against(&self, sequential: &Sequential) -> Result<()> {
        let crashes = self.failures.iter().filter(|(_, error)| is_crash(error)).count();
        ensure!(
            self.failures.len() == 1 && crashes == 1,
            "exactly one task was to fail, the one that crashes: {} failed, and {crashes} crashed",
            self.failures.len()
        );
        ensure!(
            self.summary() == sequential.summary,
            "the pools and the sequential run do not agree"
        );
        for (file, page) in &self.pages {
            let read = self.packed[*file].map(|file| file.digest);
            ensure!(
                read == Some(page.digest),
                "file number {file} was served with another content than it was read with"
            );
        }
        Ok(())
    }
}

fn is_crash(error: &Error) -> bool {
    error
        .downcast_ref::<TaskError>()
        .is_some_and(TaskError::is_worker_death)
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "{:>10} {:>6} {:>11} {:>9} {:>9}",
            "model", "tasks", "bytes", "seconds", "failures"
        )?;
        for model in Model::ALL {
            let line = &self.lines[model as usize];
            writeln!(
                formatter,
                "{:>10} {:>6} {:>11} {:>9.2} {:>9}  {}",
                model.name(),
                line.tasks,
                HumanBytes(line.bytes).to_string(),
                line.time.as_secs_f64(),
                line.failures,
                model.work()
            )?;
        }
        writeln!(
            formatter,
            "(seconds: what the tasks took, added up; they ran at the same time)\n"
        )?;
        for (model, error) in &self.failures {
            writeln!(formatter, "failed, in {}: {error:#}\n", model.name())?;
        }
        write!(
            formatter,
            "all three at once:      {:.2} s: {}",
            self.time.as_secs_f64(),
            self.summary()
        )
    }
}
