//! Pools built before `main`, and workers that fail before their hello, by a constructor that runs before Trine's entry.

use crate::fixture::{MARK, is_inside, run};
use crate::refusals::allow_threads;
use std::env;
use std::fs;
use std::sync::OnceLock;
use trine_processes::{BuildError, ProcessPool};

/// What the constructor does.
pub(crate) const DO: &str = "TRINE_TEST_CONSTRUCTOR";

/// The constructor's pool, in the parent and in each worker.
static BUILT: OnceLock<Result<ProcessPool, BuildError>> = OnceLock::new();

/// Constructors with a number run before those without, as Trine's is.
#[used]
#[unsafe(link_section = ".init_array.00200")]
static CONSTRUCTOR: extern "C" fn() = construct;

extern "C" fn construct() {
    let is_worker = env::var_os(MARK).is_some();
    match env::var(DO).as_deref() {
        Ok("build") => drop(BUILT.set(ProcessPool::new(1))),
        Ok("exit") if is_worker => std::process::exit(9),
        Ok("make no threads") if is_worker => allow_threads(0),
        Ok("have no memory") if is_worker => forbid(libc::RLIMIT_AS, 0),
        Ok("have no descriptors") if is_worker => forbid(libc::RLIMIT_NOFILE, 3),
        // Hangs while there is the file, which the first worker removes.
        Ok(path) if is_worker && path.starts_with('/') && fs::remove_file(path).is_ok() => loop {
            std::thread::park();
        },
        _ => {}
    }
}

/// Sets a limit of this process to what it has too much of already.
fn forbid(resource: libc::__rlimit_resource_t, limit: libc::rlim_t) {
    let limit = libc::rlimit {
        rlim_cur: limit,
        rlim_max: limit,
    };
    // SAFETY: the pointer is valid.
    let limited = unsafe { libc::setrlimit(resource, &raw const limit) };
    assert_eq!(limited, 0);
}

fn double(number: u32) -> u32 {
    number * 2
}

#[test]
fn l13_a_pool_built_in_a_constructor_works_and_starts_no_fork_bomb() {
    let name = concat!(
        module_path!(),
        "::l13_a_pool_built_in_a_constructor_works_and_starts_no_fork_bomb"
    );
    run(name, &[(DO, "build")], || {
        let built = BUILT.get().expect("the constructor has run").as_ref();
        let pool = built.expect("a pool can be built before main");
        assert_eq!(pool.submit(double, 4).result().expect("a value"), 8);
        let nested = |_: ()| {
            BUILT
                .get()
                .map(|built| built.as_ref().is_err_and(BuildError::is_nested))
        };
        assert_eq!(pool.submit(nested, ()).result().expect("a value"), Some(true));
        pool.shutdown(trine_processes::Shutdown::Drain);
    });
}

#[test]
fn workers_that_end_before_their_hello_fail_what_waits() {
    let name = concat!(
        module_path!(),
        "::workers_that_end_before_their_hello_fail_what_waits"
    );
    run(name, &[(DO, "exit")], || {
        let pool = ProcessPool::new(2).expect("a pool");
        let futures: Vec<_> = (0..5).map(|number| pool.submit(double, number)).collect();
        for future in futures {
            let text = future.result().expect_err("there is no worker").to_string();
            assert!(
                text.contains("ended before it was ready (exit status: 9)"),
                "{text}"
            );
        }
    });
}

/// Takes as long as the deadline for a hello.
#[test]
fn a_worker_that_hangs_before_its_hello_is_killed_and_replaced() {
    let name = concat!(
        module_path!(),
        "::a_worker_that_hangs_before_its_hello_is_killed_and_replaced"
    );
    let path = env::temp_dir().join(format!("trine-hang-{}", std::process::id()));
    if !is_inside() {
        fs::write(&path, "").expect("a file can be written");
    }
    run(name, &[(DO, &path.display().to_string())], || {
        let pool = ProcessPool::new(1).expect("a pool");
        assert_eq!(pool.submit(double, 4).result().expect("a value"), 8);
    });
    assert!(!path.exists(), "one worker has hung");
}

#[test]
fn workers_start_side_by_side() {
    let name = concat!(module_path!(), "::workers_start_side_by_side");
    let path = env::temp_dir().join(format!("trine-beside-{}", std::process::id()));
    if !is_inside() {
        fs::write(&path, "").expect("a file can be written");
    }
    run(name, &[(DO, &path.display().to_string())], || {
        let pool = ProcessPool::new(2).expect("a pool");
        let futures = [1, 2].map(|number| pool.submit(double, number));
        // One worker hangs until the deadline of its hello; the other one starts meanwhile, and runs both.
        let results = futures.map(|future| future.result().expect("a value"));
        assert_eq!(results, [2, 4]);
        assert_eq!(pool.stats().restarts.failed_starts, 0);
    });
}

#[test]
fn a_shutdown_gives_up_a_worker_that_nobody_needs_any_more() {
    let name = concat!(
        module_path!(),
        "::a_shutdown_gives_up_a_worker_that_nobody_needs_any_more"
    );
    let path = env::temp_dir().join(format!("trine-give-up-{}", std::process::id()));
    if !is_inside() {
        fs::write(&path, "").expect("a file can be written");
    }
    run(name, &[(DO, &path.display().to_string())], || {
        let path = env::var(DO).expect("it was set");
        let pool = ProcessPool::new(1).expect("a pool");
        let waiting = pool.submit(double, 4);
        while fs::exists(&path).expect("the folder can be read") {
            std::thread::yield_now();
        }
        pool.shutdown(trine_processes::Shutdown::CancelQueued);
        assert!(waiting.result().expect_err("nobody has run it").is_cancelled());
        let stats = pool.stats();
        assert_eq!((stats.restarts.failed_starts, stats.last_failed_start), (0, None));
    });
}
