//! `map` of the thread pool. Rows of the catalogue of behaviours give the names.

use crate::fixture::{DropProbe, hold, pool};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex, mpsc};
use std::thread;
use std::time::Duration;
use trine_fixture::in_own_process;
use trine_future::{Shutdown, TaskError};

const LONG: Duration = Duration::from_secs(3_600);

/// A panic that prints nothing.
fn fail<R>() -> R {
    resume_unwind(Box::new("as the test asks"))
}

/// What a map gives: a value, or that the element panicked.
fn plain<R>(results: impl IntoIterator<Item = Result<R, TaskError>>) -> Vec<Option<R>> {
    results
        .into_iter()
        .map(|result| match result {
            Ok(value) => Some(value),
            Err(error) => {
                assert!(error.is_panic(), "{error}");
                None
            }
        })
        .collect()
}

#[test]
fn m02_settings_do_not_change_results() {
    // Every way to set up a map gives what a loop gives.
    in_own_process(|| {
        for workers in 1..=3 {
            let pool = pool(workers);
            for elements in [0, 1, 2, 3, 7, 40, 200u64] {
                for failing in [1, 2, 7, u64::MAX] {
                    let function = move |number: u64| {
                        if number % failing == failing - 1 {
                            fail()
                        } else {
                            number * number
                        }
                    };
                    let expected: Vec<Option<u64>> = (0..elements)
                        .map(|number| (number % failing != failing - 1).then_some(number * number))
                        .collect();
                    assert_eq!(plain(pool.map(function, 0..elements)), expected);
                    for chunk_size in [1, 2, 3, 6, 40, 50, usize::MAX] {
                        let results = pool.map(function, 0..elements).chunk_size(chunk_size);
                        assert_eq!(plain(results), expected);
                        for look_ahead in [1, 2, 5, 40, 80, usize::MAX] {
                            let results = pool
                                .map(function, 0..elements)
                                .chunk_size(chunk_size)
                                .look_ahead(look_ahead);
                            assert_eq!(plain(results), expected);
                        }
                    }
                    let mut results = plain(pool.map(function, 0..elements).unordered());
                    let mut expected = expected.clone();
                    results.sort_unstable();
                    expected.sort_unstable();
                    assert_eq!(results, expected);
                }
            }
        }
    });
}

#[test]
fn m03_an_error_stands_in_the_place_of_its_element() {
    in_own_process(|| {
        let pool = pool(2);
        let mut results = pool.map(|number: u32| 100_u32.checked_div(number).unwrap(), [5, 4, 0]);
        assert_eq!(results.next().unwrap().unwrap(), 20);
        assert_eq!(results.next().unwrap().unwrap(), 25);
        let error = results.next().unwrap().unwrap_err();
        assert!(error.panic().unwrap().location().unwrap().contains("map.rs"));
        assert!(results.next().is_none());
    });
}

#[test]
fn m06_k18_an_error_in_a_chunk_hits_its_own_element() {
    in_own_process(|| {
        let pool = pool(1);
        let results = pool
            .map(|number| if number % 2 == 0 { fail() } else { number }, 0..6)
            .chunk_size(6);
        assert_eq!(plain(results), [None, Some(1), None, Some(3), None, Some(5)]);
    });
}

#[test]
fn m08_what_has_ended_comes_before_the_time_out() {
    in_own_process(|| {
        let pool = pool(2);
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let function = move |number| {
            if number == 2 {
                let _ = released.lock().unwrap().recv();
            }
            number
        };
        let mut results = pool
            .map(function, 0..4)
            .chunk_size(1)
            .timeout(Duration::from_secs(1));
        // The wait for the third lasts until the time is over: the first two came in time, or this fails.
        assert_eq!(results.next().unwrap().unwrap().unwrap(), 0);
        assert_eq!(results.next().unwrap().unwrap().unwrap(), 1);
        let timed_out = results.next().unwrap().unwrap_err();
        assert_eq!(timed_out.unfinished, 2);
        assert!(timed_out.to_string().contains("2 elements"), "{timed_out}");
        drop(release);
    });
}

