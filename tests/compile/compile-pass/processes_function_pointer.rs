use trine::ProcessPool;

fn double(number: u32) -> u32 {
    2 * number
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = ProcessPool::new(1)?;
    let double = double;
    assert_eq!(pool.submit(double, 21).result()?, 42);
    Ok(())
}
