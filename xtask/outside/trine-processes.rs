// prints: [333283335000, 2666466670000]
use std::error::Error;
use trine_processes::ProcessPool;

fn sum_of_squares(limit: u64) -> u64 {
    (0..limit).map(|number| number * number).sum()
}

fn main() -> Result<(), Box<dyn Error>> {
    let pool = ProcessPool::new(2)?;
    let sums: Vec<u64> = pool
        .map(sum_of_squares, [10_000, 20_000])
        .collect::<Result<_, _>>()?;
    println!("{sums:?}");
    Ok(())
}
