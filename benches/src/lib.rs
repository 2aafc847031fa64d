//! Trine beside its peers: interleaved rounds in one process, printed as ratios.
//!
//! An absolute time means little on a machine that others use as well; a ratio of two medians from the same run
//! holds. Each round runs every contender once, beginning with another one each time, and the first round is thrown
//! away.

use std::time::{Duration, Instant};

/// A contender: its name, and a function that does the work once.
pub type Contender<'a> = (&'a str, Box<dyn FnMut() + 'a>);

/// Runs the contenders for `rounds` rounds of `operations` operations each, the first of them being Trine, and prints
/// a line for each: the median time of one operation, the spread (first to last quartile), and Trine's time as a
/// ratio of it.
///
/// # Panics
///
/// Without contenders or rounds.
pub fn compare(row: &str, operations: u32, rounds: usize, contenders: &mut [Contender<'_>]) {
    assert!(
        !contenders.is_empty() && rounds > 0,
        "there is nothing to compare"
    );
    let mut times: Vec<Vec<Duration>> = vec![Vec::with_capacity(rounds); contenders.len()];
    for round in 0..=rounds {
        for turn in 0..contenders.len() {
            let contender = (round + turn) % contenders.len();
            let start = Instant::now();
            contenders[contender].1();
            let elapsed = start.elapsed();
            if round > 0 {
                times[contender].push(elapsed);
            }
        }
    }
    for time in &mut times {
        time.sort_unstable();
    }
    let nanoseconds = |time: Duration| time.as_secs_f64() * 1e9 / f64::from(operations);
    let ours = nanoseconds(times[0][rounds / 2]);
    println!("{row}");
    for ((name, _), times) in contenders.iter().zip(&times) {
        let [low, median, high] = [rounds / 4, rounds / 2, rounds * 3 / 4].map(|at| nanoseconds(times[at]));
        println!(
            "  {name:24} {median:10.1} ns  ({low:.1} to {high:.1})  trine is {:.2}x",
            ours / median
        );
    }
}
