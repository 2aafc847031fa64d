// prints: 42
use std::error::Error;
use trine::{AsyncPool, ProcessPool, ThreadPool, as_completed};

fn double(number: u32) -> u32 {
    2 * number
}

fn main() -> Result<(), Box<dyn Error>> {
    let (threads, processes, tasks) = (ThreadPool::new(2)?, ProcessPool::new(2)?, AsyncPool::new(2)?);
    let futures = [
        threads.submit(double, 1),
        processes.submit(double, 10),
        tasks.spawn(async { double(10) }),
    ];
    let mut sum = 0;
    for future in as_completed(futures) {
        sum += future.result()?;
    }
    println!("{sum}");
    Ok(())
}
