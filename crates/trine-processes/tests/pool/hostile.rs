//! Workers that write nonsense into what they share with the parent. The parent survives, and so do its other tasks.

use crate::fixture::in_own_process;
use crate::random::Random;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File};
use std::io::Write;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::thread;
use std::time::Duration;
use trine_processes::ProcessPool;

/// How long a hostile task may go on. Most end at once; one that silences itself does not.
const PATIENCE: Duration = Duration::from_millis(100);

/// The words of the memory that a worker shares with its parent.
fn shared_words() -> &'static [AtomicU32] {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("there is a /proc");
    let line = maps
        .lines()
        .find(|line| line.contains("memfd:trine "))
        .expect("it is mapped");
    let (range, _) = line.split_once(' ').expect("a range is first");
    let (begin, end) = range.split_once('-').expect("a range has two ends");
    let address = |text| usize::from_str_radix(text, 16).expect("an address");
    let Range { start, end } = address(begin)..address(end);
    let words = std::ptr::with_exposed_provenance::<AtomicU32>(start);
    // SAFETY: the kernel has named the range, and it stays mapped for as long as the process lives.
    unsafe { std::slice::from_raw_parts(words, (end - start) / size_of::<AtomicU32>()) }
}

/// What is written, and where.
struct Noise(Random);

impl Noise {
    /// A value at a boundary, or any.
    fn value(&mut self) -> u32 {
        let any = self.0.next() as u32;
        let small = any % 20_000;
        let boundaries = [0, 1, 2, small, u32::MAX, u32::MAX - small, 1 << 31, any];
        boundaries[self.0.next() as usize % boundaries.len()]
    }

    /// Writes somewhere: mostly where positions, sleepers and the slot are, in the first two words of each of the first
    /// five pairs of cache lines.
    fn write(&mut self, words: &[AtomicU32]) {
        let any = self.0.next() as usize;
        let place = if any.is_multiple_of(4) {
            self.0.next() as usize % words.len()
        } else {
            any / 8 % 5 * PAIR + any / 64 % 2
        };
        words[place].store(self.value(), Relaxed);
    }
}

/// Where the words of the ring of replies begin: behind four cursors, the worker's busy time, the slots and the
/// ring of requests.
const REPLIES: usize = 5 * PAIR + SLOTS + RING;
/// How far the worker has written into that ring, in words of 64 bits.
const WRITTEN: usize = 2 * PAIR;
/// How far the parent has read. The place where it sleeps is behind it.
const READ: usize = 3 * PAIR;
const RING: usize = 64 * 1024 / size_of::<AtomicU32>();
const SLOTS: usize = 512;
const PAIR: usize = 128 / size_of::<AtomicU32>();

/// Writes nonsense, and answers.
fn scribble(seed: u64) -> u64 {
    let mut noise = Noise(Random::new(seed));
    let words = shared_words();
    for _ in 0..=noise.0.below(8) {
        noise.write(words);
    }
    seed
}

/// Writes nonsense from now on, while it answers.
fn scribble_for_ever(seed: u64) -> Vec<u64> {
    let words = shared_words();
    thread::spawn(move || {
        let mut noise = Noise(Random::new(seed));
        loop {
            noise.write(words);
        }
    });
    vec![seed; 10_000]
}

/// From now on writes over what it has just written itself, the lengths of replies first, while the parent reads it.
fn forge_for_ever(seed: u64) -> Vec<u64> {
    let words = shared_words();
    thread::spawn(move || {
        let mut noise = Noise(Random::new(seed));
        loop {
            let written = words[WRITTEN].load(Relaxed) as usize;
            let back = noise.0.below(8) as usize;
            let place = 2 * written.wrapping_sub(back) % RING;
            words[REPLIES + place].store(noise.value(), Relaxed);
        }
    });
    vec![seed; 10_000]
}

/// The ring of replies, written by hand.
struct Forger {
    words: &'static [AtomicU32],
    /// The words of 64 bits so far.
    written: u32,
}

impl Forger {
    /// One that goes on where the last reply has ended.
    fn new() -> Self {
        let words = shared_words();
        let written = words[WRITTEN].load(Relaxed);
        Self { words, written }
    }

    fn put_word(&mut self, word: u64) {
        let place = REPLIES + 2 * self.written as usize % RING;
        self.words[place].store(word as u32, Relaxed);
        self.words[place + 1].store((word >> 32) as u32, Relaxed);
        self.written = self.written.wrapping_add(1);
    }

    /// A message that is as long as it says.
    fn put(&mut self, message: &[u8]) {
        self.put_word(message.len() as u64);
        for part in message.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            self.put_word(u64::from_le_bytes(word));
        }
    }

    /// Lets the parent see what was put, all at once, and wakes who sleeps until something comes.
    fn publish(&self) {
        self.words[WRITTEN].store(self.written, Release);
        let sleeper = &raw const self.words[READ + 1];
        // SAFETY: the word is there. Nothing else is passed.
        unsafe { libc::syscall(libc::SYS_futex, sleeper, libc::FUTEX_WAKE, i32::MAX) };
    }
}

/// The number of the first task of a pool.
const FIRST: u64 = 0;

/// Replies so much of a long value as the parent reads at once, and stops its process.
fn stop_in_the_middle_of_a_reply(_: ()) -> Vec<u8> {
    let mut forger = Forger::new();
    let before = forger.words[READ].load(Relaxed);
    forger.put_word(200_000);
    for _ in 0..RING / 4 {
        forger.put_word(0);
    }
    forger.publish();
    while forger.words[READ].load(Relaxed) == before {
        thread::yield_now();
    }
    // SAFETY: stops this process.
    unsafe { libc::raise(libc::SIGSTOP) };
    Vec::new()
}

