//! The same work without any pool: what the pools' results have to agree with.

use crate::input::Input;
use crate::summary::Summary;
use crate::tasks::pack_file;
use anyhow::{Context, Result};
use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

pub(crate) struct Sequential {
    pub(crate) summary: Summary,
    time: Duration,
}

pub(crate) fn run(input: &Input) -> Result<Sequential> {
    let started = Instant::now();
    let mut packed = Vec::with_capacity(input.files.len());
    for file in &input.files {
        let content = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        packed.push(pack_file(&content));
    }
    Ok(Sequential {
        summary: Summary::of(&packed),
        time: started.elapsed(),
    })
}

impl fmt::Display for Sequential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.2} s: {}", self.time.as_secs_f64(), self.summary)
    }
}
