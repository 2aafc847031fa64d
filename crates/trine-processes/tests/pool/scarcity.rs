//! What the system does not give is an error, and never a hang.

use crate::constructors::DO;
use crate::fixture::{in_own_process, run_for, thread_named};
use crate::refusals::{allow_processes, allow_threads, refuse_processes};
use crate::shared_values::segments;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::error::Error;
use std::time::Duration;
use trine_fixture::{Gate, deny, wait_at_gate};
use trine_processes::{ProcessPool, Shutdown};

fn double(number: u32) -> u32 {
    2 * number
}

/// What the future of a task says if no worker can be started.
fn refusal(pool: &ProcessPool) -> String {
    let error = pool.submit(double, 4).result().expect_err("there is no worker");
    assert!(error.is_refused(), "{error}");
    error.to_string()
}

fn works(pool: &ProcessPool) {
    assert_eq!(pool.submit(double, 4).result().expect("a value"), 8);
}

/// A pool whose workers' constructor does something first.
fn pool_of_workers_that(do_first: &str) -> ProcessPool {
    let builder = ProcessPool::builder().workers(1).environment(DO, do_first);
    builder.build().expect("a pool")
}

/// Limits what this process has, a process of the test's own, from now on.
pub(crate) fn limit(resource: libc::__rlimit_resource_t, limit: usize) {
    let limit = libc::rlimit {
        rlim_cur: limit as libc::rlim_t,
        rlim_max: 1024,
    };
    // SAFETY: the pointer is valid.
    let limited = unsafe { libc::setrlimit(resource, &raw const limit) };
    assert_eq!(limited, 0);
}

fn limit_descriptors(descriptors: usize) {
    limit(libc::RLIMIT_NOFILE, descriptors);
}

/// The bytes of all mappings of this process.
fn address_space() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("there is a /proc");
    let pages = pages
        .split(' ')
        .next()
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("a number is first") * rustix::param::page_size() as u64
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd")
        .expect("there is a /proc")
        .count()
}

