//! Programs that lock themselves in after their pool was made, or their workers in a task.

use crate::fixture::in_own_process;
use crate::scarcity::limit;
use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use trine_fixture::{Gate, deny, deny_with, wait_at_gate};
use trine_processes::{ProcessPool, Shutdown};

fn length(bytes: Vec<u8>) -> usize {
    bytes.len()
}

/// A pool whose workers are there.
fn pool(workers: usize) -> ProcessPool {
    let pool = ProcessPool::new(workers).expect("a pool");
    for length_of in (0..workers).map(|_| pool.submit(length, vec![1])) {
        assert_eq!(length_of.result().expect("a value"), 1);
    }
    pool
}

/// The task goes on for ever, and the pool sees that its time is over.
fn assert_is_stopped(pool: &ProcessPool) {
    let forever = |()| -> u32 {
        loop {
            thread::park();
        }
    };
    let task = pool.task(forever, ()).timeout(Duration::from_millis(1));
    let error = task.submit().result().expect_err("it does not end");
    assert!(error.is_timed_out(), "{error}");
}

in_own_process! {
    #[test]
    fn limits_that_can_not_be_asked_for_are_not_made_up() {
        let pool = pool(1);
        deny(&[libc::SYS_prlimit64, libc::SYS_getrlimit]);
        let long = pool.submit(length, vec![1; 1 << 20]);
        assert_eq!(long.result().expect("a value"), 1 << 20);
        let die = |()| -> u32 { std::process::abort() };
        assert!(
            pool.submit(die, ())
                .result()
                .expect_err("it aborts")
                .is_worker_death()
        );
        assert_eq!(pool.submit(length, vec![1]).result().expect("a value"), 1);
    }

    #[test]
    fn fewer_descriptors_than_a_pool_looks_at_hide_no_time_out_and_no_end() {
        let pool = pool(4);
        limit(libc::RLIMIT_NOFILE, 5);
        assert_is_stopped(&pool);
        drop(pool);
    }

    #[test]
    fn workers_that_can_not_be_killed_are_told_to_go() {
        let pool = pool(1);
        deny_with(&[libc::SYS_kill, libc::SYS_pidfd_send_signal], libc::ENOSYS);
        assert_is_stopped(&pool);
        assert_eq!(pool.submit(length, vec![1]).result().expect("a value"), 1);
    }

    #[test]
    fn a_worker_that_can_be_neither_watched_nor_killed_is_an_error() {
        deny(&[libc::SYS_kill, libc::SYS_pidfd_open]);
        let pool = ProcessPool::new(1).expect("a pool");
        let error = pool.submit(length, vec![1]).result().expect_err("no worker");
        assert!(error.to_string().contains("pidfd_open"), "{error}");
    }

    #[test]
    fn a_worker_keeps_nothing_of_a_result_that_it_can_not_send() {
        let pool = pool(1);
        let lock_in = |()| deny(&[libc::SYS_sendmsg]);
        pool.submit(lock_in, ()).result().expect("a value");
        let long = |number: u8| vec![number; 1 << 20];
        let descriptors = |()| fs::read_dir("/proc/self/fd").expect("there is a /proc").count();
        let before = pool.submit(descriptors, ()).result().expect("a number");
        for number in 0..10 {
            pool.submit(long, number).result().expect_err("it can't be sent");
        }
        let after = pool.submit(descriptors, ()).result().expect("a number");
        // One may be kept for the next result.
        assert!(after <= before + 1, "{before} before, {after} after");
    }

    /// The callback runs on the thread that looks after the worker.
    #[test]
    fn a_pool_is_shut_down_in_a_callback_that_no_thread_could_be_had_for() {
        let pool = pool(1);
        deny_with(&[libc::SYS_clone, libc::SYS_clone3], libc::EAGAIN);
        let gate = Gate::new();
        let mut task = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let (tell, told) = mpsc::channel();
        task.on_done(move |_| {
            pool.shutdown(Shutdown::Drain);
            drop(pool);
            tell.send(()).expect("the test waits");
        });
        drop(waiting);
        told.recv().expect("the callback ends");
    }
}
