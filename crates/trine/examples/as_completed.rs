//! Five jobs for three workers: each result as soon as it is there.

use trine::{ThreadPool, as_completed};

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let pool = ThreadPool::new(3)?;
    let futures: Vec<_> = (0..5)
        .map(|job| (job, pool.submit(|number| 2 * number, job)))
        .collect();

    let mut results = Vec::new();
    for (job, future) in as_completed(futures) {
        let result = future.result()?;
        println!("job {job}: {result}");
        results.push(result);
    }
    results.sort_unstable();
    println!("{results:?}");
    Ok(())
}
