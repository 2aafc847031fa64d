//! Which task a worker takes next.

use crate::fixture::{hold, pool};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use trine_fixture::in_own_process;
use trine_future::Shutdown;
use trine_threads::{Handle, ThreadPool, blocking};

#[test]
fn g24_tasks_from_outside_start_in_order() {
    in_own_process(|| {
        let pool = pool(1);
        let held = hold(&pool, 1);
        let (sender, order) = mpsc::channel();
        for number in 0..100 {
            let sender = sender.clone();
            drop(pool.spawn(move || sender.send(number).unwrap()));
        }
        drop((held, sender));
        assert_eq!(order.iter().collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    });
}

/// Submits itself again until `is_enough`.
fn again(handle: &Handle, is_enough: Arc<AtomicBool>) {
    if !is_enough.load(Ordering::SeqCst) {
        let next = handle.clone();
        handle.spawn_detached(move || again(&next, is_enough));
    }
}

#[test]
fn a_task_that_submits_itself_again_keeps_none_from_outside_from_being_run() {
    in_own_process(|| {
        let pool = pool(1);
        let is_enough = Arc::new(AtomicBool::new(false));
        let (handle, until) = (pool.handle(), Arc::clone(&is_enough));
        pool.spawn(move || again(&handle, until)).result().unwrap();
        for _ in 0..10 {
            pool.spawn(|| {}).result().unwrap();
        }
        is_enough.store(true, Ordering::SeqCst);
    });
}

#[test]
fn a_task_that_submits_itself_again_keeps_no_older_one_from_being_run() {
    in_own_process(|| {
        let pool = pool(1);
        let is_enough = Arc::new(AtomicBool::new(false));
        let (handle, until) = (pool.handle(), Arc::clone(&is_enough));
        let (ran, has_run) = mpsc::channel();
        let task = pool.spawn(move || {
            handle.spawn_detached(move || ran.send(()).unwrap());
            again(&handle, until);
        });
        task.result().unwrap();
        has_run.recv().unwrap();
        is_enough.store(true, Ordering::SeqCst);
    });
}

#[test]
fn a_task_that_submits_itself_again_keeps_none_of_another_worker_from_being_run() {
    in_own_process(|| {
        let pool = pool(2);
        let is_enough = Arc::new(AtomicBool::new(false));
        let (handle, until) = (pool.handle(), Arc::clone(&is_enough));
        let (own, begins) = (pool.handle(), Arc::new(Barrier::new(2)));
        let begun = Arc::clone(&begins);
        let waiting = pool.spawn(move || {
            begun.wait();
            begun.wait();
            let (ran, has_run) = mpsc::channel();
            // It stands behind this task, which waits in a way that the pool knows nothing of.
            own.spawn_detached(move || ran.send(()).unwrap());
            has_run.recv().unwrap();
        });
        begins.wait();
        pool.spawn(move || again(&handle, until)).result().unwrap();
        begins.wait();
        waiting.result().unwrap();
        is_enough.store(true, Ordering::SeqCst);
    });
}

#[test]
fn what_a_task_submits_is_done_before_more_is_begun() {
    const TASKS: usize = 1_000;
    const PARTS: usize = 100;
    in_own_process(|| {
        let pool = pool(1);
        let held = hold(&pool, 1);
        let (waiting, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (ended, ends) = mpsc::channel();
        for _ in 0..TASKS {
            let (handle, ended) = (pool.handle(), ended.clone());
            let (waiting, most) = (Arc::clone(&waiting), Arc::clone(&most));
            pool.spawn_detached(move || {
                for _ in 0..PARTS {
                    most.fetch_max(waiting.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
                    let (waiting, ended) = (Arc::clone(&waiting), ended.clone());
                    handle.spawn_detached(move || {
                        waiting.fetch_sub(1, Ordering::SeqCst);
                        ended.send(()).unwrap();
                    });
                }
            });
        }
        drop((held, ended));
        assert_eq!(ends.iter().count(), TASKS * PARTS);
        // Some are begun beside others, so that none waits for ever.
        let most = most.load(Ordering::SeqCst);
        assert!(most < 10 * PARTS, "{most} parts waited at once");
    });
}

#[test]
fn other_workers_steal_from_one_that_is_busy() {
    in_own_process(|| {
        let pool = pool(2);
        let handle = pool.handle();
        let result = pool.spawn(move || {
            let (done, has_run) = mpsc::channel();
            // These stand in the deque of this worker, which waits in a way that runs nothing: the other one has to
            // steal them all.
            for _ in 0..10 {
                let done = done.clone();
                drop(handle.spawn(move || done.send(thread::current().id()).unwrap()));
            }
            let me = thread::current().id();
            let thieves: HashSet<_> = (0..10).map(|_| has_run.recv().unwrap()).collect();
            (me, thieves)
        });
        let (me, thieves) = result.result().unwrap();
        assert_eq!(thieves.len(), 1);
        assert!(!thieves.contains(&me));
    });
}

#[test]
fn a_task_behind_a_long_one_is_stolen_though_others_keep_coming() {
    in_own_process(|| {
        let pool = pool(2);
        let [first, second] = [hold(&pool, 1), hold(&pool, 1)];
        let (run, has_run) = mpsc::channel();
        let long = pool.spawn(move || has_run.recv().unwrap());
        drop(pool.spawn(move || run.send(()).unwrap()));
        // Each of these has another one submitted from outside before it ends, so there are always some.
        let (come, comes) = mpsc::channel::<Option<mpsc::Sender<()>>>();
        let sender = come.clone();
        let next = move || {
            let (submitted, is_submitted) = mpsc::channel();
            sender.send(Some(submitted)).unwrap();
            let _ = is_submitted.recv();
        };
        for _ in 0..200 {
            pool.spawn_detached(next.clone());
        }
        let handle = pool.handle();
        let submitter = thread::spawn(move || {
            while let Some(_submitted) = comes.recv().unwrap() {
                handle.spawn_detached(next.clone());
            }
        });
        drop(first);
        while !long.is_running() {
            thread::yield_now();
        }
        drop(second);
        long.result().unwrap();
        pool.shutdown(Shutdown::CancelQueued);
        come.send(None).unwrap();
        submitter.join().unwrap();
    });
}

/// Submits itself again until `is_enough`, at most so often. Counts how often.
fn again_at_most(most: usize, handle: &Handle, is_enough: Arc<AtomicBool>, often: Arc<AtomicUsize>) {
    if often.fetch_add(1, Ordering::SeqCst) < most && !is_enough.load(Ordering::SeqCst) {
        let next = handle.clone();
        handle.spawn_detached(move || again_at_most(most, &next, is_enough, often));
    }
}

/// `start` has two closures run side by side: one that the only worker is in while it waits for the other one, which the spare has to
/// take off its stack. But there are others for the spare, up to a number that this asserts not to be reached.
fn assert_few_come_before_a_job(start: impl FnOnce(&ThreadPool, &(dyn Fn() + Sync), &(dyn Fn() + Sync))) {
    const MOST: usize = 10_000;
    let pool = pool(1);
    let (is_enough, often) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (ran, has_run) = mpsc::channel();
    let has_run = Mutex::new(has_run);
    let job = || {
        is_enough.store(true, Ordering::SeqCst);
        ran.send(()).unwrap();
    };
    let waits = || {
        again_at_most(MOST, &pool.handle(), Arc::clone(&is_enough), Arc::clone(&often));
        blocking(|| has_run.lock().unwrap().recv()).unwrap();
    };
    start(&pool, &waits, &job);
    let often = often.load(Ordering::SeqCst);
    assert!(often < MOST, "{often} tasks came first");
}

#[test]
fn tasks_for_ever_keep_no_half_of_a_join_from_being_stolen() {
    in_own_process(|| {
        assert_few_come_before_a_job(|pool, waits, job| _ = pool.join(waits, job));
    });
}

#[test]
fn tasks_for_ever_keep_no_task_of_a_scope_from_being_stolen() {
    in_own_process(|| {
        assert_few_come_before_a_job(|pool, waits, job| {
            pool.scope(|scope| {
                scope.spawn(|_| job());
                waits();
            });
        });
    });
}
