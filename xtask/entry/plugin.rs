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

/// Has a pool work, and prints what comes of it.
#[unsafe(no_mangle)]
pub extern "C" fn plugin_run() {
    match sum() {
        Ok(sum) => println!("plugin {sum}"),
        Err(error) => println!("plugin error: {error}"),
    }
    let _ = std::io::stdout().flush();
}
