//! Decodes images that strangers have sent, in worker processes: what is wrong with one of them costs that one.
//!
//! One is torn, one makes the decoder read outside of its memory, and one never ends.

use serde::{Deserialize, Serialize};
use std::ffi::c_void;
use std::time::Duration;
use trine::{ProcessPool, RemoteError, as_completed};

#[derive(Serialize, Deserialize)]
struct Image {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// PGM is decoded here, RAW by somebody's C.
fn decode(file: Vec<u8>) -> Result<Image, RemoteError> {
    match file.get(..2) {
        Some(b"P5") => decode_pgm(&file),
        Some(b"RW") => decode_raw(&file),
        _ => Err(RemoteError::from(std::io::Error::other("no known format"))),
    }
}

/// `P5 WIDTH HEIGHT 255`, a line break, and a byte for each pixel.
fn decode_pgm(file: &[u8]) -> Result<Image, RemoteError> {
    let end = file.iter().position(|byte| *byte == b'\n').unwrap_or(file.len());
    let header = std::str::from_utf8(&file[..end])?;
    let mut sizes = header.split(' ').skip(1).map(str::parse::<usize>);
    let (width, height) = match (sizes.next(), sizes.next()) {
        (Some(width), Some(height)) => (width?, height?),
        _ => return Err(std::io::Error::other("no size").into()),
    };
    let pixels = file[end..].iter().skip(1).copied().collect::<Vec<_>>();
    if Some(pixels.len()) != width.checked_mul(height) {
        return Err(std::io::Error::other(format!("{width} x {height} pixels do not fit the file")).into());
    }
    Ok(Image {
        width,
        height,
        pixels,
    })
}

unsafe extern "C" {
    fn memcpy(to: *mut c_void, from: *const c_void, bytes: usize) -> *mut c_void;
}

/// `RW`, width, height, and at which byte the pixels begin, which this decoder believes.
fn decode_raw(file: &[u8]) -> Result<Image, RemoteError> {
    let (width, height) = (usize::from(file[2]), usize::from(file[3]));
    let start = usize::from_le_bytes(file[4..12].try_into()?);
    let mut lines = 0;
    while lines * width < file.len() - 12 {
        lines += 1; // A second bug: lines without pixels never come to an end.
    }
    let mut pixels = vec![0; width * height];
    let from = file.as_ptr().wrapping_add(start);
    // SAFETY: it isn't. `start` is what a stranger has written, and nobody has checked it.
    unsafe { memcpy(pixels.as_mut_ptr().cast(), from.cast(), pixels.len()) };
    Ok(Image {
        width,
        height,
        pixels,
    })
}

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let raw =
        |width: u8, start: usize| [&[b'R', b'W', width, 2], &start.to_le_bytes()[..], b"abcdef"].concat();
    let files = [
        ("whole.pgm", b"P5 3 2 255\nabcdef".to_vec()),
        ("torn.pgm", b"P5 3 2 255\nabc".to_vec()),
        ("whole.raw", raw(3, 12)),
        ("crafted.raw", raw(3, 1 << 46)),
        ("endless.raw", raw(0, 12)),
    ];
    let pool = ProcessPool::new(2)?;
    let images = files.map(|(name, file)| {
        let task = pool.task(decode, file).timeout(Duration::from_secs(2));
        (name, task.submit())
    });
    for (name, image) in as_completed(images) {
        match image.result() {
            Ok(Ok(image)) => println!(
                "{name}: {} x {} pixels, the first is {}",
                image.width, image.height, image.pixels[0]
            ),
            Ok(Err(error)) => println!("{name}: malformed: {error}"),
            Err(error) if error.is_timed_out() => println!("{name}: took too long"),
            Err(error) if error.is_worker_death() => {
                println!("{name}: crashed its decoder");
                eprintln!("{error}");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
