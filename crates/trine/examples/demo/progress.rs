//! A progress bar for each model; plain lines where there is no terminal.

use crate::report::Model;
use anyhow::Result;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

pub(crate) struct Progress {
    /// One for each of `Model::ALL`.
    bars: [ProgressBar; 3],
    /// There is no terminal to draw bars on.
    plain: bool,
    quarters_told: u64,
}

impl Progress {
    /// Of this many tasks for each of `Model::ALL`.
    pub(crate) fn of(tasks: [usize; 3]) -> Result<Self> {
        let style = ProgressStyle::with_template("{prefix:>10} [{bar:40}] {pos} of {len} tasks")?
            .progress_chars("=> ");
        let all = MultiProgress::new();
        let bars = Model::ALL.map(|model| {
            let bar = ProgressBar::new(tasks[model as usize] as u64);
            all.add(bar.with_style(style.clone()).with_prefix(model.name()))
        });
        Ok(Self {
            bars,
            plain: all.is_hidden(),
            quarters_told: 0,
        })
    }

    /// Another task of `model` has ended.
    pub(crate) fn advance(&mut self, model: Model) {
        self.bars[model as usize].inc(1);
        if self.plain {
            self.tell_quarters();
        }
    }

    fn tell_quarters(&mut self) {
        let done: u64 = self.bars.iter().map(ProgressBar::position).sum();
        let all: u64 = self.bars.iter().filter_map(ProgressBar::length).sum();
        let quarters = 4 * done / all;
        if quarters > self.quarters_told {
            self.quarters_told = quarters;
            let [threads, processes, tasks] = self.bars.each_ref().map(ProgressBar::position);
            eprintln!(
                "{:>3} %: {threads} tasks in threads, {processes} in processes, {tasks} async",
                25 * quarters
            );
        }
    }

    /// Leaves the bars as they are.
    pub(crate) fn finish(&self) {
        for bar in &self.bars {
            bar.abandon();
        }
        if !self.plain {
            // The last bar ends without a line break.
            eprintln!();
        }
    }
}
