//! The files that the demo works on.

use anyhow::{Context, Result, anyhow, bail};
use indicatif::{HumanBytes, HumanCount};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::{env, fmt, fs};
use walkdir::{DirEntry, WalkDir};

/// Enough to keep every pool busy for some seconds, and no more.
const MOST_FILES: usize = 5_000;
const MOST_BYTES: u64 = 64 << 20;
/// Larger files are left out.
const LARGEST_FILE: u64 = 1 << 20;
/// A batch has as many files as it takes to reach this: a task for each small file would cost more than its work.
const BATCH_BYTES: u64 = 256 << 10;

/// The first files of a directory, in the order of their names.
pub(crate) struct Input {
    directory: PathBuf,
    pub(crate) files: Vec<PathBuf>,
    /// Which of `files` make a task together.
    pub(crate) batches: Vec<Range<usize>>,
    bytes: u64,
}

impl Input {
    /// The sources of the dependencies in cargo's home; if there are none, Trine's own.
    pub(crate) fn by_default() -> Result<Self> {
        let home = env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| env::home_dir().map(|home| home.join(".cargo")));
        if let Some(home) = home
            && let Ok(dependencies) = Self::of(home.join("registry/src"))
        {
            return Ok(dependencies);
        }
        Self::of(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
    }

    pub(crate) fn of(directory: PathBuf) -> Result<Self> {
        fs::read_dir(&directory)
            .with_context(|| format!("cannot read the directory {}", directory.display()))?;
        let mut input = Self {
            directory,
            files: Vec::new(),
            batches: Vec::new(),
            bytes: 0,
        };
        let mut batch_start = 0;
        let mut batch_bytes = 0;
        let entries = WalkDir::new(&input.directory)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| !is_hidden(entry));
        for entry in entries {
            // The text of this error names its cause, which would follow once more as the source.
            let entry = entry.map_err(|error| anyhow!("{error}"))?;
            let size = entry.metadata()?.len();
            if !entry.file_type().is_file() || size > LARGEST_FILE {
                continue;
            }
            input.files.push(entry.into_path());
            input.bytes += size;
            batch_bytes += size;
            if batch_bytes >= BATCH_BYTES {
                input.batches.push(batch_start..input.files.len());
                batch_start = input.files.len();
                batch_bytes = 0;
            }
            if input.files.len() == MOST_FILES || input.bytes >= MOST_BYTES {
                break;
            }
        }
        if input.files.is_empty() {
            bail!(
                "{} has no files for the demo: it leaves out hidden ones, and those over {}",
                input.directory.display(),
                HumanBytes(LARGEST_FILE)
            );
        }
        if batch_start < input.files.len() {
            input.batches.push(batch_start..input.files.len());
        }
        Ok(input)
    }
}

/// Also version control's own folder. The directory that was asked for may be hidden itself.
fn is_hidden(entry: &DirEntry) -> bool {
    entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".")
}

impl fmt::Display for Input {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} files, {}, of {}",
            HumanCount(self.files.len() as u64),
            HumanBytes(self.bytes),
            self.directory.display()
        )
    }
}
