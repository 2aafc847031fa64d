//! What other threads run as a part of a task: a half of its join, a task of its scope, an item of its `map_slice`.

use crate::fixture::pool;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Barrier, Mutex, mpsc};
use std::thread;
use trine_fixture::in_own_process;
use trine_future::{Future, TaskError, cancelled};
use trine_threads::Handle;

/// Has another thread of the pool run a part of the calling task.
type Parting = fn(&Handle, &(dyn Fn() + Sync));

const PARTINGS: [Parting; 3] = [by_join, by_scope, by_map_slice];

fn by_join(pool: &Handle, part: &(dyn Fn() + Sync)) {
    let begun = Barrier::new(2);
    let other = || {
        begun.wait();
        part();
    };
    pool.join(|| begun.wait(), other);
}

fn by_scope(pool: &Handle, part: &(dyn Fn() + Sync)) {
    let begun = Barrier::new(2);
    pool.scope(|scope| {
        scope.spawn(|_| {
            begun.wait();
            part();
        });
        begun.wait();
    });
}

fn by_map_slice(pool: &Handle, part: &(dyn Fn() + Sync)) {
    let (begun, caller, is_run) = (Barrier::new(2), thread::current().id(), AtomicBool::new(false));
    let item = |(): &()| {
        begun.wait();
        // The caller may run neither of the two.
        if thread::current().id() != caller && !is_run.swap(true, Relaxed) {
            part();
        }
    };
    pool.map_slice(item, &[(), ()]).expect("no item panics");
}

#[test]
fn a_part_on_another_thread_is_asked_to_stop_with_its_task() {
    in_own_process(|| {
        for parting in PARTINGS {
            let pool = pool(3);
            let handle = pool.handle();
            let (runs, is_running) = mpsc::channel();
            let future = pool.spawn(move || {
                let until_asked = || {
                    runs.send(cancelled()).expect("the test listens");
                    while !cancelled() {
                        thread::yield_now();
                    }
                };
                parting(&handle, &until_asked);
            });
            assert!(!is_running.recv().expect("the part runs"));
            assert!(future.request_cancel());
            future.result().expect("the part ends");
            // The threads have forgotten the task.
            let asked = pool.map_slice(|_| cancelled(), &[(); 100]);
            assert!(!asked.expect("no item panics").contains(&true));
        }
    });
}

/// Starts a task that has a part wait for the task whose future comes over the channel. The part sends what it has waited for.
fn wait_in_a_part(
    pool: &Handle,
    parting: Parting,
    other: mpsc::Receiver<Future<()>>,
    report: mpsc::Sender<Result<(), TaskError>>,
) -> Future<()> {
    let (handle, other) = (pool.clone(), Mutex::new(other));
    pool.spawn(move || {
        let wait = || {
            let other = other.lock().expect("no part panics").recv();
            let waited = other.expect("the test sends one").result();
            report.send(waited).expect("the test reads all reports");
        };
        parting(&handle, &wait);
    })
}

#[test]
fn a_circle_through_parts_on_other_threads_gets_an_error() {
    in_own_process(|| {
        for parting in PARTINGS {
            let pool = pool(4);
            for _ in 0..200 {
                let (report, reports) = mpsc::channel();
                let ((give_one, one), (give_other, other)) = (mpsc::channel(), mpsc::channel());
                let first = wait_in_a_part(&pool.handle(), parting, one, report.clone());
                let second = wait_in_a_part(&pool.handle(), parting, other, report);
                give_one.send(second).expect("its task waits for it");
                give_other.send(first).expect("its task waits for it");
                let found: Vec<_> = reports.iter().collect();
                let deadlocks: Vec<_> = found.iter().filter_map(|waited| waited.as_ref().err()).collect();
                assert_eq!((found.len(), deadlocks.len()), (2, 1), "{found:?}");
                let text = deadlocks[0].to_string();
                assert_eq!(text.matches("waits for").count(), 2, "{text}");
            }
        }
    });
}
