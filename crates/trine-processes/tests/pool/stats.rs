//! A look inside a pool.

use crate::fixture::in_own_process;
use trine_fixture::{Gate, wait_at_gate};
use trine_processes::{ProcessPool, Shutdown, TaskCounts, WorkerState};

fn double(number: u32) -> u32 {
    number * 2
}

/// The states of the workers, in order.
fn states(pool: &ProcessPool) -> Vec<WorkerState> {
    let mut states: Vec<_> = pool.stats().workers.iter().map(|worker| worker.state).collect();
    states.sort_by_key(|state| format!("{state:?}"));
    states
}

/// Every task that was submitted is somewhere.
fn assert_balanced(pool: &ProcessPool) {
    let stats = pool.stats();
    let TaskCounts {
        submitted,
        answered,
        lost,
        timed_out,
        killed,
        cancelled,
        failed,
        ..
    } = stats.tasks;
    let running = stats
        .workers
        .iter()
        .filter(|worker| worker.state == WorkerState::Running)
        .count();
    let there = (stats.queued + running) as u64;
    assert_eq!(
        submitted,
        answered + lost + timed_out + killed + cancelled + failed + there,
        "{stats:?}"
    );
}

in_own_process! {
    #[test]
    fn l27_what_workers_do_is_seen() {
        let pool = ProcessPool::new(2).expect("a pool");
        assert_eq!(states(&pool), [WorkerState::Absent, WorkerState::Absent]);
        let gate = Gate::new();
        let running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let stats = pool.stats();
        let worker = stats.workers.iter().find(|worker| worker.state == WorkerState::Running).expect("one runs");
        assert_eq!(worker.pid, Some(waiting.pid));
        assert!(worker.age.is_some());
        assert!(worker.memory.is_some_and(|bytes| bytes > 100_000 && bytes < 1 << 30), "{worker:?}");
        assert_eq!(worker.tasks, 0);
        assert_eq!(states(&pool), [WorkerState::Absent, WorkerState::Running]);
        drop(waiting);
        running.result().expect("a value");
        for number in 0..5 {
            pool.submit(double, number).result().expect("a value");
        }
        // Its attendant may have been about to ask for the next task when that came, and another worker was started.
        assert!(states(&pool).contains(&WorkerState::Idle));
        assert_eq!(pool.stats().workers.iter().map(|worker| worker.tasks).sum::<u32>(), 6);
        assert_eq!(pool.stats().tasks.answered, 6);
    }

    #[test]
    fn a_worker_that_has_died_has_run_nothing() {
        let pool = ProcessPool::new(1).expect("a pool");
        pool.submit(double, 1).result().expect("a value");
        assert_eq!(pool.stats().workers[0].tasks, 1);
        pool.submit(|()| -> u32 { std::process::abort() }, ()).result().expect_err("it dies");
        assert_eq!(pool.stats().workers[0].tasks, 0);
    }

    #[test]
    fn a_worker_of_a_pool_that_has_ended_has_run_nothing() {
        let pool = ProcessPool::new(1).expect("a pool");
        pool.submit(double, 1).result().expect("a value");
        pool.shutdown(Shutdown::Drain);
        let worker = &pool.stats().workers[0];
        assert_eq!((worker.pid, worker.tasks), (None, 0));
    }

    #[test]
    fn what_waits_is_seen() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let _running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let _queued: Vec<_> = (0..3).map(|number| pool.submit(double, number)).collect();
        let stats = pool.stats();
        assert_eq!(stats.queued, 3);
        assert!(stats.queued_bytes >= 3);
        assert_balanced(&pool);
        drop(waiting);
    }

    #[test]
    fn each_end_of_a_task_and_of_a_worker_is_counted() {
        let pool = ProcessPool::new(1).expect("a pool");
        pool.submit(double, 1).result().expect("a value");
        pool.submit(|_: ()| panic!("no"), ()).map(|()| ()).result().expect_err("it panics");
        pool.submit(|_: ()| std::process::abort(), ()).map(|()| ()).result().expect_err("it dies");
        let pid = pool.submit(|_: ()| std::process::id(), ()).result().expect("a value");
        crate::fixture::kill(pid.into());
        while pool.stats().restarts.died_idle == 0 {
            std::thread::yield_now();
        }
        pool.submit(double, 1).result().expect("a value");
        assert_balanced(&pool);
        let stats = pool.stats();
        assert_eq!((stats.tasks.submitted, stats.tasks.answered, stats.tasks.lost), (5, 4, 1));
        assert_eq!((stats.restarts.started, stats.restarts.crashed, stats.restarts.died_idle), (3, 1, 1));
        assert!(stats.healthy);
        assert_eq!(stats.last_failed_start, None);
    }
}
