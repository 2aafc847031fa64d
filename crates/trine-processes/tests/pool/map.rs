//! `map`, whose elements travel together.

use crate::fixture::in_own_process;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;
use trine_fixture::{Gate, block_on, wait_at_gate};
use trine_processes::{ProcessPool, SharedBytes, Shutdown};

/// A file where tasks note that they run.
struct Log(PathBuf);

impl Log {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("trine-map-{}", std::process::id()));
        fs::write(&path, "").expect("files can be made");
        Self(path)
    }

    /// The numbers that were noted, in the order of the file.
    fn numbers(&self) -> Vec<u32> {
        let text = fs::read_to_string(&self.0).expect("it is there");
        text.lines().map(|line| line.parse().expect("a number")).collect()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        fs::remove_file(&self.0).expect("it is there");
    }
}

fn note(log: &Path, number: u32) {
    let mut log = File::options().append(true).open(log).expect("it is there");
    log.write_all(format!("{number}\n").as_bytes())
        .expect("it can be written");
}

fn note_and_abort_at_40((log, number): (PathBuf, u32)) -> u32 {
    note(&log, number);
    if number == 40 {
        std::process::abort();
    }
    number
}

/// Returns the number, or waits before at the gate.
fn maybe_wait((number, gate): (u32, Option<String>)) -> u32 {
    gate.map(wait_at_gate);
    number
}

/// The arguments of [`maybe_wait`], of which one waits.
fn waiting_at(place: u32, count: u32, gate: &Gate) -> Vec<(u32, Option<String>)> {
    (0..count)
        .map(|number| (number, (number == place).then(|| gate.name())))
        .collect()
}

#[derive(Deserialize)]
struct Odd(u32);

impl Serialize for Odd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 == 7 {
            return Err(serde::ser::Error::custom("not this one"));
        }
        self.0.serialize(serializer)
    }
}

