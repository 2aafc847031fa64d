//! What a worker might send, fed to what the parent reads it with: messages of `corpus/`, changed at random.
//!
//! `TRINE_FUZZ_SECONDS` says for how long, by default 2. It prints its seed, and
//! `TRINE_SEED=... cargo test -p trine-processes fuzz -- --nocapture` makes the same changes. A message that was found to
//! fail is printed; as a file in `corpus/` it is tried first each time.

use crate::beside::{self, Beside};
use crate::codec;
use crate::frame::{Frame, Reply, value};
use crate::memory::Memory;
use crate::message::Opened;
use crate::{Json, RemoteError, SharedBytes, SharedSlice};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs};
use trine_future::TaskError;

/// Something of each kind that serde knows.
#[derive(Serialize, Deserialize)]
struct Sample {
    small: (bool, u8, i8, char),
    numbers: Vec<(u16, i32, u64, i128)>,
    floats: [f64; 2],
    text: String,
    map: BTreeMap<String, Option<u32>>,
    shapes: Vec<Shape>,
}

#[derive(Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f32),
    Line(i64, i64),
    Box { width: u32, name: String },
}

fn sample() -> Sample {
    Sample {
        small: (true, 200, -100, 'é'),
        numbers: vec![(1, -2, 3, -4), (u16::MAX, i32::MIN, u64::MAX, i128::MIN)],
        floats: [0.1, f64::NEG_INFINITY],
        text: "a text of some words".to_owned(),
        map: BTreeMap::from([("none".to_owned(), None), ("some".to_owned(), Some(300))]),
        shapes: vec![
            Shape::Point,
            Shape::Circle(1.5),
            Shape::Line(-1, 1),
            Shape::Box {
                width: 7,
                name: "box".to_owned(),
            },
        ],
    }
}

fn carrying<T: Serialize + DeserializeOwned + 'static>(result: &T) -> Frame {
    let message = codec::encode(result, value(7)).expect("it can be encoded");
    Frame::from_slice(message.bytes())
}

/// The same with memory beside it, which in each program is another one: it says that it is 64 bytes of the segment 7.
fn carrying_long<T: Serialize + DeserializeOwned + 'static>(result: &T) -> Frame {
    let mut message = carrying(result);
    let [opened] = Opened::of(&message).expect("it can be opened").beside[..] else {
        panic!("it is too short")
    };
    assert!(opened.length > 64);
    message[2..10].copy_from_slice(&7_u64.to_le_bytes());
    message[10..18].copy_from_slice(&64_u64.to_le_bytes());
    message
}

/// Replies as workers send them, by the names of their files.
fn replies() -> Vec<(&'static str, Frame)> {
    let error = TaskError::serialization("no settings", "the disk is on fire");
    let panicked = |location| Reply::Panicked {
        message: "no such page",
        location,
        backtrace: "   0: example::task\n             at ./src/main.rs:7:5\n",
    };
    vec![
        ("value-unit", carrying(&())),
        ("value-sample", carrying(&sample())),
        ("value-error", carrying(&RemoteError::from(error))),
        (
            "value-json",
            carrying(&Json(serde_json::json!({ "list": [1, -2.5, null, "x"] }))),
        ),
        ("value-slice", carrying(&SharedSlice::from(&[1_u32, 2, 3][..]))),
        (
            "value-slice-beside",
            carrying_long(&(SharedBytes::zeroed(1 << 20), 7_u32)),
        ),
        ("value-beside", carrying_long(&vec![0_u32; 1 << 20])),
        ("panicked", panicked(Some("src/main.rs:7:5")).encode(7)),
        ("panicked-nowhere", panicked(None).encode(7)),
        (
            "argument-not-decoded",
            Reply::ArgumentNotDecoded {
                cause: "1 bytes are left over",
            }
            .encode(7),
        ),
        (
            "result-not-encoded",
            Reply::ResultNotEncoded { cause: "not today" }.encode(7),
        ),
        ("unknown-task", Reply::UnknownTask.encode(u64::MAX)),
    ]
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn corpus() -> Vec<Vec<u8>> {
    let files = fs::read_dir(folder()).expect("there is a corpus");
    let mut paths: Vec<_> = files.map(|file| file.expect("it can be listed").path()).collect();
    // The order is the file system's, and the same seed has to make the same changes.
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read(path).expect("it can be read"))
        .collect()
}

#[test]
fn the_corpus_is_what_workers_send() {
    let mut written = Vec::new();
    for (name, frame) in replies() {
        let path = folder().join(name);
        if !path.exists() {
            fs::write(&path, &frame).expect("it can be written");
            written.push(name);
        }
        assert!(
            frame[..] == fs::read(&path).expect("it can be read"),
            "a worker sends something else than {} by now: remove it and run this again",
            path.display()
        );
    }
    assert!(
        written.is_empty(),
        "{written:?} were missing and have been written: commit them"
    );
}

