//! The sums of the squares below 10,000 and below 20,000, each in a process of its own.

use trine_processes::ProcessPool;

fn sum_of_squares(below: u64) -> u64 {
    (0..below).map(|number| number * number).sum()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = ProcessPool::new(2)?;
    let sums: Vec<u64> = pool
        .map(sum_of_squares, [10_000, 20_000])
        .collect::<Result<_, _>>()?;
    println!("{sums:?}");
    Ok(())
}
