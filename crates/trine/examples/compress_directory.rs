//! Hashes and compresses the files of a directory on all cores: `compress_directory [DIRECTORY]`.

use anyhow::{Result, ensure};
use blake3::Hash;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::io::{self, Write};
use std::path::PathBuf;
use std::{env, fs};
use trine::ThreadPool;
use walkdir::{DirEntry, WalkDir};

struct Compressed {
    bytes: u64,
    digest: Hash,
    content: Vec<u8>,
}

fn compress(path: PathBuf) -> io::Result<Compressed> {
    let file = fs::read(path)?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&file)?;
    Ok(Compressed {
        bytes: file.len() as u64,
        digest: blake3::hash(&file),
        content: encoder.finish()?,
    })
}

fn unpacks_to_what_it_was(compressed: &Compressed) -> bool {
    let mut unpacked = Vec::new();
    io::copy(&mut GzDecoder::new(&compressed.content[..]), &mut unpacked).is_ok()
        && blake3::hash(&unpacked) == compressed.digest
}

fn main() -> Result<()> {
    let directory = env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    // The map is lazy: the directory is walked while files are compressed, and never far ahead.
    let files = WalkDir::new(directory)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .map(DirEntry::into_path);

    let pool = ThreadPool::with_default_workers()?;
    let (mut before, mut after, mut packed) = (0, 0, Vec::new());
    for file in pool.map(compress, files).unordered() {
        match file? {
            Ok(compressed) => {
                before += compressed.bytes;
                after += compressed.content.len();
                packed.push(compressed);
            }
            Err(error) => eprintln!("left out: {error}"),
        }
    }
    println!("{} files: {before} bytes became {after}", packed.len());

    // The same pool, for a function that borrows.
    let checked = pool.map_slice(unpacks_to_what_it_was, &packed)?;
    ensure!(!checked.contains(&false), "a file does not unpack to what it was");
    println!("all of them unpack to what they were");
    Ok(())
}