/// A few random numbers: splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % end.max(1) as u64) as usize
    }

    fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }
}

/// One change: what files and links do to bytes, and what an attacker would.
fn change(frame: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    const LENGTHS: [u32; 8] = [0, 1, 0x7f, 0x80, 0x7fff_ffff, 0x8000_0000, u32::MAX - 1, u32::MAX];
    let at = random.below(frame.len());
    let to = at + random.below(frame.len() - at + 1);
    match random.below(8) {
        0 | 1 if !frame.is_empty() => frame[at] = random.byte(),
        2 if !frame.is_empty() => frame[at] ^= 1 << random.below(8),
        3 => frame.truncate(at),
        4 => frame.insert(at, random.byte()),
        5 => drop(frame.drain(at..to)),
        6 => {
            let length = LENGTHS[random.below(LENGTHS.len())].to_le_bytes();
            let end = frame.len().min(at + length.len());
            frame.splice(at..end, length);
        }
        _ => {
            let begin = random.below(other.len());
            frame.splice(at..to, other[begin..].iter().copied());
        }
    }
}

/// Whatever the bytes are, they are a value or an error; and a value is as good as any other.
fn read<T: Serialize + DeserializeOwned + 'static>(beside: Beside, bytes: &[u8]) -> bool {
    let write = |value: &T| {
        let written = beside::with(&Cell::default(), || postcard::to_stdvec(value));
        written.expect("what was read can be written")
    };
    match codec::decode_with::<T>(beside, bytes) {
        Ok(value) => {
            let written = write(&value);
            let again = codec::decode::<T>(&written).expect("what was written can be read");
            assert_eq!(write(&again), written);
            true
        }
        Err(error) => {
            assert!(!error.contains("panicked"), "{error}");
            false
        }
    }
}

/// What the parent does with a message. Returns whether there was a reply in it, and a value in that.
fn receive(message: &[u8]) -> (bool, bool) {
    let Some(opened) = Opened::of(message) else {
        return (false, false);
    };
    let take = |length| (length <= 4096).then(|| Memory::copy_of(&vec![7; length]));
    let Ok(taken) = opened.take(|entry| take(entry.length).ok_or(())) else {
        return (false, false);
    };
    let Some((task, reply)) = Reply::decode(opened.frame) else {
        return (false, false);
    };
    assert_eq!(&reply.encode(task)[..], opened.frame);
    let Reply::Value(bytes) = reply else {
        return (true, false);
    };
    let beside = || taken.clone();
    let read = [
        read::<()>(beside(), bytes),
        read::<Sample>(beside(), bytes),
        read::<Result<Vec<String>, RemoteError>>(beside(), bytes),
        read::<RemoteError>(beside(), bytes),
        read::<Json<serde_json::Value>>(beside(), bytes),
        read::<SharedSlice<u32>>(beside(), bytes),
        read::<(SharedBytes, u32)>(beside(), bytes),
        read::<Vec<u32>>(beside(), bytes),
        read::<Vec<u8>>(beside(), bytes),
    ];
    (true, read.contains(&true))
}

/// Prints the message if it is dropped by a panic.
struct Culprit<'a>(&'a [u8]);

impl Drop for Culprit<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the message that fails: {:?}", self.0);
        }
    }
}

#[test]
fn fuzz() {
    let seed = match env::var("TRINE_SEED") {
        Ok(seed) => seed.parse().expect("TRINE_SEED is a number"),
        Err(_) => SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |elapsed| elapsed.as_nanos() as u64),
    };
    println!("TRINE_SEED={seed}");
    let seconds = env::var("TRINE_FUZZ_SECONDS").map_or(2, |seconds| {
        seconds.parse().expect("TRINE_FUZZ_SECONDS is a number")
    });
    let (corpus, mut random) = (corpus(), Random(seed));
    for frame in &corpus {
        let _culprit = Culprit(frame);
        receive(frame);
    }
    let (mut frames, mut replies, mut values) = (0_u64, 0_u64, 0_u64);
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(seconds) {
        let mut frame = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(3) {
            let other = &corpus[random.below(corpus.len())];
            change(&mut frame, other, &mut random);
        }
        let _culprit = Culprit(&frame);
        let (is_reply, has_value) = receive(&frame);
        frames += 1;
        replies += u64::from(is_reply);
        values += u64::from(has_value);
    }
    println!("{frames} frames: {replies} replies, {values} with a value");
    let all_was_met = 0 < values && values < replies && replies < frames;
    assert!(
        all_was_met || seconds == 0,
        "the changes are too much, or too little"
    );
}
