//! `map` over two pools: results in the order of the arguments.

use trine::{ProcessPool, ThreadPool};

fn sum_of_squares(below: u64) -> u64 {
    (0..below).map(|number| number * number).sum()
}

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let threads = ThreadPool::new(2)?;
    let lengths: Vec<usize> = threads
        .map(str::len, ["a", "bc", "def"])
        .collect::<Result<_, _>>()?;
    println!("{lengths:?}");

    let processes = ProcessPool::new(2)?;
    let sums: Vec<u64> = processes
        .map(sum_of_squares, [10_000, 20_000])
        .collect::<Result<_, _>>()?;
    println!("{sums:?}");
    Ok(())
}
