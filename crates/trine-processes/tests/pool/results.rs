//! What comes back.

use crate::fixture::in_own_process;
use crate::shared_values::segments;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::thread::{self, ThreadId};
use trine_processes::{Executor, ProcessPool, TaskError};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Page {
    title: String,
    words: Vec<u32>,
    next: Option<Box<Page>>,
}

/// The thread that has made it, or read it.
struct Witness(ThreadId);

impl Serialize for Witness {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Witness {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer)?;
        Ok(Self(thread::current().id()))
    }
}

fn sum_of_squares(below: u64) -> u64 {
    (0..below).map(|number| number * number).sum()
}

fn generic<T: ToString>(value: T) -> String {
    value.to_string()
}

fn total<E, F>(pool: &E, task: F) -> Result<u64, TaskError>
where
    E: Executor<F, u64, Output = u64>,
    F: Clone,
{
    pool.map(task, [10, 20]).sum()
}

/// Too long to be checked by a debug build, which would drop a copy.
#[derive(Serialize, Deserialize)]
struct PanicsWhenDropped(Vec<u8>);

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("never drop me");
    }
}

in_own_process! {
    #[test]
    fn a_result_that_panics_when_it_is_dropped_leaves_its_memory_free() {
        let pool = ProcessPool::new(1).expect("a pool");
        for _ in 0..3 {
            let future = pool.submit(|_: ()| PanicsWhenDropped(vec![1; 1 << 20]), ());
            let error = future.result().map(std::mem::forget).expect_err("it is an error");
            assert!(error.is_serialization(), "{error}");
        }
        assert!(pool.submit(segments, ()).result().expect("a value") <= 1);
    }

    #[test]
    fn submit_gives_the_result() {
        let pool = ProcessPool::new(2).expect("a pool");
        assert_eq!(pool.submit(sum_of_squares, 10_000).result().expect("a value"), 333_283_335_000);
        assert_eq!(pool.submit(generic::<u8>, 7).result().expect("a value"), "7");
        assert_eq!(pool.submit(generic::<char>, 'x').result().expect("a value"), "x");
    }

    #[test]
    fn closures_of_one_function_are_told_apart() {
        let pool = ProcessPool::new(1).expect("a pool");
        let results = [
            pool.submit(|number: u32| number + 1, 10),
            pool.submit(|number: u32| number * 2, 10),
            pool.submit(|number: u32| number - 1, 10),
        ];
        assert_eq!(results.map(|future| future.result().expect("a value")), [11, 20, 9]);
    }

    #[test]
    fn structures_come_back_whole() {
        let pool = ProcessPool::new(1).expect("a pool");
        let page = Page { title: "one".to_owned(), words: vec![1, 2, 3], next: None };
        let pages = Page { title: "two".to_owned(), words: Vec::new(), next: Some(Box::new(page)) };
        assert_eq!(pool.submit(|page: Page| page, pages.clone()).result().expect("a value"), pages);
        pool.submit(|nothing: ()| nothing, ()).result().expect("a value");
    }

    #[test]
    fn a_result_is_decoded_by_the_thread_that_takes_it() {
        let pool = ProcessPool::new(1).expect("a pool");
        let future = pool.submit(|_: ()| Witness(thread::current().id()), ());
        while !future.is_done() {
            thread::yield_now();
        }
        let taker = thread::spawn(|| future.result().expect("a value"));
        let id = taker.thread().id();
        assert_eq!(taker.join().expect("no panic").0, id);
    }

    #[test]
    fn x08_a_result_that_is_an_error_is_a_value() {
        let pool = ProcessPool::new(1).expect("a pool");
        let future = pool.submit(|text: String| text.parse::<u32>().map_err(|error| error.to_string()), "x".to_owned());
        assert_eq!(future.result().expect("a value"), Err("invalid digit found in string".to_owned()));
    }

    #[test]
    fn b14_arguments_and_results_of_megabytes_come_through() {
        let pool = ProcessPool::new(1).expect("a pool");
        let argument: Vec<u32> = (0..3_000_000).collect();
        let expected: Vec<u32> = argument.iter().rev().copied().collect();
        let reverse = |mut numbers: Vec<u32>| {
            numbers.reverse();
            numbers
        };
        assert!(pool.submit(reverse, argument).result().expect("a value") == expected);
    }

    #[test]
    fn map_keeps_the_order_and_is_lazy() {
        let pool = ProcessPool::new(2).expect("a pool");
        let sums: Vec<u64> =
            pool.map(sum_of_squares, [10_000, 20_000]).collect::<Result<_, _>>().expect("values");
        assert_eq!(sums, [333_283_335_000, 2_666_466_670_000]);
        let endless: Vec<u64> = pool.map(|number: u64| number + 1, 0..).take(20).map(|r| r.expect("a value")).collect();
        assert_eq!(endless, (1..=20).collect::<Vec<_>>());
        assert_eq!(pool.map(sum_of_squares, []).count(), 0);
    }

    #[test]
    fn map_goes_on_after_a_task_that_fails() {
        let pool = ProcessPool::new(2).expect("a pool");
        let results: Vec<_> = pool
            .map(|number: u32| if number == 2 { std::process::exit(9) } else { number }, 0..5)
            .map(Result::ok)
            .collect();
        assert_eq!(results, [Some(0), Some(1), None, Some(3), Some(4)]);
    }

    #[test]
    fn generic_code_takes_the_pool_as_an_executor() {
        let pool = ProcessPool::new(2).expect("a pool");
        assert_eq!(total(&pool, sum_of_squares).expect("a value"), sum_of_squares(10) + sum_of_squares(20));
    }

    #[test]
    fn p30_many_threads_submit_to_one_pool() {
        let pool = ProcessPool::new(2).expect("a pool");
        thread::scope(|scope| {
            for thread in 0..4_u32 {
                let pool = &pool;
                scope.spawn(move || {
                    let futures: Vec<_> =
                        (0..100).map(|number| pool.submit(|(a, b): (u32, u32)| a * 1000 + b, (thread, number))).collect();
                    for (number, future) in (0..).zip(futures) {
                        assert_eq!(future.result().expect("a value"), thread * 1000 + number);
                    }
                });
            }
        });
    }
}