#[test]
fn m09_k20_after_the_time_out_nothing_starts_and_nothing_comes() {
    in_own_process(|| {
        let pool = pool(1);
        let held = hold(&pool, 1);
        let ran = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&ran);
        let mut results = pool
            .map(move |_| count.fetch_add(1, Ordering::SeqCst), 0..3)
            .timeout(Duration::from_millis(1));
        assert_eq!(results.size_hint(), (1, Some(3)));
        // What is waited for is cancelled as well.
        assert!(results.next().unwrap().is_err());
        assert_eq!(results.size_hint(), (0, Some(0)));
        assert!(results.next().is_none() && results.next().is_none());
        drop(held);
        pool.shutdown(Shutdown::Drain);
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn m24_a_time_of_zero_starts_nothing() {
    in_own_process(|| {
        let pool = pool(1);
        let mut results = pool.map(|()| (), std::iter::repeat(())).timeout(Duration::ZERO);
        assert_eq!(results.next().unwrap().unwrap_err().unfinished, 0);
        assert!(results.next().is_none());
        assert_eq!(pool.map(|()| (), [(); 0]).timeout(Duration::ZERO).count(), 0);
    });
}

#[test]
fn k19_a_time_out_of_an_element_is_not_that_of_the_map() {
    in_own_process(|| {
        let pool = pool(1);
        let inner = |_| Err::<(), _>(std::io::Error::from(std::io::ErrorKind::TimedOut));
        let mut results = pool.map(inner, [1]).timeout(LONG);
        assert!(results.next().unwrap().unwrap().unwrap().is_err());
        assert!(results.next().is_none());
    });
}

#[test]
fn m10_m11_a_dropped_map_cancels_within_a_started_chunk() {
    in_own_process(|| {
        let pool = pool(1);
        let (started, has_started) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let (ran, drops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&ran);
        let function = move |(number, _probe): (usize, DropProbe<_>)| {
            count.fetch_add(1, Ordering::SeqCst);
            if number == 1 {
                started.send(()).expect("the test waits");
                let _ = released.lock().unwrap().recv();
            }
        };
        let probe = DropProbe(Arc::clone(&drops));
        let arguments: Vec<_> = (0..10).map(|number| (number, probe.clone())).collect();
        let mut results = pool.map(function, arguments).chunk_size(10);
        results.next().unwrap().unwrap();
        has_started.recv().unwrap();
        drop(results);
        // All but the one that runs, at once.
        assert_eq!(drops.load(Ordering::SeqCst), 9);
        drop(release);
        pool.shutdown(Shutdown::Drain);
        assert_eq!(ran.load(Ordering::SeqCst), 2);
        assert_eq!(drops.load(Ordering::SeqCst), 10);
    });
}

#[test]
fn what_was_taken_before_the_input_panicked_goes_with_the_map() {
    in_own_process(|| {
        let pool = pool(1);
        let drops = Arc::new(AtomicUsize::new(0));
        let probe = DropProbe(Arc::clone(&drops));
        let input = (0..).map(|number| if number < 2 { probe.clone() } else { fail() });
        let mut results = pool.map(drop, input).chunk_size(4);
        assert!(catch_unwind(AssertUnwindSafe(|| results.next())).is_err());
        assert_eq!(drops.load(Ordering::SeqCst), 0);
        drop(results);
        assert_eq!(drops.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn the_function_goes_with_the_map() {
    in_own_process(|| {
        let pool = pool(1);
        let held = hold(&pool, 1);
        let drops = Arc::new(AtomicUsize::new(0));
        let probe = DropProbe(Arc::clone(&drops));
        let results = pool
            .map(move |number| (number, probe.clone()), 0..)
            .timeout(Duration::from_millis(1));
        assert_eq!(results.count(), 1);
        // Its place in the pool's queue is still there, and holds nothing.
        assert_eq!(drops.load(Ordering::SeqCst), 1);
        drop(held);
    });
}

#[test]
fn m13_a_look_ahead_of_zero_is_refused() {
    in_own_process(|| {
        let pool = pool(1);
        let refused = catch_unwind(AssertUnwindSafe(|| pool.map(|()| (), [()]).look_ahead(0)));
        assert!(refused.is_err());
    });
}

#[test]
fn m25_m26_a_chunk_size_of_zero_is_refused_even_without_input() {
    in_own_process(|| {
        let pool = pool(1);
        let refused = catch_unwind(AssertUnwindSafe(|| pool.map(|()| (), [(); 0]).chunk_size(0)));
        assert!(refused.is_err());
    });
}

#[test]
fn m14_k21_no_more_is_taken_than_the_look_ahead() {
    in_own_process(|| {
        let pool = pool(2);
        for look_ahead in [1, 2, 3, 10, 100] {
            for chunk_size in [None, Some(1), Some(3), Some(1_000)] {
                let taken = std::cell::Cell::new(0);
                let endless = (0..).inspect(|_| taken.set(taken.get() + 1));
                let mut results = pool.map(|number: usize| number, endless).look_ahead(look_ahead);
                if let Some(chunk_size) = chunk_size {
                    results = results.chunk_size(chunk_size);
                }
                for number in 0..50 {
                    assert_eq!(results.next().unwrap().unwrap(), number);
                    assert!(taken.get() <= number + look_ahead);
                }
            }
        }
    });
}

#[test]
fn m14_of_long_elements_few_are_taken_though_nobody_has_set_a_look_ahead() {
    in_own_process(|| {
        let pool = pool(2);
        let gate = Arc::new((Mutex::new(false), Condvar::new()));
        let at_gate = Arc::clone(&gate);
        let taken = std::cell::Cell::new(0);
        let endless = (0..).inspect(|_| taken.set(taken.get() + 1));
        let wait = move |_: u64| {
            let (is_open, opened) = &*at_gate;
            drop(opened.wait_while(is_open.lock().unwrap(), |is_open| !*is_open));
        };
        // Nothing ends before that time is over, however long it is.
        let mut results = pool.map(wait, endless).timeout(Duration::from_millis(20));
        assert!(results.next().unwrap().is_err());
        assert_eq!(taken.get(), 8, "four a worker");
        *gate.0.lock().unwrap() = true;
        gate.1.notify_all();
    });
}

#[test]
fn m15_m17_m28_inputs_are_zipped() {
    in_own_process(|| {
        let pool = pool(2);
        let sums = pool
            .map(|(a, b): (u64, u64)| a + b, (0..).zip(10..))
            .look_ahead(2);
        let sums: Vec<u64> = sums.take(3).map(Result::unwrap).collect();
        assert_eq!(sums, [10, 12, 14]);
        assert_eq!(
            pool.map(|(a, b)| a + b, [1, 2, 3].into_iter().zip([1])).count(),
            1
        );
    });
}

#[test]
fn m18_no_input_gives_no_results() {
    in_own_process(|| {
        let pool = pool(1);
        let held = hold(&pool, 1);
        let mut results = pool.map(|()| (), [(); 0]);
        assert_eq!(results.size_hint(), (0, Some(0)));
        assert!(results.next().is_none() && results.next().is_none());
        assert!(pool.map(|()| (), [(); 0]).unordered().next().is_none());
        assert!(pool.map_slice(|()| (), &[]).unwrap().is_empty());
        drop(held);
    });
}

#[test]
fn m27_one_element_and_chunks_of_one() {
    in_own_process(|| {
        let pool = pool(2);
        let double = |number: u32| number * 2;
        assert_eq!(plain(pool.map(double, [4])), [Some(8)]);
        assert_eq!(plain(pool.map(double, [4]).chunk_size(1)), [Some(8)]);
        assert_eq!(plain(pool.map(double, [4]).chunk_size(9)), [Some(8)]);
        let ones = plain(pool.map(double, 0..100).chunk_size(1));
        assert_eq!(ones, (0..100).map(|number| Some(number * 2)).collect::<Vec<_>>());
    });
}

#[test]
fn a_chunk_has_no_more_memory_than_its_elements_need() {
    in_own_process(|| {
        let pool = pool(1);
        let pages = (0..3).map(|number| [number; 1 << 16]);
        let first_bytes = pool
            .map(|page: [u8; 1 << 16]| page[0], pages)
            .chunk_size(usize::MAX);
        assert_eq!(plain(first_bytes), [Some(0), Some(1), Some(2)]);
    });
}

#[test]
fn m23_nothing_happens_before_the_first_element_is_asked_for() {
    in_own_process(|| {
        let pool = pool(1);
        let taken = std::cell::Cell::new(false);
        let input = std::iter::repeat(()).inspect(|()| taken.set(true));
        let results = pool.map(|()| (), input);
        pool.shutdown(Shutdown::Drain);
        drop(results);
        assert!(!taken.get());
    });
}

#[test]
fn m29_a_panic_of_the_input_reaches_the_caller() {
    in_own_process(|| {
        let pool = pool(2);
        for chunk_size in [1, 2, 4] {
            let input = (0..10).inspect(|number| {
                if *number == 3 {
                    fail()
                }
            });
            let mut results = pool.map(|number| number, input).chunk_size(chunk_size);
            let panic = catch_unwind(AssertUnwindSafe(|| results.next())).unwrap_err();
            assert!(panic.is::<&str>());
            // What was taken before comes, and that is the end.
            assert_eq!(plain(results.by_ref()), [Some(0), Some(1), Some(2)]);
            assert!(results.next().is_none());
        }
        assert_eq!(pool.spawn(|| 1).result().unwrap(), 1);
    });
}

#[test]
fn an_element_is_yielded_before_its_chunk_has_ended() {
    in_own_process(|| {
        let pool = pool(1);
        let (sender, taken) = mpsc::channel::<usize>();
        let taken = Mutex::new(taken);
        let function = move |number: usize| {
            if number > 0 {
                assert_eq!(taken.lock().unwrap().recv().unwrap(), number - 1);
            }
            number
        };
        let results = pool.map(function, 0..100).chunk_size(100);
        for (number, result) in results.enumerate() {
            assert_eq!(result.unwrap(), number);
            sender.send(number).unwrap();
        }
    });
}

#[test]
fn elements_of_one_chunk_can_wait_for_each_other() {
    in_own_process(|| {
        let pool = pool(3);
        let meeting = Arc::new(Barrier::new(3));
        let threads = pool
            .map(
                move |_| {
                    meeting.wait();
                    thread::current().id()
                },
                0..9,
            )
            .chunk_size(9);
        let threads: HashSet<_> = threads.map(Result::unwrap).collect();
        assert_eq!(threads.len(), 3);
    });
}

#[test]
fn what_is_over_beside_an_unordered_element_that_hangs_leaves_no_memory() {
    in_own_process(|| {
        let pages = || {
            let statistics = std::fs::read_to_string("/proc/self/statm").unwrap();
            statistics.split(' ').nth(1).unwrap().parse::<usize>().unwrap()
        };
        let pool = pool(2);
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let function = move |number: usize| {
            if number == 0 {
                released.lock().unwrap().recv().unwrap();
            }
            number
        };
        let mut results = pool.map(function, 0..).chunk_size(1).unordered();
        let mut take = |count: usize| assert!(results.by_ref().take(count).all(|result| result.unwrap() > 0));
        take(10_000);
        let before = pages();
        take(300_000);
        // Ten bytes for each would be more than that.
        assert!(pages() < before + 700);
        release.send(()).unwrap();
    });
}

#[test]
fn unordered_elements_come_as_they_end() {
    in_own_process(|| {
        let pool = pool(3);
        for chunk_size in [1, 3] {
            let (senders, receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| mpsc::channel::<()>()).unzip();
            let receivers: Vec<_> = receivers.into_iter().map(Mutex::new).collect();
            let function = move |number: usize| {
                receivers[number].lock().unwrap().recv().unwrap();
                number
            };
            let mut results = pool.map(function, 0..3).chunk_size(chunk_size).unordered();
            for number in [2, 0, 1] {
                senders[number].send(()).unwrap();
                assert_eq!(results.next().unwrap().unwrap(), number);
            }
            assert!(results.next().is_none());
        }
    });
}

#[test]
fn the_order_can_be_given_up_halfway() {
    in_own_process(|| {
        let pool = pool(2);
        let mut results = pool.map(|number| number, 0..1_000);
        assert_eq!(results.next().unwrap().unwrap(), 0);
        let rest: HashSet<i32> = results.unordered().map(Result::unwrap).collect();
        assert_eq!(rest, (1..1_000).collect());
    });
}

#[test]
fn the_order_can_be_given_up_in_the_midst_of_a_chunk() {
    in_own_process(|| {
        let pool = pool(2);
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..4).map(|_| mpsc::channel::<()>()).unzip();
        let receivers: Vec<_> = receivers.into_iter().map(Mutex::new).collect();
        let function = move |number: usize| {
            receivers[number].lock().unwrap().recv().unwrap();
            number
        };
        let mut results = pool.map(function, 0..4).chunk_size(4);
        senders[0].send(()).unwrap();
        assert_eq!(results.next().unwrap().unwrap(), 0);
        let mut results = results.unordered();
        // Two threads are at 1 and 2; then one goes on to 3.
        for number in [2, 3, 1] {
            senders[number].send(()).unwrap();
            assert_eq!(results.next().unwrap().unwrap(), number);
        }
    });
}

#[test]
fn m22_what_was_yielded_is_not_kept() {
    in_own_process(|| {
        let pool = pool(1);
        let drops = Arc::new(AtomicUsize::new(0));
        let probe = DropProbe(Arc::clone(&drops));
        let arguments = vec![probe; 10];
        let mut results = pool.map(|probe| probe, arguments).chunk_size(10);
        for number in 0..10 {
            assert_eq!(drops.load(Ordering::SeqCst), number);
            drop(results.next().unwrap().unwrap());
        }
        assert!(results.next().is_none());
    });
}

#[test]
fn many_short_elements_come_in_order() {
    in_own_process(|| {
        let pool = pool(2);
        let results = pool.map(|number| number, 0..300_000u64);
        assert_eq!(results.size_hint(), (300_000, Some(300_000)));
        assert!(results.map(Result::unwrap).eq(0..300_000));
        let slice: Vec<u64> = (0..100_000).collect();
        let results = pool.map_slice(|number| *number, &slice);
        assert!(results.unwrap().into_iter().eq(0..100_000));
    });
}
