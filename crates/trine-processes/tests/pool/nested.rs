//! Pools in the tasks of pools.

use crate::fixture::{Supervised, command, in_own_process};
use crate::subreaper::Subreaper;
use std::sync::Mutex;
use trine_fixture::{Gate, wait_at_gate};
use trine_processes::{ProcessPool, Shutdown};

/// Says that the process is to run the test's program and not to look at it.
const LOOK: &str = "TRINE_TEST_LOOK";

/// A pool that a worker never drops.
static KEPT: Mutex<Option<ProcessPool>> = Mutex::new(None);

fn pool(levels: u32) -> ProcessPool {
    let builder = ProcessPool::builder().workers(1).nested_levels(levels);
    builder.build().expect("a pool")
}

/// How many levels of pools can be built here.
fn levels(_: ()) -> u32 {
    match ProcessPool::new(1) {
        Ok(pool) => 1 + pool.submit(levels, ()).result().expect("a value"),
        Err(error) => {
            assert!(error.is_nested(), "{error}");
            0
        }
    }
}

/// Waits at the gate in a worker so many levels below this one.
pub(crate) fn wait_below((levels, gate): (u32, String)) {
    if levels == 0 {
        wait_at_gate(gate);
        return;
    }
    let pool = ProcessPool::new(1).expect("a pool");
    let _ = pool.submit(wait_below, (levels - 1, gate)).result();
}

/// Builds a pool with a worker that is idle, and keeps it.
fn keep_a_pool(_: ()) -> u32 {
    let pool = ProcessPool::new(1).expect("a pool");
    let pid = pool
        .submit(|()| std::process::id(), ())
        .result()
        .expect("a value");
    *KEPT.lock().expect("nobody panics") = Some(pool);
    pid
}

fn map_in_order(numbers: Vec<u32>) -> Vec<u32> {
    let pool = ProcessPool::new(2).expect("a pool");
    pool.map(|number: u32| number * 10, numbers)
        .collect::<Result<_, _>>()
        .expect("values")
}

in_own_process! {
    #[test]
    fn p33_pools_in_tasks_have_as_many_levels_as_was_said() {
        for stated in 0..3 {
            assert_eq!(pool(stated).submit(levels, ()).result().expect("a value"), stated);
        }
    }

    #[test]
    fn a_pool_in_a_task_may_say_fewer_levels_and_not_more() {
        let with = |asked: u32| pool(asked).submit(levels, ()).result().expect("a value");
        let outer = pool(2);
        assert_eq!(outer.submit(with, 0).result().expect("a value"), 0);
        assert_eq!(outer.submit(with, 7).result().expect("a value"), 1);
    }

    #[test]
    fn l31_results_of_pools_in_tasks_come_in_order() {
        let pool = pool(1);
        let inputs = [vec![1, 2, 3], vec![4, 5], vec![6]];
        let outputs: Vec<_> = pool.map(map_in_order, inputs).collect::<Result<_, _>>().expect("values");
        assert_eq!(outputs, [vec![10, 20, 30], vec![40, 50], vec![60]]);
    }

    #[test]
    fn l34_s31_a_pool_that_is_killed_takes_four_levels_of_processes_along() {
        let subreaper = Subreaper::new();
        let gate = Gate::new();
        let pool = pool(3);
        let running = pool.submit(wait_below, (3, gate.name()));
        let waiting_below = gate.admit();
        let queued = pool.submit(levels, ());
        pool.kill();
        assert!(running.result().expect_err("it is killed").is_killed());
        assert!(queued.result().expect_err("it has not run").is_cancelled());
        drop(pool);
        assert!(subreaper.wait_for_all() <= 3);
        drop(waiting_below);
    }

    #[test]
    fn k52_l16_a_worker_that_keeps_a_pool_ends_with_its_own_pool() {
        let subreaper = Subreaper::new();
        let pool = pool(1);
        let below = pool.submit(keep_a_pool, ()).result().expect("a value");
        pool.shutdown(Shutdown::Drain);
        assert_eq!(subreaper.wait_for_all(), 1);
        assert!(!std::fs::exists(format!("/proc/{below}")).expect("there is a /proc"));
    }

    #[test]
    fn l25_an_error_below_a_worker_makes_no_noise() {
        if std::env::var_os(LOOK).is_some() {
            let crash_below = |_: ()| {
                let pool = ProcessPool::new(1).expect("a pool");
                let crash = |_: ()| -> () { std::process::abort() };
                pool.submit(crash, ()).result().expect_err("it dies").is_worker_death()
            };
            assert!(pool(1).submit(crash_below, ()).result().expect("a value"));
            return;
        }
        let name = concat!(module_path!(), "::l25_an_error_below_a_worker_makes_no_noise");
        let mut command = command(&std::env::current_exe().expect("a path"), name);
        command.env(LOOK, "1");
        let (output, status) = Supervised::start(command).finish();
        assert!(status.success(), "{output}");
        let of_the_harness = |line: &&str| line.is_empty() || line.starts_with("running ") || line.starts_with("test ");
        let noise: Vec<_> = output.lines().filter(|line| !of_the_harness(line)).collect();
        assert!(noise.is_empty(), "{noise:?}");
    }
}
