use std::sync::Arc;
use trine::{Executor, TaskError, ThreadPool};

fn total<E, F>(pool: &E, length: F) -> Result<usize, TaskError>
where
    E: Executor<F, String, Output = usize>,
    F: Clone,
{
    pool.map(length, ["a", "bcd"].map(str::to_owned)).sum()
}

fn length(text: String) -> usize {
    text.len()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = Arc::new(ThreadPool::new(1)?);
    assert_eq!(total(&pool, length)?, 4);
    Ok(())
}
