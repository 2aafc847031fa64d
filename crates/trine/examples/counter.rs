//! A counter that four threads raise at once. Without the lock this does not compile.

use std::sync::Arc;
use trine::{Lock, ThreadPool, as_completed};

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let pool = ThreadPool::new(4)?;
    let counter = Arc::new(Lock::new(0));
    let futures: Vec<_> = (0..4)
        .map(|_| {
            let counter = Arc::clone(&counter);
            pool.spawn(move || {
                for _ in 0..100_000 {
                    *counter.lock() += 1;
                }
            })
        })
        .collect();
    for future in as_completed(futures) {
        future.result()?;
    }
    println!("{}", *counter.lock());
    Ok(())
}
