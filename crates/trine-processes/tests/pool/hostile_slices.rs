//! Workers that do to shared slices what they can. The parent survives, and what it reads does not change.

use crate::fixture::in_own_process;
use crate::random::Random;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::fs::{self, File, OpenOptions};
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::ptr;
use std::thread;
use std::time::Duration;
use trine_processes::{ProcessPool, SharedBytes};

const LENGTH: usize = 1 << 20;

fn filled(value: u8) -> SharedBytes {
    let mut bytes = SharedBytes::for_overwrite(LENGTH);
    bytes.make_mut().fill(value);
    bytes
}

/// The segments that a process has descriptors of.
fn segments(process: u32) -> Vec<PathBuf> {
    let links = fs::read_dir(format!("/proc/{process}/fd"))
        .expect("there is a /proc")
        .flatten();
    let is_segment = |path: &PathBuf| {
        fs::read_link(path).is_ok_and(|target| target.display().to_string().contains("memfd:trine-segment"))
    };
    links.map(|link| link.path()).filter(is_segment).collect()
}

/// Everything that could change memory of the parent's, by its mapping here and by its descriptor there. Returns what has
/// succeeded.
fn attack((parent, bytes): (u32, SharedBytes)) -> Vec<String> {
    let mut successes = Vec::new();
    let mut note = |what: &str, succeeded: bool| {
        if succeeded {
            successes.push(what.to_owned());
        }
    };
    let start = bytes.as_ptr().cast_mut().cast::<libc::c_void>();
    // SAFETY: to write there would not be sound, which is why the kernel refuses it.
    let writable = unsafe { libc::mprotect(start, LENGTH, libc::PROT_READ | libc::PROT_WRITE) };
    note("mprotect", writable == 0);
    // SAFETY: as above.
    let removed = unsafe { libc::madvise(start, LENGTH, libc::MADV_REMOVE) };
    note("MADV_REMOVE", removed == 0);
    let found = segments(parent);
    assert!(!found.is_empty(), "the parent has descriptors of segments");
    for path in found {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .expect("it can be opened");
        note("write", file.write_at(&[99], 0).is_ok());
        note("shrink", file.set_len(0).is_ok());
        note("grow", file.set_len(2 * LENGTH as u64).is_ok());
        // SAFETY: takes no pointer.
        let punched = unsafe {
            let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
            libc::fallocate(file.as_raw_fd(), mode, 0, LENGTH as i64)
        };
        note("punch", punched == 0);
        // SAFETY: a new mapping.
        let mapped = unsafe {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            libc::mmap(
                ptr::null_mut(),
                LENGTH,
                access,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        note("mmap", mapped != libc::MAP_FAILED);
    }
    successes
}

/// Returns slices, and goes on writing to the memory that they are in.
fn scribble(seed: u64) -> (SharedBytes, Vec<u8>) {
    let all: Vec<_> = (0..4).map(|_| filled(1)).collect();
    let maps = fs::read_to_string("/proc/self/maps").expect("there is a /proc");
    for line in maps
        .lines()
        .filter(|line| line.contains("memfd:trine-segment") && line.contains(" rw-s "))
    {
        let (range, _) = line.split_once(' ').expect("a range is first");
        let (start, end) = range.split_once('-').expect("a range has two ends");
        let address = |text| usize::from_str_radix(text, 16).expect("an address");
        let (start, length) = (address(start), address(end) - address(start));
        thread::spawn(move || {
            let mut random = Random::new(seed);
            loop {
                let place =
                    ptr::with_exposed_provenance_mut::<u8>(start + random.below(length as u64) as usize);
                // SAFETY: none. What this process breaks is its own; if the mapping ends, so does the process.
                unsafe { place.write_volatile(random.next() as u8) };
            }
        });
    }
    (all.into_iter().next().expect("it is there"), vec![1; LENGTH])
}

/// Sends the parent descriptors that it has not asked for, of all kinds, as the way for results has them.
fn flood(_: ()) -> SharedBytes {
    let socket = fs::read_dir("/proc/self/fd")
        .expect("there is a /proc")
        .flatten()
        .find_map(|link| {
            let is_socket =
                fs::read_link(link.path()).is_ok_and(|to| to.display().to_string().starts_with("socket:"));
            is_socket
                .then(|| link.file_name().to_str()?.parse::<i32>().ok())
                .flatten()
        });
    // SAFETY: it stays open for as long as the worker lives.
    let socket = unsafe { BorrowedFd::borrow_raw(socket.expect("the worker has one")) };
    let file = File::open("/dev/zero").expect("it can be opened");
    for packet in 0..2000_u64 {
        let bytes = [0, packet, u64::MAX].map(u64::to_le_bytes).concat();
        let descriptors = [file.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        if sendmsg(socket, &[IoSlice::new(&bytes)], &mut control, SendFlags::DONTWAIT).is_err() {
            break;
        }
    }
    filled(1)
}

in_own_process! {
    #[test]
    fn a_worker_can_not_change_what_it_reads() {
        let pool = ProcessPool::new(1).expect("a pool");
        let bytes = filled(1);
        let argument = (std::process::id(), bytes.clone());
        let succeeded = pool.submit(attack, argument).result().expect("it lives");
        assert_eq!(succeeded, Vec::<String>::new());
        assert!(bytes.iter().all(|byte| *byte == 1));
    }

    #[test]
    fn what_has_come_back_does_not_change() {
        let pool = ProcessPool::new(1).expect("a pool");
        for seed in 1..=5 {
            let ended = pool.task(scribble, seed).timeout(Duration::from_secs(10)).submit().result();
            // Nonsense is allowed, a change is not: a checksum is the same when it is taken again.
            let Ok((bytes, long)) = ended else { continue };
            let checksum = || bytes.iter().chain(&long).map(|byte| u64::from(*byte)).sum::<u64>();
            let before = checksum();
            for _ in 0..10 {
                assert_eq!(checksum(), before);
            }
            pool.submit(|_: ()| -> () { std::process::abort() }, ()).result().expect_err("it aborts");
        }
    }

    #[test]
    fn descriptors_that_nobody_asked_for_cost_that_worker_only() {
        let pool = ProcessPool::new(1).expect("a pool");
        let descriptors = || fs::read_dir("/proc/self/fd").expect("there is a /proc").count();
        pool.submit(|_: ()| (), ()).result().expect("a value");
        let before = descriptors();
        for _ in 0..5 {
            // It has left no room for what it returns.
            if let Ok(bytes) = pool.task(flood, ()).timeout(Duration::from_millis(500)).submit().result() {
                assert_eq!(bytes.len(), LENGTH);
            }
            let next = pool.submit(|bytes: SharedBytes| bytes.len(), filled(1)).result();
            assert_eq!(next.expect("the pool goes on"), LENGTH);
        }
        // One that is kept for arguments, one for results. Those of the last worker that was killed go when its watcher has let go of it.
        while descriptors() > before + 2 {
            std::thread::yield_now();
        }
    }
}
