//! A program with a pool. Its argument, if there is one, is the executable that is started as a worker.

use std::env;
use trine_processes::ProcessPool;

fn double(number: u32) -> u32 {
    2 * number
}

fn sum() -> Result<u32, Box<dyn std::error::Error>> {
    let mut builder = ProcessPool::builder().workers(2);
    if let Some(executable) = env::args_os().nth(1) {
        builder = builder.worker_executable(executable);
    }
    Ok(builder.build()?.map(double, 0..20).sum::<Result<u32, _>>()?)
}

fn main() {
    // Whoever links Trine and builds no pool has no thread of it.
    let threads = std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    println!("main, {threads} threads");
    match sum() {
        Ok(sum) => println!("sum {sum}"),
        Err(error) => println!("error: {}", error.to_string().replace('\n', " ")),
    }
}
