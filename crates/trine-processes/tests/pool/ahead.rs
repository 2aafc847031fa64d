//! Tasks that a worker is given ahead, because its tasks are short.

use crate::fixture::in_own_process;
use std::time::Duration;
use trine_fixture::{Gate, wait_at_gate};
use trine_processes::{Future, ProcessPool};

fn double(number: u32) -> u32 {
    number * 2
}

fn abort_at(number: u32) -> u32 {
    if number == 0 {
        std::process::abort()
    } else {
        number
    }
}

/// A pool whose workers have run so many short tasks that they are given some ahead.
fn fast(workers: usize) -> ProcessPool {
    let pool = ProcessPool::new(workers).expect("a pool");
    let futures: Vec<_> = (0..2_000).map(|number| pool.submit(double, number)).collect();
    for (number, future) in (0..).zip(futures) {
        assert_eq!(future.result().expect("a value"), number * 2);
    }
    pool
}

/// Submits so many that some are given ahead.
fn crowd(pool: &ProcessPool) -> Vec<Future<u32>> {
    (0..20).map(|number| pool.submit(double, number)).collect()
}

fn check(futures: Vec<Future<u32>>) {
    for (number, future) in (0..).zip(futures) {
        assert_eq!(future.result().expect("a value"), number * 2);
    }
}

in_own_process! {
    #[test]
    fn tasks_that_wait_in_a_worker_can_be_cancelled() {
        let pool = fast(1);
        let gate = Gate::new();
        let running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let others = crowd(&pool);
        assert!(others.iter().all(trine_processes::Future::cancel));
        assert!(!running.cancel(), "it has begun");
        drop(waiting);
        running.result().expect("a value");
        assert_eq!(pool.submit(double, 1).result().expect("a value"), 2);
        let tasks = pool.stats().tasks;
        assert_eq!((tasks.cancelled, tasks.answered), (20, tasks.submitted - 20));
    }

    #[test]
    fn a_crash_costs_the_task_that_ran_and_none_behind_it() {
        let pool = fast(1);
        let before = pool.stats().tasks.lost;
        let gate = Gate::new();
        let running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let crash = pool.submit(abort_at, 0);
        let others = crowd(&pool);
        drop(waiting);
        running.result().expect("a value");
        assert!(crash.result().expect_err("it aborts").is_worker_death());
        check(others);
        assert_eq!(pool.stats().tasks.lost, before + 1);
    }

    #[test]
    fn a_kill_costs_no_task_behind_the_one_that_is_killed() {
        let pool = fast(1);
        let gate = Gate::new();
        let running = pool.task(wait_at_gate, gate.name()).kill_on_cancel().submit();
        let waiting = gate.admit();
        let others = crowd(&pool);
        assert!(running.cancel());
        check(others);
        drop(waiting);
    }

    #[test]
    fn a_time_out_costs_no_task_behind_the_one_that_takes_too_long() {
        let pool = fast(1);
        let gate = Gate::new();
        // Nobody is admitted: on a busy machine its time may be over before it comes to the gate.
        let running = pool.task(wait_at_gate, gate.name()).timeout(Duration::from_secs(1)).submit();
        let others = crowd(&pool);
        assert!(running.result().expect_err("it waits").is_timed_out());
        check(others);
    }

    #[test]
    fn what_waits_behind_a_long_task_is_run_by_another_worker() {
        let pool = fast(2);
        let gate = Gate::new();
        let first = crowd(&pool);
        let running = pool.submit(wait_at_gate, gate.name());
        let second = crowd(&pool);
        let waiting = gate.admit();
        check(first);
        check(second);
        drop(waiting);
        running.result().expect("a value");
    }

    #[test]
    fn a_shutdown_cancels_what_waits_in_a_worker() {
        let pool = fast(1);
        let gate = Gate::new();
        let running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let others = crowd(&pool);
        std::thread::scope(|scope| {
            scope.spawn(|| pool.shutdown(trine_processes::Shutdown::CancelQueued));
            for future in others {
                assert!(future.result().expect_err("it does not run").is_cancelled());
            }
            drop(waiting);
        });
        running.result().expect("a value");
    }
}
