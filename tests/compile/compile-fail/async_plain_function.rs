use trine::AsyncPool;

fn length(text: &str) -> usize {
    text.len()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = AsyncPool::with_default_workers()?;
    assert_eq!(pool.submit(length, "trine").result()?, 5);
    Ok(())
}
