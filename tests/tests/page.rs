//! The examples of the front page, with their output.

use trine::ProcessPool;
use trine::ThreadPool;
use trine::as_completed;
use trine_fixture::in_own_process;

fn sum_of_squares(below: u64) -> u64 {
    (0..below).map(|number| number * number).sum()
}

#[test]
fn map_over_threads_and_processes() {
    in_own_process(|| {
        let threads = ThreadPool::new(2).unwrap();
        let lengths: Result<Vec<usize>, _> = threads.map(str::len, ["a", "bb", "ccc"]).collect();
        assert_eq!(lengths.unwrap(), [1, 2, 3]);

        let processes = ProcessPool::new(2).unwrap();
        let sums: Result<Vec<u64>, _> = processes.map(sum_of_squares, [10_000, 20_000]).collect();
        assert_eq!(sums.unwrap(), [333_283_335_000, 2_666_466_670_000]);
    });
}

#[test]
fn five_jobs_on_three_workers_as_they_complete() {
    in_own_process(|| {
        let pool = ThreadPool::new(3).unwrap();
        let futures: Vec<_> = (0..5)
            .map(|number| pool.submit(|number| 2 * number, number))
            .collect();
        let mut results: Vec<u32> = as_completed(futures)
            .map(|future| future.result().unwrap())
            .collect();
        results.sort_unstable();
        assert_eq!(results, [0, 2, 4, 6, 8]);
    });
}
