//! What all the work comes to.

use crate::tasks::Packed;
use blake3::{Hash, Hasher};
use indicatif::{HumanBytes, HumanCount};
use std::fmt;

/// The number of files, their bytes, and a digest over all: what two runs have to agree on.
#[derive(PartialEq, Eq)]
pub(crate) struct Summary {
    files: u64,
    bytes: u64,
    compressed_bytes: u64,
    digest: Hash,
}

impl Summary {
    /// Of `files` in their order.
    pub(crate) fn of<'a>(files: impl IntoIterator<Item = &'a Packed>) -> Self {
        let mut hasher = Hasher::new();
        let (mut count, mut bytes, mut compressed_bytes) = (0, 0, 0);
        for file in files {
            count += 1;
            bytes += file.bytes;
            compressed_bytes += file.compressed_bytes;
            hasher.update(file.digest.as_bytes());
        }
        Self {
            files: count,
            bytes,
            compressed_bytes,
            digest: hasher.finalize(),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} files, {}, compressed {}, digest {}",
            HumanCount(self.files),
            HumanBytes(self.bytes),
            HumanBytes(self.compressed_bytes),
            self.digest.to_hex().split_at(16).0
        )
    }
}
