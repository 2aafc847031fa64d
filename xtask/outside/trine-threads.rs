// prints: [1, 2, 3]
use std::error::Error;
use trine_threads::ThreadPool;

fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPool::new(4)?;
    let lengths: Vec<usize> = pool.map(str::len, ["a", "bb", "ccc"]).collect::<Result<_, _>>()?;
    println!("{lengths:?}");
    Ok(())
}
