//! A library for a C++ program with static initialisers.

use std::ffi::c_int;
use trine_processes::ProcessPool;

unsafe extern "C" {
    /// What the program's static initialisers have done so far.
    safe fn program_early() -> c_int;
    safe fn program_late() -> c_int;
    safe fn program_pools() -> c_int;
}

fn initialised(_: ()) -> String {
    format!(
        "early {}, late {}, pools {}",
        program_early(),
        program_late(),
        program_pools()
    )
}

/// Builds a pool, as a static initialiser may, and tells whether it could.
#[unsafe(no_mangle)]
pub extern "C" fn archive_builds() -> c_int {
    ProcessPool::new(1).is_ok().into()
}

#[unsafe(no_mangle)]
pub extern "C" fn archive_enter() {
    trine_processes::enter_worker();
}

/// Prints what a task sees of the static initialisers.
#[unsafe(no_mangle)]
pub extern "C" fn archive_run(in_main: c_int) {
    let mut builder = ProcessPool::builder().workers(1).restart_limit(1);
    if in_main == 1 {
        builder = builder.enter_in_main();
    }
    let seen = || -> Result<String, Box<dyn std::error::Error>> {
        Ok(builder.build()?.submit(initialised, ()).result()?)
    };
    match seen() {
        Ok(seen) => println!("task: {seen}"),
        Err(error) => println!("error: {}", error.to_string().replace('\n', " ")),
    }
}
