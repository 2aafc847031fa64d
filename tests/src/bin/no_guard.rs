//! A program of which each process that reaches `main` prints a line. Python's would need a guard around it.

use std::error::Error;
use trine::ProcessPool;

fn double(number: u32) -> u32 {
    2 * number
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("main");
    let pool = ProcessPool::new(2)?;
    let sum = pool.map(double, 0..20).sum::<Result<u32, _>>()?;
    println!("sum {sum}");
    Ok(())
}
