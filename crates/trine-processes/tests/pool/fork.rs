//! A pool in a child that was forked off, where it has no attendants, and workers that are not the child's.

use crate::fixture::in_own_process;
use trine_fixture::in_forked_child;
use trine_fixture::{Gate, wait_at_gate};
use trine_processes::{ProcessPool, Shutdown, Stats};

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