in_own_process! {
    #[test]
    fn a_crash_in_a_chunk_costs_the_element_that_ran_and_none_runs_twice() {
        let pool = ProcessPool::new(1).expect("a pool");
        let log = Log::new();
        let arguments = (0..100).map(|number| (log.0.clone(), number));
        let results: Vec<_> = pool.map(note_and_abort_at_40, arguments).chunk_size(100).collect();
        for (number, result) in (0..).zip(&results) {
            match result {
                Ok(value) => assert_eq!(*value, number),
                Err(error) => assert!(number == 40 && error.is_worker_death(), "{number}: {error}"),
            }
        }
        assert!(results.len() == 100 && results[40].is_err());
        assert_eq!(log.numbers(), Vec::from_iter(0..100));
        let stats = pool.stats();
        assert_eq!((stats.tasks.submitted, stats.tasks.answered, stats.tasks.lost), (100, 99, 1));
        assert_eq!(stats.restarts.crashed, 1);
    }

    #[test]
    fn an_element_is_yielded_while_a_later_one_of_its_chunk_runs() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let mut results = pool.map(maybe_wait, waiting_at(3, 5, &gate)).chunk_size(5);
        let before: Vec<_> = results.by_ref().take(3).map(|result| result.expect("a value")).collect();
        assert_eq!(before, [0, 1, 2]);
        drop(gate.admit());
        assert_eq!(results.map(|result| result.expect("a value")).collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn what_waits_behind_a_long_element_goes_to_an_idle_worker() {
        let pool = ProcessPool::new(2).expect("a pool");
        // Both workers are there, and know that the function is short.
        assert_eq!(pool.map(maybe_wait, (0..1_000).map(|number| (number, None))).count(), 1_000);
        for place in [0, 3, 8] {
            let gate = Gate::new();
            let mut results = pool.map(maybe_wait, waiting_at(place, 10, &gate)).chunk_size(10).unordered();
            let others: HashSet<_> = results.by_ref().take(9).map(|result| result.expect("a value")).collect();
            assert_eq!(others, HashSet::from_iter((0..10).filter(|number| *number != place)));
            drop(gate.admit());
            assert_eq!(results.next().map(|result| result.expect("a value")), Some(place));
        }
    }

    #[test]
    fn a_worker_is_started_for_what_waits_behind_a_long_element() {
        let pool = ProcessPool::new(2).expect("a pool");
        let gate = Gate::new();
        let results = pool.map(wait_at_gate, vec![gate.name(); 2]).chunk_size(2);
        thread::scope(|scope| {
            let count = scope.spawn(|| results.filter(Result::is_ok).count());
            // Both are there at once.
            drop([gate.admit(), gate.admit()]);
            assert_eq!(count.join().expect("no panic"), 2);
        });
    }

    #[test]
    fn a_dropped_map_cancels_the_rest_of_a_chunk() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        // The third and later ones would wait at the gate for ever.
        let mut results = pool.map(wait_at_gate, vec![gate.name(); 10]).chunk_size(10);
        thread::scope(|scope| {
            scope.spawn(|| drop(gate.admit()));
            results.next().expect("there are ten").expect("a value");
        });
        let second = gate.admit();
        drop(results);
        drop(second);
        assert_eq!(pool.submit(maybe_wait, (7, None)).result().expect("a value"), 7);
        let tasks = pool.stats().tasks;
        assert_eq!((tasks.submitted, tasks.answered, tasks.cancelled), (11, 3, 8));
    }

    #[test]
    fn elements_fail_in_their_places() {
        let pool = ProcessPool::new(2).expect("a pool");
        let fail = |Odd(number): Odd| {
            assert_ne!(number, 3, "this one panics");
            number
        };
        let results: Vec<_> = pool.map(fail, (0..10).map(Odd)).chunk_size(10).collect();
        for (number, result) in (0..).zip(&results) {
            match (number, result) {
                (3, Err(error)) => assert!(error.is_panic(), "{error}"),
                (7, Err(error)) => assert!(error.to_string().contains("Odd"), "{error}"),
                (_, result) => assert_eq!(result.as_ref().ok(), Some(&number)),
            }
        }
        assert_eq!(results.len(), 10);
    }

    #[test]
    fn long_elements_and_shared_ones_travel_between_others() {
        let pool = ProcessPool::new(2).expect("a pool");
        let argument = |number: usize| {
            let shared = number.is_multiple_of(7).then(|| SharedBytes::from(&vec![1; 40_000 + number][..]));
            let long = vec![2_u8; if number.is_multiple_of(5) { 50_000 } else { number }];
            (number, shared, long)
        };
        let back = |(number, shared, long): (usize, Option<SharedBytes>, Vec<u8>)| {
            (number, shared.map(|shared| shared.len()), long.len(), if number == 33 { long } else { Vec::new() })
        };
        let results = pool.map(back, (0..100).map(argument)).chunk_size(30);
        let mut count = 0;
        for (number, result) in results.enumerate() {
            let (_, shared, long) = argument(number);
            let (number_back, shared_length, long_length, _) = result.expect("a value");
            assert_eq!(
                (number_back, shared_length, long_length),
                (number, shared.map(|shared| shared.len()), long.len())
            );
            count += 1;
        }
        assert_eq!(count, 100);
    }

    #[test]
    fn results_that_are_long_keep_their_places() {
        let pool = ProcessPool::new(2).expect("a pool");
        let make = |length: usize| vec![3_u8; length];
        let lengths = || (0..60).map(|number| if number % 4 == 0 { 40_000 + number } else { number });
        let results: Vec<_> = pool.map(make, lengths()).chunk_size(20).map(|result| result.expect("a value").len()).collect();
        assert_eq!(results, Vec::from_iter(lengths()));
    }

    #[test]
    fn a_map_is_a_stream_for_async_code() {
        let pool = ProcessPool::new(2).expect("a pool");
        let mut doubled = pool.map(|number: u32| number * 2, 0..1_000).into_stream();
        block_on(async {
            for number in 0..1_000 {
                assert_eq!(doubled.next().await.expect("there are more").expect("a value"), number * 2);
            }
            assert!(doubled.next().await.is_none());
        });
    }

    #[test]
    fn what_was_taken_before_the_arguments_panic_still_comes() {
        let pool = ProcessPool::new(2).expect("a pool");
        let arguments = (0..10_u32).inspect(|number| assert_ne!(*number, 5, "no more"));
        let mut results = pool.map(|number: u32| number, arguments).chunk_size(10);
        let next = AssertUnwindSafe(|| results.next());
        catch_unwind(next).map(drop).expect_err("the sixth argument panics");
        let come: Vec<_> = results.by_ref().take(5).map(|result| result.expect("a value")).collect();
        assert_eq!(come, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn what_was_taken_before_the_arguments_panic_comes_also_if_there_is_no_room_for_another_chunk() {
        let pool = ProcessPool::new(2).expect("a pool");
        let arguments = (0..10_u32).inspect(|number| assert_ne!(*number, 5, "no more"));
        let mut results = pool.map(|number: u32| number, arguments).chunk_size(10).look_ahead(10);
        let next = AssertUnwindSafe(|| results.next());
        catch_unwind(next).map(drop).expect_err("the sixth argument panics");
        let come: Vec<_> = results.by_ref().take(5).map(|result| result.expect("a value")).collect();
        assert_eq!(come, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn no_more_is_taken_than_may_be_under_way() {
        let pool = ProcessPool::new(2).expect("a pool");
        let taken = std::cell::Cell::new(0);
        let endless = (0..).inspect(|_| taken.set(taken.get() + 1));
        let results = pool.map(|number: u32| number, endless).look_ahead(50).chunk_size(20);
        for (yielded, result) in results.enumerate().take(1_000) {
            result.expect("a value");
            assert!(taken.get() <= yielded + 50, "{} taken, {yielded} yielded", taken.get());
        }
    }

    #[test]
    fn workers_are_replaced_in_the_middle_of_a_chunk() {
        let pool = ProcessPool::builder().workers(2).max_tasks_per_worker(7).build().expect("a pool");
        let pids = pool.map(|_: u32| std::process::id(), 0..100).chunk_size(50);
        let pids: Vec<_> = pids.map(|result| result.expect("a value")).collect();
        let most = pids.iter().map(|pid| pids.iter().filter(|other| *other == pid).count()).max();
        assert!(pids.len() == 100 && most <= Some(7), "{pids:?}");
    }

    #[test]
    fn a_shutdown_cancels_the_rest_of_a_chunk() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let results: Vec<_> = thread::scope(|scope| {
            let results = scope.spawn(|| pool.map(maybe_wait, waiting_at(2, 10, &gate)).chunk_size(10).collect());
            let waiting = gate.admit();
            let shutdown = scope.spawn(|| pool.shutdown(Shutdown::CancelQueued));
            while pool.stats().queued > 0 {
                thread::yield_now();
            }
            drop(waiting);
            shutdown.join().expect("no panic");
            results.join().expect("no panic")
        });
        for (number, result) in (0..).zip(&results) {
            match result {
                Ok(value) => assert!(*value == number && number <= 2),
                Err(error) => assert!(error.is_cancelled() && number > 2, "{number}: {error}"),
            }
        }
        assert_eq!(results.len(), 10);
    }
}
