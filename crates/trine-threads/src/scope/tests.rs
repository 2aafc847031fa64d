//! What a scope looks at, and what it keeps.

use super::LOOKS;
use crate::ThreadPool;
use std::sync::mpsc;
use std::thread;

#[test]
fn tasks_of_a_scope_around_are_passed_once() {
    const TASKS: usize = 1_000;
    let pool = ThreadPool::new(1).expect("the system gives threads");
    let looks = pool.scope(|outer| {
        let before = LOOKS.get();
        pool.scope(|inner| {
            for _ in 0..TASKS {
                outer.spawn(|_| ());
                inner.spawn(|_| ());
            }
        });
        LOOKS.get() - before
    });
    assert!(looks < 10 * TASKS, "{looks} looks");
}

#[test]
fn what_has_run_is_forgotten_before_the_scope_ends() {
    let pool = ThreadPool::new(2).expect("the system gives threads");
    let kept = pool.scope(|scope| {
        thread::scope(|threads| {
            threads.spawn(|| {
                for _ in 0..1_000 {
                    let (run, has_run) = mpsc::channel();
                    scope.spawn(move |_| run.send(()).expect("the spawner waits"));
                    has_run.recv().expect("the task runs");
                }
            });
        });
        scope.queued.lock().len()
    });
    assert!(kept < 100, "{kept} are kept");
}
