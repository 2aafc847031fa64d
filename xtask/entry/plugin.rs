//! A library with a pool, for programs that know nothing of it.

use std::io::Write;
use trine_processes::ProcessPool;

fn triple(number: u32) -> u32 {
    3 * number
}

fn preload(_: ()) -> Option<String> {
    std::env::var("LD_PRELOAD").ok()
}

fn sum() -> Result<u32, Box<dyn std::error::Error>> {
    let pool = ProcessPool::new(2)?;
    let preloaded = pool.submit(preload, ()).result()?;
    assert_eq!(
        preloaded,
        std::env::var("LD_PRELOAD").ok(),
        "a task's own children load what the program's load"
    );
    Ok(pool.map(triple, 0..20).sum::<Result<u32, _>>()?)
}

/// Deletes this library while a pool needs new workers.
fn delete(library: String) -> Result<u32, Box<dyn std::error::Error>> {
    let pool = ProcessPool::builder()
        .workers(1)
        .max_tasks_per_worker(1)
        .build()?;
    assert_eq!(pool.submit(triple, 1).result()?, 3);
    std::fs::remove_file(library)?;
    Ok(pool.submit(triple, 1).result()?)
}

/// Has a pool work, and prints what comes of it.
#[unsafe(no_mangle)]
pub extern "C" fn plugin_run() {
    let result = match std::env::var("DELETE") {
        Ok(library) => delete(library),
        Err(_) => sum(),
    };
    match result {
        Ok(sum) => println!("plugin {sum}"),
        Err(error) => println!("plugin error: {error}"),
    }
    let _ = std::io::stdout().flush();
}
