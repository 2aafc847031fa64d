//! What the tasks do: plain functions, which know nothing of pools.

use anyhow::{Context, Result, ensure};
use axum::body::{self, Body};
use axum::http::Uri;
use blake3::Hash;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{fs, process};

/// What a task brings: one type for all of them, so that one loop can take them.
pub(crate) enum Output {
    Contents(Contents),
    Packed(PackedBatch),
    Page(Page),
}

/// The contents of a batch of files.
pub(crate) struct Contents {
    pub(crate) files: Vec<Vec<u8>>,
    pub(crate) time: Duration,
}

/// I/O-bound: reads files. For threads.
pub(crate) fn read(files: Vec<PathBuf>) -> Result<Contents> {
    let started = Instant::now();
    let files = files
        .iter()
        .map(|file| fs::read(file).with_context(|| format!("cannot read {}", file.display())))
        .collect::<Result<_>>()?;
    Ok(Contents {
        files,
        time: started.elapsed(),
    })
}

/// What hashing and compressing a file gives.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Packed {
    pub(crate) digest: Hash,
    pub(crate) bytes: u64,
    pub(crate) compressed_bytes: u64,
}

/// The same for a batch of files.
#[derive(Serialize, Deserialize)]
pub(crate) struct PackedBatch {
    pub(crate) files: Vec<Packed>,
    pub(crate) time: Duration,
}

/// CPU-bound: hashes and compresses contents. For processes, so argument and result can be serialised.
pub(crate) fn pack(contents: Vec<Vec<u8>>) -> PackedBatch {
    let started = Instant::now();
    let files = contents.iter().map(|content| pack_file(content)).collect();
    PackedBatch {
        files,
        time: started.elapsed(),
    }
}

pub(crate) fn pack_file(content: &[u8]) -> Packed {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let compressed = encoder.write_all(content).and_then(|()| encoder.finish());
    Packed {
        digest: blake3::hash(content),
        bytes: content.len() as u64,
        compressed_bytes: compressed.expect("a Vec takes every write").len() as u64,
    }
}

/// What no error handling helps against. For processes: in a thread it would end the program.
pub(crate) fn crash_on_purpose((): ()) -> PackedBatch {
    process::abort()
}

pub(crate) type HttpClient = Client<HttpConnector, Body>;

/// A page that was fetched.
pub(crate) struct Page {
    pub(crate) digest: Hash,
    pub(crate) bytes: u64,
    pub(crate) time: Duration,
}

/// Waits for the network more than it computes: fetches a page. For async tasks, so that many wait on one thread.
pub(crate) async fn fetch((client, uri): (HttpClient, Uri)) -> Result<Page> {
    let started = Instant::now();
    let response = client.get(uri.clone()).await?;
    ensure!(response.status().is_success(), "{uri}: {}", response.status());
    let content = body::to_bytes(Body::new(response.into_body()), usize::MAX).await?;
    Ok(Page {
        digest: blake3::hash(&content),
        bytes: content.len() as u64,
        time: started.elapsed(),
    })
}
