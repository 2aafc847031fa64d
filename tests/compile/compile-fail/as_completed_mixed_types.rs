use trine::{ProcessPool, ThreadPool, as_completed};

fn double(number: u32) -> u32 {
    2 * number
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (threads, processes) = (ThreadPool::new(1)?, ProcessPool::new(1)?);
    let length = threads.submit(str::len, "trine");
    let double = processes.submit(double, 21);
    let futures = [length, double];
    let mut sum = 0;
    for future in as_completed(futures) {
        sum += future.result()?;
    }
    assert_eq!(sum, 47);
    Ok(())
}