in_own_process! {
    #[test]
    fn p22_without_threads_a_pool_is_not_built() {
        // The watcher, and an attendant for each worker.
        for threads in 0..3 {
            allow_threads(threads);
            let error = ProcessPool::new(2).expect_err("one thread is missing");
            let cause = error.source().expect("there is a cause").to_string();
            assert!(cause.contains("Resource temporarily unavailable"), "{cause}");
        }
        // To start a worker takes none.
        allow_threads(3);
        works(&ProcessPool::new(2).expect("a pool"));
    }

    #[test]
    fn p22_a_worker_without_threads_is_none() {
        let pool = pool_of_workers_that("make no threads");
        let text = refusal(&pool);
        assert!(text.contains("Resource temporarily unavailable"), "{text}");
    }

    #[test]
    fn a_worker_without_memory_is_none() {
        let pool = pool_of_workers_that("have no memory");
        let text = refusal(&pool);
        assert!(text.contains("no worker can be started"), "{text}");
    }

    /// Nothing says of a task that it has not begun, so a worker has to be ready before it is given one.
    #[test]
    fn a_worker_that_lacks_something_costs_no_task_without_memory_to_share() {
        deny(&[libc::SYS_memfd_create]);
        for lack in ["make no threads", "have no memory"] {
            let text = refusal(&pool_of_workers_that(lack));
            assert!(text.contains("no worker can be started"), "{lack}: {text}");
        }
    }

    #[test]
    fn an_initializer_is_not_blamed_for_what_its_worker_lacks() {
        let builder = ProcessPool::builder().workers(1).environment(DO, "make no threads");
        let pool = builder.initializer(|(): ()| Ok::<_, String>(()), ()).build().expect("a pool");
        let text = refusal(&pool);
        assert!(text.contains("ended before it") && text.contains("Resource temporarily unavailable"), "{text}");
    }

    #[test]
    fn without_processes_there_are_few_attempts() {
        for (error, expected) in [(libc::EAGAIN, "Resource temporarily unavailable"), (libc::ENOMEM, "Cannot allocate memory")] {
            let pool = ProcessPool::new(2).expect("a pool");
            refuse_processes(error);
            let futures: Vec<_> = (0..5).map(|number| pool.submit(double, number)).collect();
            for future in futures {
                let error = future.result().expect_err("there is no worker");
                assert!(error.is_refused() && error.to_string().contains(expected), "{error}");
            }
            // Three make the pool unhealthy, and each task is worth one more; two may be under way at a time.
            let attempts = allow_processes();
            assert!((3..=3 + 5 + 1).contains(&attempts), "{attempts}");
            works(&pool);
        }
    }

    /// Wherever they run out, nothing hangs and nothing leaks.
    #[test]
    fn each_descriptor_that_is_missing_is_an_error() {
        let (mut errors, mut works) = (0, 0);
        // One is open while they are listed.
        let open = descriptors() - 1;
        for more in 0..20 {
            limit_descriptors(open + more);
            let result = ProcessPool::new(1).map(|pool| pool.submit(double, 4).result());
            limit_descriptors(1024);
            match result {
                Ok(Ok(value)) => {
                    assert_eq!(value, 8);
                    works += 1;
                }
                Ok(Err(error)) => {
                    let text = error.to_string();
                    assert!(error.is_refused() && text.contains("Too many open files"), "{more} more: {text}");
                    errors += 1;
                }
                Err(error) => {
                    let cause = error.source().expect("there is a cause").to_string();
                    assert!(cause.contains("Too many open files"), "{more} more: {cause}");
                    errors += 1;
                }
            }
            assert_eq!(descriptors() - 1, open, "{more} more");
        }
        assert!(errors >= 3 && works >= 1, "{errors} errors, {works} values");
    }

    #[test]
    fn a_worker_without_descriptors_is_none() {
        let pool = pool_of_workers_that("have no descriptors");
        let text = refusal(&pool);
        assert!(text.contains("Too many open files"), "{text}");
    }

    #[test]
    fn a_worker_executable_that_can_not_be_executed_is_named() {
        for (path, expected) in [("/nonexistent", "No such file"), ("/dev/null", "Permission denied")] {
            let builder = ProcessPool::builder().workers(1).worker_executable(path);
            let text = refusal(&builder.build().expect("a pool"));
            assert!(text.contains(path) && text.contains(expected), "{text}");
        }
    }

    #[test]
    fn a_worker_executable_that_says_no_hello_is_no_worker() {
        let builder = ProcessPool::builder().workers(1).worker_executable("/bin/true");
        let text = refusal(&builder.build().expect("a pool"));
        assert!(text.contains("ended before it was ready") && text.contains("worker_executable"), "{text}");
    }

    #[test]
    fn a_copy_of_the_executable_is_a_worker_executable() {
        let copy = std::env::temp_dir().join(format!("trine-copy-{}", std::process::id()));
        std::fs::copy(std::env::current_exe().expect("a path"), &copy).expect("it can be copied");
        let pool = ProcessPool::builder().workers(1).worker_executable(&copy).build().expect("a pool");
        let executable = |_: ()| std::fs::read_link("/proc/self/exe").expect("there is a /proc");
        assert_eq!(pool.submit(executable, ()).result().expect("a value"), copy);
        std::fs::remove_file(copy).expect("it can be removed");
    }

    /// Memory to share is a file to the kernel.
    #[test]
    fn files_may_have_no_size() {
        limit(libc::RLIMIT_FSIZE, 0);
        works(&ProcessPool::new(1).expect("a pool"));
    }

    /// But for the segments that are kept, of which there is a limit: see `shared_values`.
    #[test]
    fn descriptors_are_constant_in_parent_and_worker() {
        let pool = ProcessPool::new(1).expect("a pool");
        let count = |_: ()| descriptors() - segments(());
        let before = (pool.submit(count, ()).result().expect("a value"), count(()));
        for length in [0, 100, 100_000, 3_000_000] {
            let bytes = |length: usize| vec![1_u8; length];
            let results: Vec<_> = pool.map(bytes, [length; 10]).collect::<Result<_, _>>().expect("values");
            let lengths = |bytes: Vec<u8>| bytes.len();
            for result in pool.map(lengths, results) {
                assert_eq!(result.expect("a value"), length);
            }
            let panic = |_: ()| -> () { panic!("as it was told") };
            pool.submit(panic, ()).result().expect_err("it panics");
        }
        assert_eq!((pool.submit(count, ()).result().expect("a value"), count(())), before);
    }

    #[test]
    fn a_result_that_memory_can_not_hold_costs_its_task_on_either_way() {
        for is_shared in [true, false] {
            if !is_shared {
                deny(&[libc::SYS_memfd_create]);
            }
            let pool = ProcessPool::new(1).expect("a pool");
            works(&pool);
            // A thread that begins needs memory of its own.
            thread_named("trine-watcher");
            let long = |length: usize| vec![1_u8; length];
            let before = getrlimit(Resource::As);
            let little = address_space() + (64 << 20);
            let limited = setrlimit(Resource::As, Rlimit { current: Some(little), ..before });
            let future = pool.submit(long, 256 << 20);
            while !future.is_done() {
                std::thread::yield_now();
            }
            let restored = setrlimit(Resource::As, before);
            limited.and(restored).expect("limits can be changed");
            let error = future.result().expect_err("there is no memory for it");
            assert!(error.is_serialization(), "{error}");
            works(&pool);
        }
    }

    #[test]
    fn a_sandbox_without_pidfds_is_named() {
        deny(&[libc::SYS_pidfd_open]);
        let text = refusal(&ProcessPool::new(1).expect("a pool"));
        assert!(text.contains("pidfd_open") && text.contains("not permitted"), "{text}");
    }

    /// What can be done without is done without.
    #[test]
    fn p02_limits_that_can_not_be_read_are_no_obstacle() {
        deny(&[
            libc::SYS_sched_getaffinity,
            libc::SYS_getrlimit,
            libc::SYS_sysinfo,
            libc::SYS_membarrier,
            libc::SYS_memfd_create,
        ]);
        works(&ProcessPool::with_default_workers().expect("a pool"));
    }
}

/// A million tasks take their time in a debug build.
#[test]
fn few_descriptors_are_enough_for_four_workers_and_a_million_tasks() {
    let name = concat!(
        module_path!(),
        "::few_descriptors_are_enough_for_four_workers_and_a_million_tasks"
    );
    run_for(name, Duration::from_secs(60), || {
        limit_descriptors(64);
        let pool = ProcessPool::new(4).expect("a pool");
        let gate = Gate::new();
        let all: Vec<_> = (0..4).map(|_| pool.submit(wait_at_gate, gate.name())).collect();
        let waiting: Vec<_> = (0..4).map(|_| gate.admit()).collect();
        let before = descriptors();
        let queued: Vec<_> = (0..1_000_000).map(|number| pool.submit(double, number)).collect();
        assert_eq!(descriptors(), before);
        drop(waiting);
        for future in all {
            future.result().expect("a value");
        }
        let mut queued = queued.into_iter();
        for (number, future) in (0..).zip(queued.by_ref().take(1000)) {
            assert_eq!(future.result().expect("a value"), 2 * number);
        }
        pool.shutdown(Shutdown::CancelQueued);
        for future in queued {
            if let Err(error) = future.result() {
                assert!(error.is_cancelled(), "{error}");
            }
        }
    });
}
