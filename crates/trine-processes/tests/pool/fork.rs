//! A pool in a child that was forked off, where it has no attendants, and workers that are not the child's.

use crate::fixture::in_own_process;
use crate::gate::{Gate, wait_at_gate};
use std::panic::{AssertUnwindSafe, catch_unwind};
use trine_processes::{ProcessPool, Shutdown, Stats};

/// Runs `body` in a child that is forked off, and returns whether it got to its end.
fn in_forked_child(body: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child calls what a child of a process with threads may call in practice: glibc's allocator is made
    // for it. It leaves by `_exit`, and so does not run the test harness a second time.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "the system forks");
    if child == 0 {
        let succeeded = catch_unwind(AssertUnwindSafe(body)).unwrap_or(false);
        // SAFETY: it only ends the process.
        unsafe { libc::_exit(i32::from(!succeeded)) }
    }
    let mut status = 0;
    // SAFETY: the child is ours, and the place for its status is valid.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(waited, child);
    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

fn double(number: u32) -> u32 {
    2 * number
}

in_own_process! {
    #[test]
    fn a_pool_refuses_in_a_forked_child() {
        let pool = ProcessPool::new(1).expect("a pool");
        assert_eq!(pool.submit(double, 1).result().expect("a value"), 2);
        assert!(in_forked_child(|| {
            let error = pool.submit(double, 2).result().expect_err("it is refused");
            let rejected = pool.task(double, 3).try_submit().expect_err("it is refused");
            error.is_refused()
                && error.to_string().contains("forked")
                && rejected.is_closed()
                && rejected.argument == 3
                && pool.stats() == Stats::default()
        }));
        assert_eq!(pool.submit(double, 4).result().expect("the parent goes on"), 8);
    }

    #[test]
    fn a_forked_child_ends_a_pool_without_touching_its_workers() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let running = pool.task(wait_at_gate, gate.name()).kill_on_cancel().submit();
        let waiting = gate.admit();
        let mut taken = Some((pool, running));
        let pid = waiting.pid;
        assert!(in_forked_child(|| {
            let (pool, running) = taken.take().expect("it is there");
            running.cancel();
            pool.kill();
            pool.shutdown(Shutdown::Drain);
            drop(pool);
            true
        }));
        drop(waiting);
        let (_pool, running) = taken.expect("the child has taken its own copy");
        assert_eq!(running.result().expect("nobody has killed it"), pid);
    }
}
