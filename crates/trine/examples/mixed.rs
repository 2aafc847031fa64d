//! All three models in one loop. Their results have different types, so `map` brings them to one.

use trine::{AsyncPool, ProcessPool, TaskError, ThreadPool, as_completed};

fn sum_of_squares(below: u64) -> u64 {
    (0..below).map(|number| number * number).sum()
}

/// Stands for code that you don't trust: a bug in it takes its process down.
fn crash(_: ()) -> u64 {
    std::process::abort()
}

/// Any future can be awaited in a task, whatever pool it is from.
async fn twice(number: trine::Future<usize>) -> Result<usize, TaskError> {
    Ok(2 * number.await?)
}

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let threads = ThreadPool::new(2)?;
    let processes = ProcessPool::new(2)?;
    let tasks = AsyncPool::new(2)?;

    let length = threads.submit(str::len, "twenty-one characters");
    let futures = [
        ("a thread", threads.submit(str::to_uppercase, "trine")),
        (
            "a process",
            processes
                .submit(sum_of_squares, 10_000)
                .map(|sum| sum.to_string()),
        ),
        (
            "a task",
            tasks
                .submit(twice, length)
                .try_map(|twice| Ok(twice?.to_string())),
        ),
        ("a crash", processes.submit(crash, ()).map(|sum| sum.to_string())),
    ];

    let mut report = Vec::new();
    for (name, future) in as_completed(futures) {
        match future.result() {
            Ok(result) => report.push(format!("{name}: {result}")),
            Err(error) => {
                // With the process id, which is another one each time.
                eprintln!("{error}");
                report.push(format!("{name}: failed"));
            }
        }
    }
    report.sort_unstable();
    println!("{}", report.join(", "));
    Ok(())
}
