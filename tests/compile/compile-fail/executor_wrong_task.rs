use trine::{Executor, ProcessPool, TaskError};

fn total<E, F>(pool: &E, length: F) -> Result<usize, TaskError>
where
    E: Executor<F, String, Output = usize>,
    F: Clone,
{
    pool.map(length, ["a", "bcd"].map(str::to_owned)).sum()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    assert_eq!(total(&ProcessPool::new(1)?, |text: &str| text.len())?, 4);
    Ok(())
}
