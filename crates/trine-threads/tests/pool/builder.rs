//! What a pool can be told before it starts.

use std::collections::HashSet;
use std::process::Command;
use std::{env, thread};
use trine_fixture::in_own_process;
use trine_threads::{ThreadPool, WORKERS_VARIABLE, WhenFull};

fn name_of_thread() -> String {
    thread::current()
        .name()
        .expect("threads of pools are named")
        .to_owned()
}

#[test]
fn s15_threads_have_the_name_that_was_asked_for() {
    in_own_process(|| {
        let pool = ThreadPool::builder().workers(3).name("crawl").build().unwrap();
        let name = pool.spawn(name_of_thread).result().unwrap();
        assert!(["crawl-0", "crawl-1", "crawl-2"].contains(&&*name), "{name}");
    });
}

#[test]
fn s16_default_names_are_unique_to_the_pool() {
    in_own_process(|| {
        let pools = [(); 3].map(|()| ThreadPool::new(1).unwrap());
        let names: HashSet<_> = pools
            .iter()
            .map(|pool| pool.spawn(name_of_thread).result().unwrap())
            .collect();
        assert_eq!(names.len(), 3);
    });
}

#[test]
fn b35_a_pool_of_one_thread_per_name() {
    in_own_process(|| {
        let pools = ["one", "two"].map(|name| ThreadPool::builder().workers(1).name(name).build().unwrap());
        let names = pools
            .each_ref()
            .map(|pool| pool.spawn(name_of_thread).result().unwrap());
        assert_eq!(names, ["one-0", "two-0"]);
    });
}

#[test]
fn a_name_with_a_zero_byte_is_an_error() {
    in_own_process(|| {
        let error = ThreadPool::builder().workers(1).name("a\0b").build().unwrap_err();
        assert!(error.to_string().contains("zero byte"), "{error}");
    });
}

#[test]
fn a_task_has_the_stack_that_was_asked_for() {
    in_own_process(|| {
        const SIZE: usize = 4 << 20;
        let pool = ThreadPool::builder()
            .workers(1)
            .stack_size(16 * SIZE)
            .build()
            .unwrap();
        // More than a thread has by default: it would overflow.
        let sum = pool.spawn(|| {
            let array = std::hint::black_box([1u8; SIZE]);
            array.iter().map(|&one| usize::from(one)).sum::<usize>()
        });
        assert_eq!(sum.result().unwrap(), SIZE);
    });
}

#[test]
fn k33_a_thread_that_cannot_start_is_an_error_and_leaves_nothing() {
    in_own_process(|| {
        // More than there is address space.
        let build = ThreadPool::builder().workers(2).stack_size(1 << 60).build();
        let error = build.unwrap_err();
        assert!(std::error::Error::source(&error).is_some(), "{error}");
    });
}

#[test]
fn x03_zero_workers_are_an_error() {
    in_own_process(|| {
        assert!(
            ThreadPool::builder()
                .workers(0)
                .build()
                .unwrap_err()
                .is_no_workers()
        );
    });
}

#[test]
fn more_workers_than_a_pool_can_count_are_an_error() {
    in_own_process(|| {
        for workers in [65_472, usize::MAX] {
            let error = ThreadPool::new(workers).unwrap_err();
            assert!(error.is_too_many_workers(), "{error}");
            assert!(error.to_string().contains("32703"), "{error}");
        }
    });
}

#[test]
fn a_limit_of_zero_is_an_error() {
    in_own_process(|| {
        let build = ThreadPool::builder()
            .workers(1)
            .queue_limit(0, WhenFull::Block)
            .build();
        assert!(build.unwrap_err().to_string().contains("at least 1"));
    });
}

/// Runs the calling test again with the variable set. True in the process where it is.
fn with_variable(test: &str, value: &str) -> bool {
    const MARK: &str = "TRINE_THREADS_TEST_WITH_VARIABLE";
    if env::var_os(MARK).is_some() {
        return true;
    }
    let output = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(MARK, "1")
        .env(WORKERS_VARIABLE, value)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    false
}

#[test]
fn t01_the_default_is_what_the_environment_says() {
    if with_variable("builder::t01_the_default_is_what_the_environment_says", "3") {
        let pool = ThreadPool::builder().name("three").build().unwrap();
        assert_eq!(pool.workers(), 3);
        assert_eq!(ThreadPool::with_default_workers().unwrap().workers(), 3);
        // What the program says goes before it.
        assert_eq!(ThreadPool::new(2).unwrap().workers(), 2);
    }
}

#[test]
fn t01_without_it_the_default_is_the_number_of_cpus() {
    in_own_process(|| {
        // Affinity and the quota of the cgroup are in it.
        let cpus = thread::available_parallelism().unwrap().get();
        assert_eq!(ThreadPool::with_default_workers().unwrap().workers(), cpus);
    });
}

#[test]
fn l38_nonsense_in_the_environment_is_an_error_that_says_so() {
    if with_variable(
        "builder::l38_nonsense_in_the_environment_is_an_error_that_says_so",
        "many",
    ) {
        let error = ThreadPool::with_default_workers().unwrap_err();
        assert!(error.is_environment());
        let text = error.to_string();
        assert!(text.contains("TRINE_WORKERS") && text.contains("many"), "{text}");
        // Only the default asks for it.
        drop(ThreadPool::new(1).unwrap());
    }
}

#[test]
fn l38_no_workers_by_the_environment_is_an_error() {
    if with_variable("builder::l38_no_workers_by_the_environment_is_an_error", "0") {
        assert!(ThreadPool::with_default_workers().unwrap_err().is_environment());
    }
}
