//! Tasks whose answer is beyond doubt, because what they do is.

#![cfg(target_os = "linux")]

use std::hint::black_box;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;
use trine_choose::{Chooser, Model};
use trine_fixture::in_own_process;

fn sleep(milliseconds: u64) {
    thread::sleep(Duration::from_millis(milliseconds));
}

fn crash_at_seven(number: u32) -> u32 {
    if number == 7 {
        std::process::abort();
    }
    number
}

/// Three goes call it once each.
fn crash_at_the_fourth_call(milliseconds: u64) {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    sleep(milliseconds);
    if CALLS.fetch_add(1, Relaxed) == 3 {
        std::process::abort();
    }
}

fn sleep_or_crash(milliseconds: u64) -> Vec<u8> {
    if milliseconds == 7 {
        std::process::abort();
    }
    sleep(milliseconds);
    vec![0; 2_000 * milliseconds as usize]
}

fn crash_at_one_after_two(number: u32) {
    static LAST: AtomicU32 = AtomicU32::new(0);
    if LAST.swap(number, Relaxed) == 2 && number == 1 {
        std::process::abort();
    }
}

fn hang_at_seven(number: u32) -> u32 {
    if number == 7 {
        loop {
            thread::park();
        }
    }
    number
}

fn leak(bytes: usize) -> usize {
    vec![1_u8; bytes].leak().len()
}

fn panic_at_seven(number: u32) -> u32 {
    assert_ne!(number, 7, "an error of its task, in every model");
    number
}

#[test]
fn what_waits_is_awaited_or_has_many_threads() {
    in_own_process(|| {
        let choice = Chooser::new(sleep, vec![50, 100]).awaitable().choose().unwrap();
        assert_eq!(choice.model(), Model::Async, "{choice}");
        let choice = Chooser::new(sleep, vec![50, 100]).choose().unwrap();
        assert_eq!(
            (choice.model(), choice.workers()),
            (Model::Threads, 256),
            "{choice}"
        );
    });
}

#[test]
fn without_samples_there_is_an_error() {
    let error = Chooser::new(sleep, vec![]).choose().unwrap_err();
    assert!(error.to_string().contains("at least one sample"), "{error}");
}

#[test]
fn what_computes_is_said_to() {
    in_own_process(|| {
        let compute = |rounds: u32| (0..rounds).fold(0, |sum, number| black_box(sum ^ number));
        let choice = Chooser::new(compute, vec![1_000_000]).choose().unwrap();
        let first = &choice.reasons()[0];
        assert!(
            first.starts_with("it takes ") && !first.ends_with("computes 0 % of that"),
            "{choice}"
        );
    });
}

#[test]
fn what_is_large_takes_time_to_cross() {
    in_own_process(|| {
        let length = |bytes: Vec<u8>| bytes.len();
        let choice = Chooser::new(length, vec![vec![1; 1 << 20]]).choose().unwrap();
        let last = choice.reasons().last().unwrap();
        assert!(
            last.contains("which takes ") && !last.contains("which takes 0.0 ns"),
            "{choice}"
        );
    });
}

#[test]
fn what_crashes_takes_processes() {
    in_own_process(|| {
        let choice = Chooser::new(crash_at_seven, vec![1, 7, 3])
            .awaitable()
            .choose()
            .unwrap();
        assert_eq!(choice.model(), Model::Processes);
        assert_eq!(choice.reasons()[0], "it ends its process: 1 of 3 samples did");
    });
}

#[test]
fn what_crashes_only_after_others_takes_processes() {
    in_own_process(|| {
        let choice = Chooser::new(crash_at_one_after_two, vec![1, 2]).choose().unwrap();
        assert_eq!(choice.model(), Model::Processes);
        assert_eq!(choice.reasons()[0], "it ends its process: 1 of 2 samples did");
    });
}

#[test]
fn what_crashes_at_a_later_call_takes_processes() {
    in_own_process(|| {
        let choice = Chooser::new(crash_at_the_fourth_call, vec![100])
            .choose()
            .unwrap();
        assert_eq!(choice.model(), Model::Processes);
        assert_eq!(choice.reasons()[0], "it ends its process: 1 of 1 samples did");
    });
}

/// Short ones are called more often, to be timed.
#[test]
fn each_sample_beside_one_that_crashes_counts_once() {
    in_own_process(|| {
        let choice = Chooser::new(sleep_or_crash, vec![50, 7, 0]).choose().unwrap();
        let a_second = choice.estimates()[0].throughput;
        assert!(a_second <= 2.0 / 50e-3, "{choice}");
        let bytes = choice.reasons().last().unwrap();
        assert!(
            bytes.starts_with("to a process its argument and result are 48.8 KiB"),
            "{choice}"
        );
    });
}

#[test]
fn nothing_is_known_of_what_always_crashes() {
    in_own_process(|| {
        let choice = Chooser::new(crash_at_seven, vec![7, 7]).choose().unwrap();
        assert_eq!(
            choice.to_string(),
            format!(
                "\
processes, {0} at a time, in chunks of 1, because
- it ends its process: 2 of 2 samples did
- nothing is known of the time that it takes: no sample has come to its end

model      at a time  chunk tasks a second
no pool            1      1        unknown
threads    {0:>9}      1        unknown
processes  {0:>9}      1        unknown",
                choice.workers()
            )
        );
    });
}

#[test]
fn what_hangs_takes_processes() {
    in_own_process(|| {
        let chooser = Chooser::new(hang_at_seven, vec![1, 7]).timeout(Duration::from_millis(200));
        let choice = chooser.choose().unwrap();
        assert_eq!(choice.model(), Model::Processes);
        assert_eq!(
            choice.reasons()[0],
            "it hangs: 1 of 2 samples were not done in time"
        );
    });
}

#[test]
fn a_sample_that_takes_too_long_hangs_though_the_others_are_short() {
    in_own_process(|| {
        let chooser = Chooser::new(sleep, vec![0, 0, 0, 1_500]).timeout(Duration::from_millis(500));
        let choice = chooser.choose().unwrap();
        assert_eq!(choice.model(), Model::Processes);
        assert_eq!(
            choice.reasons()[0],
            "it hangs: 1 of 4 samples were not done in time"
        );
    });
}

#[test]
fn what_keeps_growing_takes_processes() {
    in_own_process(|| {
        let choice = Chooser::new(leak, vec![1 << 20]).choose().unwrap();
        assert_eq!(choice.model(), Model::Processes);
        assert!(
            choice.reasons()[0].starts_with("its process keeps growing"),
            "{choice}"
        );
    });
}

#[test]
fn a_panic_is_no_crash() {
    in_own_process(|| {
        let choice = Chooser::new(panic_at_seven, vec![1, 7]).choose().unwrap();
        assert!(choice.reasons()[0].starts_with("it takes "), "{choice}");
    });
}