/// As the first task of a pool: replies its own number, and nonsense behind that.
fn reply_and_rave(own: u8) -> u8 {
    let mut forger = Forger::new();
    let value = 0;
    forger.put(&[&[value], &FIRST.to_le_bytes()[..], &[own]].concat());
    forger.put(b"nonsense");
    forger.publish();
    loop {
        thread::park();
    }
}

/// Notes that it runs, and at the fourth element does what [`wipe_and_die`] does.
fn wipe_and_die_at_four((log, number): (PathBuf, u32)) -> u32 {
    note(log, &number.to_string());
    if number == 4 {
        wipe();
    }
    number
}

/// Notes that it runs, overwrites with zeros all that is shared, and dies.
fn wipe_and_die(log: PathBuf) {
    note(log, "!");
    wipe();
}

fn note(log: PathBuf, what: &str) {
    let log = File::options().append(true).open(log);
    log.and_then(|mut log| log.write_all(what.as_bytes()))
        .expect("it can be written");
}

fn wipe() -> ! {
    for word in shared_words() {
        word.store(0, Relaxed);
    }
    std::process::abort()
}

fn double(number: u64) -> u64 {
    2 * number
}

/// Has `attack` spoil one worker of two, again and again, beside honest tasks on the other.
fn survive<R>(attack: impl Fn(u64) -> R + Copy + Send + Sync + 'static, rounds: u64)
where
    R: Serialize + DeserializeOwned + Send + 'static,
{
    let pool = ProcessPool::new(1).expect("a pool");
    let other = ProcessPool::new(1).expect("a pool");
    let bystander = other
        .submit(|()| std::process::id(), ())
        .result()
        .expect("a value");
    let mut spoilt = 0;
    for seed in 1..=rounds {
        // Whatever it ends with, it ends. What it has spoilt may show with the next task.
        let ended = pool.task(attack, seed).timeout(PATIENCE).submit().result();
        let next = pool.task(double, seed).timeout(PATIENCE).submit().result();
        spoilt += u32::from(ended.is_err()) + u32::from(next.is_err());
        assert_eq!(other.submit(double, seed).result().expect("a value"), 2 * seed);
    }
    assert!(spoilt > 0, "the attacks do nothing");
    pool.kill();
    let pid = other
        .submit(|()| std::process::id(), ())
        .result()
        .expect("a value");
    assert_eq!(pid, bystander);
}

in_own_process! {
    #[test]
    fn nonsense_in_shared_memory_costs_its_own_worker_only() {
        survive(scribble, 100);
    }

    #[test]
    fn nonsense_while_the_parent_reads_costs_its_own_worker_only() {
        survive(scribble_for_ever, 30);
    }

    #[test]
    fn forged_lengths_cost_their_own_worker_only() {
        survive(forge_for_ever, 30);
    }

    #[test]
    fn a_worker_that_stops_in_the_middle_of_a_reply_is_killed_when_its_time_is_over() {
        let pool = ProcessPool::new(1).expect("a pool");
        let stopped = pool.task(stop_in_the_middle_of_a_reply, ()).timeout(Duration::from_secs(1)).submit();
        assert!(stopped.result().expect_err("it never comes whole").is_timed_out());
        assert_eq!(pool.submit(double, 4).result().expect("a value"), 8);
    }

    #[test]
    fn a_task_that_wipes_the_shared_memory_and_dies_has_begun_nevertheless() {
        let log = std::env::temp_dir().join(format!("trine-wiped-{}", std::process::id()));
        fs::write(&log, "").expect("files can be made");
        let pool = ProcessPool::new(1).expect("a pool");
        let error = pool.submit(wipe_and_die, log.clone()).result().expect_err("it dies");
        assert!(error.is_worker_death() || error.is_serialization(), "{error}");
        assert_eq!(fs::read_to_string(&log).expect("it is there"), "!", "it has run so often");
        fs::remove_file(log).expect("it is there");
    }

    #[test]
    fn an_element_that_wipes_the_shared_memory_and_dies_has_run_once_and_so_have_the_others() {
        let log = std::env::temp_dir().join(format!("trine-wiped-{}", std::process::id()));
        fs::write(&log, "").expect("files can be made");
        let pool = ProcessPool::new(1).expect("a pool");
        let arguments = (0..10).map(|number| (log.clone(), number));
        let results: Vec<_> = pool.map(wipe_and_die_at_four, arguments).chunk_size(10).collect();
        // It can't be known which of the others it has begun.
        assert!(results.len() == 10 && results[4].is_err());
        let begun = fs::read_to_string(&log).expect("it is there");
        let once = begun.chars().all(|digit| begun.matches(digit).count() == 1);
        assert!(once && begun.contains('4'), "{begun}");
        for (number, result) in (0..).zip(results) {
            assert!(result.is_err() || result.ok() == Some(number));
        }
        fs::remove_file(log).expect("it is there");
    }

    #[test]
    fn nonsense_behind_a_good_reply_costs_its_worker_and_no_task() {
        let pool = ProcessPool::new(1).expect("a pool");
        let good = pool.submit(reply_and_rave, 7);
        let behind = pool.submit(double, 4);
        assert_eq!(good.result().expect("it was there before the nonsense"), 7);
        assert_eq!(behind.result().expect("another worker runs it"), 8);
        let stats = pool.stats();
        assert_eq!((stats.tasks.answered, stats.tasks.lost, stats.restarts.crashed), (2, 0, 1));
    }
}
