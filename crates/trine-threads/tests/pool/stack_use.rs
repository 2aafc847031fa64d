//! What waits in each other cost: stack, and no threads.

use crate::fixture::pool;
use std::hint::black_box;
use std::thread;
use trine_fixture::in_own_process;
use trine_threads::{Handle, SPARES, ThreadPool};

/// Tasks that each wait for two of their own: no more threads than workers and spares, on stacks of two mebibytes.
#[test]
fn nested_futures_need_few_threads_and_little_stack() {
    fn fibonacci(handle: &Handle, number: u32) -> u64 {
        if number < 2 {
            return u64::from(number);
        }
        let inner = handle.clone();
        let one = handle.spawn(move || fibonacci(&inner, number - 1));
        let other = fibonacci(handle, number - 2);
        one.result().unwrap() + other
    }

    in_own_process(|| {
        for workers in [1, 2, 4] {
            let pool = ThreadPool::builder()
                .workers(workers)
                .stack_size(2 << 20)
                .build()
                .unwrap();
            let handle = pool.handle();
            let outer = pool.spawn(move || fibonacci(&handle, 25));
            while !outer.is_done() {
                let threads = std::fs::read_dir("/proc/self/task").unwrap().count();
                // The main thread, the one of the test, and perhaps the watchdog.
                assert!(threads <= workers + SPARES as usize + 3, "{threads} threads");
            }
            assert_eq!(outer.result().unwrap(), 75_025);
        }
    });
}

/// Each task waits for the next one, and runs it for that. The documentation of the crate says how much.
#[test]
fn a_wait_that_runs_its_task_takes_as_much_stack_as_stated() {
    const LEVELS: usize = 100;
    const MOST: usize = if cfg!(debug_assertions) { 4096 } else { 1024 };

    /// Where the stack is in the innermost task.
    fn descend(handle: &Handle, levels: usize) -> usize {
        let here = 0_u8;
        if levels == 0 {
            return (&raw const here).addr();
        }
        let inner = handle.clone();
        handle
            .spawn(move || descend(&inner, levels - 1))
            .result()
            .unwrap()
    }

    in_own_process(|| {
        let pool = pool(1);
        let handle = pool.handle();
        let outer = pool.spawn(move || {
            let here = 0_u8;
            (&raw const here).addr() - descend(&handle, LEVELS)
        });
        let bytes = outer.result().unwrap() / LEVELS;
        println!("{bytes} bytes of stack a level");
        assert!(bytes <= MOST, "{bytes}");
    });
}

/// Each waits for the one before, and the newest is the first that a worker would take.
#[test]
fn a_long_row_of_tasks_that_wait_for_each_other_needs_no_more_stack_than_there_is() {
    const TASKS: u64 = 50_000;

    in_own_process(|| {
        for workers in [1, 2] {
            let pool = pool(workers);
            let handle = pool.handle();
            let feeder = pool.spawn(move || {
                let first = handle.spawn(|| 0);
                let row = (0..TASKS).fold(first, |before, _| {
                    handle.spawn(move || before.result().unwrap() + 1)
                });
                row.result().unwrap()
            });
            assert_eq!(feeder.result().unwrap(), TASKS);
        }
    });
}

/// Each makes the next one, and waits for it: deeper than one stack.
#[test]
fn tasks_that_wait_for_each_other_may_use_the_stacks_of_spares() {
    fn descend(handle: &Handle, levels: usize) -> usize {
        if levels == 0 {
            return 0;
        }
        let inner = handle.clone();
        1 + handle
            .spawn(move || descend(&inner, levels - 1))
            .result()
            .unwrap()
    }

    in_own_process(|| {
        let pool = pool(1);
        let handle = pool.handle();
        let outer = pool.spawn(move || descend(&handle, 10_000));
        assert_eq!(outer.result().unwrap(), 10_000);
    });
}

/// A large frame is no reason to have a spare run each task that is waited for.
#[test]
fn a_task_with_a_large_frame_runs_what_it_waits_for() {
    in_own_process(|| {
        let pool = ThreadPool::builder()
            .workers(1)
            .stack_size(8 << 20)
            .build()
            .unwrap();
        let handle = pool.handle();
        let outer = pool.spawn(move || {
            let frame = [1_u8; 5 << 20];
            black_box(&frame);
            let runs_on = || thread::current().id();
            handle.spawn(runs_on).result().unwrap() == runs_on()
        });
        assert!(outer.result().unwrap());
    });
}

#[test]
fn what_the_variable_says_is_the_stack_of_each_thread() {
    in_own_process(|| {
        // SAFETY: no other thread of this process reads or writes variables now.
        unsafe { std::env::set_var("RUST_MIN_STACK", "16777216") };
        // More than std gives a thread, which has read the variable before.
        let large = pool(1).spawn(|| black_box([1_u8; 4 << 20]).len());
        assert_eq!(large.result().unwrap(), 4 << 20);
    });
}
