//! What other pools of processes have got wrong.

use crate::fixture::{Supervised, command, in_own_process};
use std::fs::File;
use std::time::Duration;
use trine_fixture::{Gate, wait_at_gate};
use trine_processes::{ProcessPool, Shutdown};

/// Says that the process is to exit with a pool that is at work.
const EXIT: &str = "TRINE_TEST_EXIT";

fn length(bytes: Vec<u8>) -> usize {
    bytes.len()
}

fn fail(_: ()) {
    panic!("as it was told")
}

fn abort(_: u32) {
    std::process::abort()
}

fn abort_at_three(number: u32) -> u32 {
    if number == 3 {
        std::process::abort()
    }
    number
}

/// Says that it has begun, and computes for ever.
fn compute(path: std::path::PathBuf) -> u64 {
    File::create(path).expect("it can be made");
    let mut number = 1_u64;
    loop {
        number = std::hint::black_box(number.wrapping_mul(3));
    }
}

in_own_process! {
    /// Each future has an error of its own.
    #[test]
    fn k16_errors_are_not_shared() {
        let pool = ProcessPool::new(2).expect("a pool");
        let errors = [1, 2, 3].map(|number| pool.submit(abort, number).result().expect_err("it dies"));
        let pids = errors.each_ref().map(|error| error.worker_death().expect("it says so").pid);
        assert!(pids[0] != pids[1] && pids[1] != pids[2] && pids[0] != pids[2], "{pids:?}");
    }

    /// What wakes others can't fill up: a worker that does not read holds up no one who submits.
    #[test]
    fn k12_many_threads_submit_while_the_worker_is_stopped() {
        let pool = ProcessPool::new(1).expect("a pool");
        let pid = pool.submit(|()| std::process::id(), ()).result().expect("a value").cast_signed();
        // SAFETY: sends a signal to a worker of this test's own pool.
        let signal = |signal| unsafe { libc::kill(pid, signal) };
        assert_eq!(signal(libc::SIGSTOP), 0);
        let submit = || (0..1000).map(|number| pool.submit(length, vec![0; number])).collect::<Vec<_>>();
        let futures: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(submit)).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
        });
        assert_eq!(signal(libc::SIGCONT), 0);
        for (number, future) in futures.into_iter().enumerate() {
            assert_eq!(future.result().expect("a value"), number % 1000);
        }
    }

    #[test]
    fn s09_a_program_ends_although_it_never_ended_its_pool() {
        if std::env::var_os(EXIT).is_some() {
            let pool = ProcessPool::new(1).expect("a pool");
            let gate = Gate::new();
            std::mem::forget(pool.submit(wait_at_gate, gate.name()));
            let _waiting = gate.admit();
            drop(gate);
            std::mem::forget(pool.submit(length, vec![0; 10]));
            std::mem::forget(pool);
            std::process::exit(7);
        }
        let name = concat!(module_path!(), "::s09_a_program_ends_although_it_never_ended_its_pool");
        let mut command = command(&std::env::current_exe().expect("a path"), name);
        command.env(EXIT, "1");
        // Its worker holds the output until it is gone, too.
        let (output, status) = Supervised::start(command).finish();
        assert_eq!(status.code(), Some(7), "{output}");
    }

    #[test]
    fn k35_pools_that_come_and_go_leave_nothing() {
        // The process of this test is compared with itself before.
        for round in 0..200 {
            let pool = ProcessPool::new(2).expect("a pool");
            match round % 3 {
                0 => {}
                1 => assert_eq!(pool.submit(length, vec![0; round]).result().expect("a value"), round),
                _ => drop(pool.submit(abort, 0).result().expect_err("it dies")),
            }
        }
    }

    /// Nobody takes the results, and they are larger than what lies between the processes.
    #[test]
    fn k59_a_shutdown_drains_large_results_that_nobody_takes() {
        let pool = ProcessPool::new(2).expect("a pool");
        let large = |length: usize| vec![1_u8; length];
        let futures: Vec<_> = (0..6).map(|_| pool.submit(large, 5_000_000)).collect();
        pool.shutdown(Shutdown::Drain);
        for future in futures {
            assert_eq!(future.result().expect("a value").len(), 5_000_000);
        }
    }

    /// The worker is stopped while it should read, and killed then.
    #[test]
    fn k62_a_worker_killed_while_it_is_sent_a_large_argument_holds_up_nobody() {
        let pool = ProcessPool::new(1).expect("a pool");
        let pid = pool.submit(|()| std::process::id(), ()).result().expect("a value").cast_signed();
        // SAFETY: sends a signal to a worker of this test's own pool.
        let signal = |signal| unsafe { libc::kill(pid, signal) };
        assert_eq!(signal(libc::SIGSTOP), 0);
        let future = pool.submit(length, vec![0; 30_000_000]);
        let sent = || pool.stats().workers.iter().any(|worker| worker.pid == Some(pid.cast_unsigned()) && worker.state == trine_processes::WorkerState::Running);
        while !sent() {
            std::thread::yield_now();
        }
        assert_eq!(signal(libc::SIGKILL), 0);
        // It had not begun to run, so the next worker gets it.
        assert_eq!(future.result().expect("a value"), 30_000_000);
    }

    #[test]
    fn k64_a_loop_without_system_calls_does_not_survive_its_time() {
        let pool = ProcessPool::new(1).expect("a pool");
        let path = std::env::temp_dir().join(format!("trine-loop-{}", std::process::id()));
        let future = pool.task(compute, path.clone()).timeout(Duration::from_secs(2)).submit();
        assert!(future.result().expect_err("it is stopped").is_timed_out());
        std::fs::remove_file(path).expect("it has run");
        assert_eq!(pool.submit(length, vec![0; 3]).result().expect("the pool goes on"), 3);
    }

    #[test]
    fn k66_a_crash_leaves_no_item_of_a_map_unresolved() {
        let pool = ProcessPool::new(2).expect("a pool");
        let results: Vec<_> = pool.map(abort_at_three, 0..10).collect();
        assert_eq!(results.len(), 10);
        for (number, result) in (0..).zip(results) {
            match result {
                Ok(value) => assert_eq!(value, number),
                Err(error) => assert!(number == 3 && error.is_worker_death(), "{number}: {error}"),
            }
        }
    }

    #[test]
    fn p34_an_argument_of_300_megabytes_arrives() {
        let pool = ProcessPool::new(1).expect("a pool");
        assert_eq!(pool.submit(length, vec![1; 300_000_000]).result().expect("a value"), 300_000_000);
    }

    /// Workers retire after each task, some fail, others submit, and the pool is shut down meanwhile: everything ends.
    #[test]
    fn k04_a_shutdown_beside_workers_that_retire_ends() {
        for workers in [2, 4] {
            for _ in 0..10 {
                let pool = ProcessPool::builder().workers(workers).max_tasks_per_worker(1).build().expect("a pool");
                let gate = Gate::new();
                let running = pool.submit(wait_at_gate, gate.name());
                let waiting = gate.admit();
                std::thread::scope(|scope| {
                    let submitted = scope.spawn(|| {
                        let failing = pool.submit(fail, ());
                        let futures: Vec<_> = (0..50).map(|number| pool.submit(length, vec![0; number])).collect();
                        for (number, future) in futures.into_iter().enumerate() {
                            match future.result() {
                                Ok(value) => assert_eq!(value, number),
                                Err(error) => assert!(error.is_refused() || error.is_cancelled(), "{error}"),
                            }
                        }
                        failing.result().expect_err("it fails, or has not run");
                    });
                    drop(waiting);
                    pool.shutdown(Shutdown::CancelQueued);
                    submitted.join().expect("nobody panics");
                });
                running.result().expect("a value");
            }
        }
    }
}
