// prints: [2, 4, 6]
use std::error::Error;
use trine_async::AsyncPool;

async fn double(number: u32) -> u32 {
    2 * number
}

fn main() -> Result<(), Box<dyn Error>> {
    let pool = AsyncPool::with_default_workers()?;
    let doubled: Vec<u32> = pool.map(double, [1, 2, 3]).collect::<Result<_, _>>()?;
    println!("{doubled:?}");
    Ok(())
}
