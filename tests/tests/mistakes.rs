//! The five common mistakes of the README, and what becomes of them here.

use std::collections::HashSet;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;
use trine::Lock;
use trine::ProcessPool;
use trine::ThreadPool;
use trine_fixture::{Gate, children, in_own_process, threads, wait_at_gate};

/// Threads for CPU-bound work: two tasks are under way at the same time.
#[test]
fn threads_run_in_parallel() {
    in_own_process(|| {
        let pool = ThreadPool::new(2).unwrap();
        let both = Arc::new(Barrier::new(2));
        let meet = move |_| {
            // Neither returns before the other one is here, too.
            both.wait();
            thread::current().id()
        };
        let workers: HashSet<_> = pool.map(meet, 0..2).map(Result::unwrap).collect();
        assert_eq!(workers.len(), 2);
    });
}

/// The missing `if __name__ == "__main__":`: no worker gets as far as `main`.
#[test]
fn no_guard_is_needed() {
    in_own_process(|| {
        let program = Command::new(env!("CARGO_BIN_EXE_no_guard")).output().unwrap();
        assert!(program.status.success());
        // The workers write to the same place.
        assert_eq!(String::from_utf8(program.stdout).unwrap(), "main\nsum 380\n");
    });
}

/// Shared mutable state: behind a lock, and in no other way, as `compile-fail/shared_state_without_a_lock.rs` shows.
#[test]
fn shared_state_needs_a_lock() {
    in_own_process(|| {
        let pool = ThreadPool::new(4).unwrap();
        let counter = Arc::new(Lock::new(0));
        let futures: Vec<_> = (0..4)
            .map(|_| {
                let counter = Arc::clone(&counter);
                pool.spawn(move || (0..100_000).for_each(|_| *counter.lock() += 1))
            })
            .collect();
        for future in futures {
            future.result().unwrap();
        }
        assert_eq!(*counter.lock(), 400_000);
    });
}

static COUNTER: AtomicU32 = AtomicU32::new(0);

fn raise_counter(by: u32) -> u32 {
    COUNTER.fetch_add(by, SeqCst) + by
}

/// Believing that processes share memory: a static is another one in each.
#[test]
fn statics_are_per_process() {
    in_own_process(|| {
        let threads = ThreadPool::new(1).unwrap();
        let processes = ProcessPool::new(1).unwrap();
        assert_eq!(processes.submit(raise_counter, 1).result().unwrap(), 1);
        assert_eq!(processes.submit(raise_counter, 1).result().unwrap(), 2);
        assert_eq!(COUNTER.load(SeqCst), 0);

        assert_eq!(threads.submit(raise_counter, 10).result().unwrap(), 10);
        assert_eq!(COUNTER.load(SeqCst), 10);
        assert_eq!(processes.submit(raise_counter, 1).result().unwrap(), 3);
    });
}

/// Far more threads than needed: a pool has as many workers as it was told, however many tasks there are.
#[test]
fn pools_are_bounded() {
    in_own_process(|| {
        let before = threads().len();
        let pool = ThreadPool::new(3).unwrap();
        let all = Arc::new(Barrier::new(3));
        let meet = move |_| {
            all.wait();
            thread::current().id()
        };
        let workers: HashSet<_> = pool.map(meet, 0..3).map(Result::unwrap).collect();
        assert_eq!(workers.len(), 3);
        let work = |_| thread::current().id();
        assert!(
            pool.map(work, 0..1_000)
                .all(|worker| workers.contains(&worker.unwrap()))
        );
        assert_eq!(threads().len(), before + 3);
        drop(pool);

        let pool = ProcessPool::new(2).unwrap();
        let gate = Gate::new();
        let inside = [
            pool.submit(wait_at_gate, gate.name()),
            pool.submit(wait_at_gate, gate.name()),
        ];
        let waiting = [(); 2].map(|()| gate.admit());
        drop(waiting);
        let workers = HashSet::from(inside.map(|future| future.result().unwrap()));
        assert_eq!(workers.len(), 2);
        let work = |_: u32| std::process::id();
        assert!(
            pool.map(work, 0..100)
                .all(|worker| workers.contains(&worker.unwrap()))
        );
        assert_eq!(children().len(), 2);
    });
}
